"""Webhooks and what they answered, in Cassandra; their secrets sealed, if there is a secret."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from connectors import webhook_rows as rows
from connectors.cassandra.sending_times import micros, moment
from connectors.cassandra.session import CassandraSession, Row
from connectors.cassandra.webhooks_schema import KEPT_S
from connectors.recent import Recent
from connectors.sealed_text import Seal
from topologies.ports.clock import Clock
from topologies.ports.webhooks import MOST_OF_OWNER, TEST, Webhook, WebhookAttempt

HOURS_AT_ONCE = 24

_HOUR_US = 3_600_000_000
_COLUMNS = "webhook_id, kept, disabled_us, disabled_why, failing_since_us, failures"
_ALL = f"SELECT {_COLUMNS} FROM webhooks WHERE owner = ?"  # noqa: S608  constants, here and below
_ONE = f"{_ALL} AND webhook_id = ?"
_PUT = f"INSERT INTO webhooks (owner, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_REMOVE = "DELETE FROM webhooks WHERE owner = ? AND webhook_id = ?"
_DISABLE = (
    "UPDATE webhooks SET disabled_us = ?, disabled_why = ? WHERE owner = ? AND webhook_id = ?"
)
_FARED = "UPDATE webhooks SET failing_since_us = ?, failures = ? WHERE owner = ? AND webhook_id = ?"
_NOTE = "INSERT INTO webhook_attempts (message_id, attempt, kept) VALUES (?, ?, ?)"
_NOTED = "SELECT kept FROM webhook_attempts WHERE message_id = ? AND attempt = ?"
_LIST = (
    "INSERT INTO webhook_attempts_by_hour"
    " (webhook_id, hour, attempted_us, message_id, attempt, kept) VALUES (?, ?, ?, ?, ?, ?)"
)
_LISTED = "SELECT kept FROM webhook_attempts_by_hour WHERE webhook_id = ? AND hour = ? LIMIT ?"


class CassandraWebhooks:
    """The webhooks of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock, seal: Seal) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock
        self._seal = seal
        self._known: Recent[str, Sequence[Webhook]] = Recent(clock)

    async def add(self, webhook: Webhook) -> None:
        # Two at once may make one too many, which does no harm.
        if len(await self.of(webhook.owner)) >= MOST_OF_OWNER:
            raise ValueError(f"there may be {MOST_OF_OWNER} webhooks at most")
        await self._put(webhook)

    async def put(self, webhook: Webhook) -> bool:
        if await self.find(webhook.owner, webhook.webhook_id) is None:
            return False
        await self._put(webhook)
        return True

    async def remove(self, owner: str, webhook_id: str) -> bool:
        if await self.find(owner, webhook_id) is None:
            return False
        try:
            await self._session.execute(_REMOVE, (owner, webhook_id))
        finally:
            self._known.clear()
        return True

    async def of(self, owner: str) -> Sequence[Webhook]:
        found = await self._session.execute(_ALL, (owner,))
        return [webhook for row in found if (webhook := self._webhook(row)) is not None]

    async def told(self, owner: str) -> Sequence[Webhook]:
        known = self._known.get(owner)
        if known is None:
            asked_at = self._clock.now()
            known = [each for each in await self.of(owner) if each.is_enabled]
            self._known.put(owner, known, asked_at)
        return known

    async def find(self, owner: str, webhook_id: str) -> Webhook | None:
        found = await self._session.execute(_ONE, (owner, webhook_id))
        return self._webhook(found[0]) if found else None

    async def disable(self, owner: str, webhook_id: str, at: datetime, why: str) -> None:
        kept = await self.find(owner, webhook_id)
        if kept is None or not kept.is_enabled or kept.enabled_at > at:
            return
        try:
            await self._session.execute(_DISABLE, (micros(at), why, owner, webhook_id))
        finally:
            self._known.clear()

    async def attempt(self, message_id: str, attempt: int) -> WebhookAttempt | None:
        found = await self._session.execute(_NOTED, (message_id, attempt))
        return rows.attempt_read(found[0][0]) if found else None

    async def note(self, webhook: Webhook, attempt: WebhookAttempt) -> None:
        kept, at_us = rows.attempt_kept(attempt), micros(attempt.attempted_at)
        place = (attempt.webhook_id, at_us // _HOUR_US, at_us)
        await self._session.execute_all(
            [
                (_NOTE, (attempt.message_id, attempt.attempt, kept)),
                (_LIST, (*place, attempt.message_id, attempt.attempt, kept)),
            ]
        )
        if attempt.type != TEST and not (attempt.is_success and webhook.failing_since is None):
            await self._fared(webhook.owner, webhook.webhook_id, attempt)

    async def attempts(self, webhook_id: str, *, limit: int = 50) -> Sequence[WebhookAttempt]:
        now = micros(self._clock.now()) // _HOUR_US
        hours = range(now, now - KEPT_S // 3600 - 1, -1)
        found: list[WebhookAttempt] = []
        for first in range(0, len(hours), HOURS_AT_ONCE):
            asked = [
                (_LISTED, (webhook_id, hour, limit))
                for hour in hours[first : first + HOURS_AT_ONCE]
            ]
            for listed in await self._session.execute_all(asked):
                found += [rows.attempt_read(kept) for [kept] in listed]
            if len(found) >= limit:
                break
        return found[:limit]

    async def _put(self, webhook: Webhook) -> None:
        values = (
            webhook.owner,
            webhook.webhook_id,
            rows.kept(webhook, self._seal.sealed),
            None if webhook.disabled_at is None else micros(webhook.disabled_at),
            webhook.disabled_why,
            None if webhook.failing_since is None else micros(webhook.failing_since),
            webhook.failures,
        )
        try:
            await self._session.execute(_PUT, values)
        finally:
            self._known.clear()

    async def _fared(self, owner: str, webhook_id: str, attempt: WebhookAttempt) -> None:
        kept = await self.find(owner, webhook_id)
        if kept is None:
            return
        if attempt.is_success:
            values = (None, 0)
        else:
            values = (micros(kept.failing_since or attempt.attempted_at), kept.failures + 1)
        await self._session.execute(_FARED, (*values, owner, webhook_id))

    def _webhook(self, row: Row) -> Webhook | None:
        _, kept, disabled_us, disabled_why, failing_since_us, failures = row
        if kept is None:  # a late note of what was removed meanwhile
            return None
        return replace(
            rows.read(kept, self._seal.opened),
            disabled_at=None if disabled_us is None else moment(disabled_us),
            disabled_why=disabled_why or "",
            failing_since=None if failing_since_us is None else moment(failing_since_us),
            failures=failures or 0,
        )
