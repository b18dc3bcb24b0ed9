"""bring_back: who sent a mail is reminded of it once if nobody has answered; else never."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.snoozes import MemorySnoozes
from tests.mailbox.commands import AT, deliver, email_id, folder_id
from topologies.events import (
    INBOX,
    SENT,
    SPAM,
    TRASH,
    Address,
    Command,
    CreateFolder,
    DeleteEmails,
    Deliver,
    Event,
    MoveEmails,
    SnoozeDue,
    SnoozeLater1m,
    SnoozeLater4h,
    SnoozeLater30m,
)
from topologies.events.base import as_kind
from topologies.mail.reminding import NOTE
from topologies.mailbox.bring_back import bring_back
from topologies.mailbox.store import store
from topologies.ports.clock import Clock
from topologies.ports.mailboxes import Mailboxes, Summary
from topologies.ports.snoozes import KEPT_AFTER, Snooze, Snoozes
from topologies.testing import run_twice

NIGHT = AT + timedelta(hours=12)
ANN, ZOE = Address(address="ann@shop.example"), Address(address="zoe@far.example")


async def test_the_conversation_is_on_top_of_the_inbox_unread_and_the_mail_in_sent_still() -> None:
    house = await House.open()
    await house.does(deliver(2))
    await house.reminds_at_night()
    top, other = await house.lists(INBOX)
    assert (top.subject, top.is_read, other.email_id) == ("Mail 1", False, email_id(2))
    [sent] = await house.lists(SENT)
    assert (sent.email_id, sent.is_read) == (email_id(1), True)
    assert (top.thread_id, top.created_at) == (sent.thread_id, sent.created_at)
    whole = await house.mailboxes.email("ann", top.email_id)
    assert whole is not None
    assert whole.note == NOTE


async def test_a_replay_reminds_once_however_often_and_also_when_the_reminder_was_deleted() -> None:
    house = await House.open()
    house.clock.move(NIGHT - AT)
    first = await house.looks()
    for command in (*first, *first, *await house.looks()):
        await house.does(command)
    [there] = await house.lists(INBOX)
    await house.does(
        DeleteEmails(**house.stamp(), email_ids=(there.email_id,), permanent=True),
    )
    for command in await house.looks():
        await house.does(command)
    assert await house.lists(INBOX) == ()


@pytest.mark.parametrize("folder", [INBOX, TRASH, "custom"])
async def test_who_was_answered_is_not_reminded_wherever_the_answer_lies(folder: str) -> None:
    house = await House.open()
    name = folder_id("custom")
    await house.does(CreateFolder(**house.stamp(), folder_id=name, name="Custom"))
    await house.answered(folder_id=name if folder == "custom" else folder)
    house.clock.move(NIGHT - AT)
    assert await house.looks() == []


NO_ANSWERS: dict[str, dict[str, Any]] = {
    "by herself": {"message": {"from_": (ANN,)}},
    "by herself, in other letters": {"message": {"from_": (Address(address="Ann@Shop.Example"),)}},
    "from another address of hers": {"folder_id": SENT},
    "from another address of hers, and filed": {"recipient": ""},
    "in spam": {"folder_id": SPAM},
    "a bounce": {"mail_from": ""},
    "by a machine": {"message": {"from_": (ZOE,), "auto_submitted": "auto-replied"}},
    "before": {"received_at": AT},
    "elsewhere": {"message": {"from_": (ZOE,), "in_reply_to": ("another@far.example",)}},
}


@pytest.mark.parametrize("kind", NO_ANSWERS)
async def test_who_got_no_answer_is_reminded(kind: str) -> None:
    house = await House.open()
    await house.answered(**NO_ANSWERS[kind])
    before = len(await house.lists(INBOX))
    await house.reminds_at_night()
    assert len(await house.lists(INBOX)) == before + 1


async def test_a_bounce_before_the_answer_hides_it_not() -> None:
    house = await House.open()
    await house.answered(mail_from="")
    await house.answered(3)
    house.clock.move(NIGHT - AT)
    assert await house.looks() == []


async def test_of_a_mail_that_was_filed_one_is_reminded_of_one_in_trash_not() -> None:
    house = await House.open()
    name = folder_id("custom")
    await house.does(CreateFolder(**house.stamp(), folder_id=name, name="Custom"))
    await house.does(MoveEmails(**house.stamp(), email_ids=(email_id(1),), folder_id=name))
    house.clock.move(NIGHT - AT)
    assert [type(each) for each in await house.looks()] == [Deliver]
    await house.does(DeleteEmails(**house.stamp(), email_ids=(email_id(1),)))
    assert await house.looks() == []


async def test_a_mail_that_comes_late_into_sent_is_waited_for_while_the_wish_is_kept() -> None:
    house = House()
    await house.wishes()
    house.clock.move(NIGHT - AT)
    [waits] = await house.looks()
    assert isinstance(waits, SnoozeLater1m)
    house.clock.move(timedelta(minutes=5))
    assert [type(each) for each in await house.looks()] == [SnoozeLater30m]
    house.clock.move(timedelta(days=6))
    assert [type(each) for each in await house.looks()] == [SnoozeLater4h]
    await house.does(a_sent_mail())
    assert [type(each) for each in await house.looks(as_kind(waits, SnoozeDue))] == [Deliver]
    await house.does(DeleteEmails(**house.stamp(), email_ids=(email_id(1),), permanent=True))
    house.clock.move(KEPT_AFTER)
    assert await house.looks() == []


async def test_a_reminder_that_was_taken_back_or_put_to_another_time_is_none_now() -> None:
    house = await House.open()
    await house.wishes(snooze_id="s2", until=NIGHT + timedelta(days=1))
    house.clock.move(NIGHT - AT)
    assert [type(each) for each in await house.looks()] == [SnoozeLater4h]
    house.clock.move(timedelta(days=1))
    [reminder] = await house.looks()
    assert await house.looks(house.due(until=NIGHT + timedelta(days=1))) == [reminder]
    await house.snoozes.remove("ann", email_id(1), "s2")
    assert await house.looks() == []


# --- builders -----------------------------------------------------------------------


def a_sent_mail() -> Deliver:
    return deliver(
        1, folder_id=SENT, is_read=True, mail_from=ANN.address, message={"from_": (ANN,)}
    )


@dataclass
class House:
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT))
    count: int = 0

    def __post_init__(self) -> None:
        self.mailboxes = MemoryMailboxes(self.clock)
        self.snoozes = MemorySnoozes(self.clock)

    @classmethod
    async def open(cls) -> "House":
        """With a mail that ann sent, of which she is reminded in the night."""
        house = cls()
        await house.does(a_sent_mail())
        await house.wishes()
        return house

    async def wishes(self, **given: Any) -> None:
        known: dict[str, Any] = {"snooze_id": "s1", "until": NIGHT, "folder_id": SENT}
        await self.snoozes.put(Snooze(user_id="ann", email_id=email_id(1), **(known | given)))

    async def answered(self, number: int = 2, **given: Any) -> None:
        """Let an answer of zoe's come, but for what is *given*."""
        message = {"from_": (ZOE,), "in_reply_to": ("m1@sender.example",)}
        message |= given.pop("message", {})
        known = {"mail_from": ZOE.address, "recipient": ANN.address}
        await self.does(
            deliver(number, **(known | given), message=message),
        )

    async def looks(self, due: SnoozeDue | None = None) -> Sequence[Event]:
        services = {Clock: self.clock, Mailboxes: self.mailboxes, Snoozes: self.snoozes}
        return list(await run_twice(bring_back, due or self.due(), services))

    async def reminds_at_night(self) -> None:
        self.clock.move(NIGHT - AT)
        for command in await self.looks():
            await self.does(command)

    async def does(self, command: Event) -> None:
        assert isinstance(command, Command)
        await store(command, mailboxes=self.mailboxes)

    async def lists(self, folder: str) -> tuple[Summary, ...]:
        page = await self.mailboxes.page("ann", folder)
        assert page is not None
        return page.emails

    def due(self, **given: Any) -> SnoozeDue:
        return SnoozeDue(user_id="ann", email_id=email_id(1), **({"until": NIGHT} | given))

    def stamp(self) -> dict[str, Any]:
        self.count += 1
        return {"user_id": "ann", "command_id": f"c{self.count}", "issued_at": AT}
