"""Push: a notice is brought encrypted, again if it must be, and to nobody who is gone."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.messenger import MemoryMessenger
from connectors.memory.push_subscriptions import MemoryPushSubscriptions
from connectors.memory.url_key import MemoryUrlKey
from tests.mailbox.commands import carry_out, delete, deliver, email_id, move, set_flags
from tests.push import AT, Browser
from topologies.events import Command, Event, PushDue, PushLater1m
from topologies.feedback.push import MOST_ATTEMPTS, push
from topologies.mail import push_messages as messages
from topologies.ports.messenger import NotNow, Reply
from topologies.ports.policy import PushPolicy


async def test_the_browser_alone_can_read_it_and_it_holds_ids_and_a_count() -> None:
    desk = await Desk.made()
    assert await desk.push() == []
    [posted] = desk.messenger.posted
    assert (posted.url, posted.webhook_id) == (desk.browser.endpoint, due().subscription_id)
    assert json.loads(desk.browser.read(posted.body)) == {
        "type": "email.added",
        "email_id": email_id(1),
        "folder_id": "inbox",
        "thread_id": "t",
        "cursor": 7,
        "unread_count": 1,
    }
    public = messages.public_of(messages.key_of(await desk.key.get()))
    assert posted.headers["authorization"].endswith(f", k={public}")
    assert posted.headers["ttl"] == "86400"


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_forgotten(status: int) -> None:
    desk = await Desk.made(Reply(status=status))
    assert await desk.push() == []
    assert list(await desk.subscriptions.of("ann")) == []
    assert await desk.push() == []
    assert len(desk.messenger.posted) == 1


@pytest.mark.parametrize(
    "reply", [Reply(status=0), Reply(status=429), Reply(status=503), NotNow("it is busy")]
)
async def test_what_was_not_taken_is_brought_again_a_few_times(reply: Reply | NotNow) -> None:
    desk = await Desk.made(reply, reply)
    [later] = await desk.push(attempt=3)
    assert later == PushLater1m(**fields(due(attempt=4)))
    assert await desk.push(attempt=MOST_ATTEMPTS) == []
    assert len(await desk.subscriptions.of("ann")) == 1


@pytest.mark.parametrize("status", [201, 400, 403, 413])
async def test_what_was_taken_or_will_never_be_is_not_brought_again(status: int) -> None:
    desk = await Desk.made(Reply(status=status))
    assert await desk.push() == []
    assert len(await desk.subscriptions.of("ann")) == 1


async def test_what_is_a_day_old_is_not_told_any_more() -> None:
    desk = await Desk.made()
    desk.clock.move(timedelta(days=1))
    assert await desk.push() == []
    assert desk.messenger.posted == []


@pytest.mark.parametrize(
    "command",
    [delete(1), delete(1, permanent=True), move(1, to="spam"), set_flags(1, is_read=True)],
)
async def test_of_what_was_deleted_moved_or_read_meanwhile_nobody_is_told(
    command: Command,
) -> None:
    desk = await Desk.made()
    await desk.does(command)
    assert await desk.push() == []
    assert desk.messenger.posted == []


async def test_who_unsubscribed_is_told_nothing() -> None:
    desk = await Desk.made()
    await desk.subscriptions.remove("ann", due().subscription_id)
    assert await desk.push() == []
    assert desk.messenger.posted == []


@dataclass
class Desk:
    messenger: MemoryMessenger
    browser: Browser = field(default_factory=Browser)
    subscriptions: MemoryPushSubscriptions = field(default_factory=MemoryPushSubscriptions)
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT))
    key: MemoryUrlKey = field(default_factory=MemoryUrlKey)

    def __post_init__(self) -> None:
        self.mailboxes = MemoryMailboxes(self.clock)

    @classmethod
    async def made(cls, *replies: Reply | NotNow) -> "Desk":
        desk = cls(MemoryMessenger(*replies))
        await desk.subscriptions.put(desk.browser.subscription("ann"))
        await desk.does(deliver(1))
        return desk

    async def does(self, command: Command) -> None:
        await carry_out(self.mailboxes, command)

    async def push(self, **given: Any) -> list[Event]:
        return list(
            await push(
                due(**given),
                subscriptions=self.subscriptions,
                key=self.key,
                mailboxes=self.mailboxes,
                messenger=self.messenger,
                policy=PushPolicy(contact="mailto:postmaster@shop.example"),
                clock=self.clock,
            )
        )


def due(**given: Any) -> PushDue:
    known: dict[str, Any] = {
        "subscription_id": messages.subscription_id("ann", Browser().endpoint),
        "user_id": "ann",
        "email_id": email_id(1),
        "folder_id": "inbox",
        "thread_id": "t",
        "seq": 7,
        "made_at": AT,
    }
    return PushDue(**(known | given))


def fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}
