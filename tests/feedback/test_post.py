"""One try to post a message: what it came to is noted, and tried again until time is up."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.messenger import MemoryMessenger
from connectors.memory.webhooks import MemoryWebhooks
from tests.feedback.hooks import SECRET, a_webhook
from tests.services import AT
from topologies.errors import Retryable
from topologies.events import (
    WebhookDue,
    WebhookLater5m,
    WebhookLater5s,
    WebhookLater6h,
    WebhookLater30m,
)
from topologies.events.base import as_kind
from topologies.feedback.post import post
from topologies.mail import standard_webhooks
from topologies.mail import webhook_messages as messages
from topologies.ports.messenger import NotNow, Reply
from topologies.ports.webhooks import Webhook, WebhookAttempt, WebhookSecret


async def test_a_message_is_posted_with_its_signature() -> None:
    it = await Desk.open()
    assert await it.post(it.due()) == []
    [posted] = it.messenger.posted
    assert (posted.url, posted.body) == ("https://shop.example/hook", it.due().body.encode())
    assert posted.headers == standard_webhooks.headers(
        it.due().message_id, it.clock.now(), posted.body, [SECRET]
    )
    [attempt] = await it.webhooks.attempts("w")
    assert (attempt.status, attempt.next_try_at) == (204, None)


async def test_an_event_handed_in_twice_is_posted_once_and_told_alike() -> None:
    it = await Desk.open(Reply(status=500))
    first = await it.post(it.due())
    it.clock.move(timedelta(minutes=1))
    assert await it.post(it.due()) == first
    assert len(it.messenger.posted) == 1


async def test_two_at_the_same_time_are_posted_once() -> None:
    it = await Desk.open(Reply(status=500))
    both = await asyncio.gather(it.post(it.due()), it.post(it.due()))
    assert both[0] == both[1]
    assert len(it.messenger.posted) == 1


async def test_what_was_answered_is_noted_however_long_that_takes() -> None:
    it = await Desk.open()
    it.webhooks.failures = 2
    await it.post(it.due())
    assert len(it.messenger.posted) == 1
    assert await it.webhooks.attempt(it.due().message_id, 1) is not None


@pytest.mark.parametrize("status", [0, 302, 400, 404, 429, 500, 503])
async def test_whatever_is_no_success_is_tried_again(status: int) -> None:
    it = await Desk.open(Reply(status=status))
    [later] = await it.post(it.due())
    assert isinstance(later, WebhookLater5s)
    assert (later.attempt, later.body, later.message_id) == (
        *(2, it.due().body),
        it.due().message_id,
    )


@pytest.mark.parametrize(
    ("asked_s", "wait"), [(1, WebhookLater5s), (100, WebhookLater5m), (10**6, WebhookLater6h)]
)
async def test_who_asks_for_time_gets_it_within_bounds(asked_s: float, wait: type) -> None:
    it = await Desk.open(Reply(status=503, after_s=asked_s))
    [later] = await it.post(it.due())
    assert type(later) is wait


async def test_a_message_is_tried_for_three_days_with_one_id_and_then_given_up() -> None:
    it = await Desk.open(*[Reply(status=500)] * 100)
    event = it.due()
    kinds: list[type] = []
    while later := await it.post(event):
        [waiting] = later
        kinds.append(type(waiting))
        [last] = await it.webhooks.attempts("w", limit=1)
        assert last.next_try_at is not None
        it.clock.move(last.next_try_at - it.clock.now())
        event = as_kind(waiting, WebhookDue)
    assert kinds[:3] == [WebhookLater5s, WebhookLater5m, WebhookLater30m]
    assert kinds[-1] is WebhookLater6h
    passed = it.clock.now() - AT
    assert timedelta(hours=66) < passed <= timedelta(days=3)
    assert {each.headers["webhook-id"] for each in it.messenger.posted} == {event.message_id}
    stamps = [int(each.headers["webhook-timestamp"]) for each in it.messenger.posted]
    assert stamps == sorted(set(stamps))
    assert (await it.webhook()).is_enabled


async def test_while_a_secret_is_replaced_both_sign_and_then_the_new_one() -> None:
    it = await Desk.open()
    old, new = (
        WebhookSecret(text=SECRET, until=AT + timedelta(days=1)),
        WebhookSecret(text=standard_webhooks.new_secret()),
    )
    await it.webhooks.put(replace(await it.webhook(), secrets=(new, old)))
    await it.post(it.due())
    it.clock.move(timedelta(days=1))
    await it.post(it.due(attempt=2))
    counts = [len(each.headers["webhook-signature"].split()) for each in it.messenger.posted]
    assert counts == [2, 1]


async def test_a_webhook_that_answers_410_is_disabled_and_nothing_waits_for_it() -> None:
    it = await Desk.open(Reply(status=410))
    assert await it.post(it.due()) == []
    webhook = await it.webhook()
    assert (webhook.is_enabled, webhook.disabled_why) == (False, "it answered 410 Gone")
    assert await it.post(it.due(message_id="another")) == []
    assert len(it.messenger.posted) == 1


async def test_a_crash_before_it_was_disabled_is_made_good_by_the_replay() -> None:
    it = await Desk.open()
    gone = noted(it.due(), 410)
    await it.webhooks.note(await it.webhook(), gone)
    assert await it.post(it.due()) == []
    assert not (await it.webhook()).is_enabled
    assert it.messenger.posted == []


async def test_who_was_switched_on_since_is_not_disabled_by_what_was_before() -> None:
    it = await Desk.open()
    await it.webhooks.note(await it.webhook(), noted(it.due(), 410))
    await it.webhooks.put(replace(await it.webhook(), enabled_at=AT + timedelta(seconds=1)))
    await it.post(it.due())
    assert (await it.webhook()).is_enabled


async def test_a_webhook_that_takes_nothing_for_five_days_is_disabled() -> None:
    it = await Desk.open(*[Reply(status=500)] * 100)
    for day in range(6):
        for number in range(2):
            made = {"made_at": it.clock.now(), "message_id": f"{day}.{number}"}
            await it.post(it.due(**made))
        assert (await it.webhook()).is_enabled == (day < 5)
        it.clock.move(timedelta(days=1))
    assert "it took nothing for 5 days" in (await it.webhook()).disabled_why


async def test_one_success_begins_the_count_anew() -> None:
    it = await Desk.open(Reply(status=500), Reply(status=200), Reply(status=500))
    for number in range(3):
        await it.post(it.due(message_id=str(number)))
        it.clock.move(timedelta(days=1))
    webhook = await it.webhook()
    assert (webhook.failing_since, webhook.failures) == (AT + timedelta(days=2), 1)


async def test_what_was_put_off_waits_and_counts_as_no_attempt() -> None:
    it = await Desk.open(NotNow("busy"), NotNow("busy"))
    [later] = await it.post(it.due())
    assert isinstance(later, WebhookLater5s)
    assert (later.attempt, later.put_off) == (1, 1)
    [later] = await it.post(as_kind(later, WebhookDue))
    assert isinstance(later, WebhookLater5m)
    assert (later.attempt, later.put_off) == (1, 2)
    assert await it.webhooks.attempts("w") == []
    assert await it.post(as_kind(later, WebhookDue)) == []
    assert len(it.messenger.posted) == 1


async def test_whose_turn_never_comes_is_given_up_and_seen() -> None:
    it = await Desk.open(NotNow("busy"))
    it.clock.move(timedelta(days=3, seconds=1))
    assert await it.post(it.due()) == []
    [attempt] = await it.webhooks.attempts("w")
    assert (attempt.status, attempt.text) == (0, "it was never its turn: busy")


async def test_nothing_is_posted_to_who_is_gone() -> None:
    it = await Desk.open()
    await it.webhooks.remove("ann", "w")
    assert await it.post(it.due()) == []
    assert it.messenger.posted == []


async def test_a_trial_is_posted_once_even_to_who_is_disabled_and_counts_neither_way() -> None:
    it = await Desk.open(Reply(status=500), Reply(status=410))
    await it.webhooks.disable("ann", "w", AT, "tired")
    for _ in range(2):
        trial = messages.of_trial(await it.webhook(), AT)
        assert await it.post(trial) == []
    assert len(it.messenger.posted) == 2
    webhook = await it.webhook()
    assert (webhook.failures, webhook.disabled_why) == (0, "tired")
    assert [each.status for each in await it.webhooks.attempts("w")].count(410) == 1


class Away(MemoryWebhooks):
    """Webhooks that are out of reach when something is noted, for a while."""

    failures = 0

    async def note(self, webhook: Webhook, attempt: WebhookAttempt) -> None:
        if self.failures:
            self.failures -= 1
            raise Retryable("away", after_s=0.001)
        await super().note(webhook, attempt)


@dataclass
class Desk:
    """The stage `post`, with a webhook ``w`` of ann's."""

    clock: ManualClock
    webhooks: Away
    messenger: MemoryMessenger

    @classmethod
    async def open(cls, *replies: Reply | NotNow) -> "Desk":
        made = cls(ManualClock(AT), Away(), MemoryMessenger(*replies))
        await made.webhooks.add(a_webhook("ann", "w"))
        return made

    async def post(self, due: WebhookDue) -> Sequence[Any]:
        return await post(due, webhooks=self.webhooks, messenger=self.messenger, clock=self.clock)

    async def webhook(self) -> Webhook:
        found = await self.webhooks.find("ann", "w")
        assert found is not None
        return found

    def due(self, **given: Any) -> WebhookDue:
        known: dict[str, Any] = {
            "message_id": "m",
            "webhook_id": "w",
            "owner": "ann",
            "type": "email.bounced",
            "made_at": AT,
            "body": '{"type": "email.bounced", "data": {"text": "ünïcödé"}}',
        }
        return WebhookDue(**(known | given))


def noted(due: WebhookDue, status: int) -> WebhookAttempt:
    return WebhookAttempt(
        webhook_id=due.webhook_id,
        message_id=due.message_id,
        type=due.type,
        attempt=due.attempt,
        attempted_at=AT,
        status=status,
    )
