"""Webhooks in dicts: for tests, and what the others are held against."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from topologies.ports.webhooks import MOST_OF_OWNER, TEST, Webhook, WebhookAttempt


class MemoryWebhooks:
    """The webhooks of one process, gone with it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Webhook] = {}
        self._attempts: dict[tuple[str, int], WebhookAttempt] = {}

    async def add(self, webhook: Webhook) -> None:
        if len(await self.of(webhook.owner)) >= MOST_OF_OWNER:
            raise ValueError(f"there may be {MOST_OF_OWNER} webhooks at most")
        self._kept[_place(webhook)] = webhook

    async def put(self, webhook: Webhook) -> bool:
        if _place(webhook) not in self._kept:
            return False
        self._kept[_place(webhook)] = webhook
        return True

    async def remove(self, owner: str, webhook_id: str) -> bool:
        return self._kept.pop((owner, webhook_id), None) is not None

    async def of(self, owner: str) -> Sequence[Webhook]:
        return [kept for _, kept in sorted(self._kept.items()) if kept.owner == owner]

    async def told(self, owner: str) -> Sequence[Webhook]:
        return [each for each in await self.of(owner) if each.is_enabled]

    async def find(self, owner: str, webhook_id: str) -> Webhook | None:
        return self._kept.get((owner, webhook_id))

    async def disable(self, owner: str, webhook_id: str, at: datetime, why: str) -> None:
        kept = self._kept.get((owner, webhook_id))
        if kept is not None and kept.is_enabled and kept.enabled_at <= at:
            self._kept[owner, webhook_id] = replace(kept, disabled_at=at, disabled_why=why)

    async def attempt(self, message_id: str, attempt: int) -> WebhookAttempt | None:
        return self._attempts.get((message_id, attempt))

    async def note(self, webhook: Webhook, attempt: WebhookAttempt) -> None:
        place = (attempt.message_id, attempt.attempt)
        if place in self._attempts:
            return
        self._attempts[place] = attempt
        kept = self._kept.get(_place(webhook))
        if kept is None or attempt.type == TEST:
            return
        if attempt.is_success:
            fared = replace(kept, failing_since=None, failures=0)
        else:
            since = kept.failing_since or attempt.attempted_at
            fared = replace(kept, failing_since=since, failures=kept.failures + 1)
        self._kept[_place(webhook)] = fared

    async def attempts(self, webhook_id: str, *, limit: int = 50) -> Sequence[WebhookAttempt]:
        mine = [each for each in self._attempts.values() if each.webhook_id == webhook_id]
        mine.sort(key=lambda each: (each.attempted_at, each.message_id, each.attempt), reverse=True)
        return mine[:limit]


def _place(webhook: Webhook) -> tuple[str, str]:
    return webhook.owner, webhook.webhook_id
