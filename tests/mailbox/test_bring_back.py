"""bring_back: a mail that was put off comes back once, on top and unread; no other does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.snoozes import MemorySnoozes
from tests.mailbox.commands import AT, deliver, email_id
from topologies.events import (
    INBOX,
    SPAM,
    TRASH,
    Command,
    CreateFolder,
    CreateLabel,
    DeleteEmails,
    Deliver,
    Event,
    LabelEmails,
    MoveEmails,
    RestoreEmails,
    SetFlags,
    SnoozeDue,
    SnoozeLater1m,
    SnoozeLater4h,
    SnoozeLater5s,
    SnoozeLater30m,
)
from topologies.events.base import as_kind
from topologies.mail.snoozing import SNOOZED
from topologies.mailbox.bring_back import bring_back
from topologies.mailbox.store import store
from topologies.ports.mailboxes import Summary
from topologies.ports.snoozes import Snooze

NIGHT = AT + timedelta(hours=12)


async def test_at_its_time_a_mail_stands_on_top_of_the_inbox_unread() -> None:
    house = await House.open()
    await house.does(deliver(2))  # which is newer than what was put off
    await house.does(SetFlags(**house.stamp(), email_ids=(email_id(1),), is_starred=True))
    house.clock.move(NIGHT - AT)
    for command in await house.brings_back():
        await house.does(command)
    top, other = await house.inbox()
    assert (top.subject, top.is_read, top.is_starred) == ("Mail 1", False, True)
    assert top.created_at == AT + timedelta(minutes=1)  # when it was received
    assert other.email_id == email_id(2)
    assert await house.mailboxes.email("ann", email_id(1)) is None
    thread = await house.mailboxes.thread("ann", top.thread_id)
    assert [each.email_id for each in thread] == [top.email_id]


async def test_its_labels_come_back_with_it() -> None:
    house = await House.open()
    await house.labels("l1")
    house.clock.move(NIGHT - AT)
    delivered, labelled = await house.brings_back()
    assert isinstance(delivered, Deliver)
    assert isinstance(labelled, LabelEmails)
    assert (labelled.email_ids, labelled.added) == ((delivered.email_id,), ("l1",))


async def test_a_replay_brings_nothing_back_twice() -> None:
    house = await House.open()
    house.clock.move(NIGHT - AT)
    first = await house.brings_back()
    assert await house.brings_back() == first  # before anything of it was done
    for command in (*first, *first):
        await house.does(command)
    assert await house.brings_back() == []
    assert len(await house.inbox()) == 1


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        (timedelta(days=20), SnoozeLater4h),
        (timedelta(hours=2), SnoozeLater30m),
        (timedelta(minutes=2), SnoozeLater1m),
        (timedelta(seconds=50), SnoozeLater5s),
        (timedelta(milliseconds=1), SnoozeLater5s),
    ],
)
async def test_until_then_it_waits_in_steps(before: timedelta, kind: type[SnoozeDue]) -> None:
    house = await House.open()
    due = house.due(until=AT + before)
    assert await house.brings_back(due) == [as_kind(due, kind)]


async def test_a_wish_that_was_taken_back_brings_nothing_back() -> None:
    house = await House.open()
    await house.does(MoveEmails(**house.stamp(), email_ids=(email_id(1),), folder_id=INBOX))
    await house.snoozes.remove("ann", email_id(1), "s1")
    house.clock.move(NIGHT - AT)
    assert await house.brings_back() == []


async def test_what_is_put_away_although_its_wish_is_gone_comes_back_once() -> None:
    house = await House.open()
    await house.snoozes.remove("ann", email_id(1), "s1")
    house.clock.move(NIGHT - AT)
    first = await house.brings_back()
    for command in (*first, *await house.brings_back()):
        await house.does(command)
    [back] = await house.inbox()
    assert (back.subject, back.is_read) == ("Mail 1", False)
    assert await house.brings_back() == []


async def test_who_puts_it_off_again_gets_it_then_though_nothing_else_was_written() -> None:
    house = await House.open()
    later = NIGHT + timedelta(days=1)
    await house.puts_off(until=later, snooze_id="s2")
    house.clock.move(NIGHT - AT)
    [waits] = await house.brings_back()
    assert isinstance(waits, SnoozeLater4h)
    assert waits.until == later
    house.clock.move(timedelta(days=1))
    [back] = await house.brings_back(as_kind(waits, SnoozeDue))
    assert await house.brings_back() == [back]  # by the older wish: it is the same mail


async def test_a_mail_that_its_reader_has_taken_elsewhere_stays_there() -> None:
    house = await House.open()
    house.clock.move(NIGHT - AT)
    await house.does(MoveEmails(**house.stamp(), email_ids=(email_id(1),), folder_id="trash"))
    assert [type(each) for each in await house.brings_back()] == [SnoozeLater1m]
    house.clock.move(timedelta(minutes=5))
    assert [type(each) for each in await house.brings_back()] == [SnoozeLater30m]
    house.clock.move(timedelta(hours=1))
    assert await house.brings_back() == []


async def test_a_mail_that_is_moved_late_comes_back_all_the_same() -> None:
    house = await House.open()
    await house.does(MoveEmails(**house.stamp(), email_ids=(email_id(1),), folder_id=INBOX))
    house.clock.move(NIGHT - AT)
    [waits] = await house.brings_back()
    await house.does(MoveEmails(**house.stamp(), email_ids=(email_id(1),), folder_id=SNOOZED))
    house.clock.move(timedelta(minutes=1))
    assert isinstance(waits, SnoozeDue)
    [back] = await house.brings_back(as_kind(waits, SnoozeDue))
    assert isinstance(back, Deliver)


@pytest.mark.parametrize("permanent", [False, True])
@pytest.mark.parametrize("is_restorable", [False, True])
async def test_who_deletes_it_in_the_instant_that_it_comes_back_has_it_deleted(
    permanent: bool, is_restorable: bool
) -> None:
    house = await House.open()
    await house.labels("l1")
    house.clock.move(NIGHT - AT)
    on_its_way = await house.brings_back()  # decided while it lay there still
    deletion: dict[str, Any] = {"permanent": permanent, "is_restorable": is_restorable}
    await house.does(DeleteEmails(**house.stamp(), email_ids=(email_id(1),), **deletion))
    for command in (*on_its_way, *on_its_way):
        await house.does(command)
    assert not await house.inbox()
    [delivered, _] = on_its_way
    assert isinstance(delivered, Deliver)
    assert await house.mailboxes.email("ann", delivered.email_id, or_deleted=True) is None
    in_trash = await house.mailboxes.page("ann", TRASH)
    assert in_trash is not None
    assert [each.email_id for each in in_trash.emails] == ([] if permanent else [email_id(1)])


async def test_who_files_it_in_the_instant_that_it_comes_back_has_it_there() -> None:
    house = await House.open()
    house.clock.move(NIGHT - AT)
    [on_its_way] = await house.brings_back()
    await house.does(MoveEmails(**house.stamp(), email_ids=(email_id(1),), folder_id=SPAM))
    await house.does(on_its_way)
    assert not await house.inbox()
    assert await house.mailboxes.email("ann", email_id(1)) is not None


async def test_what_comes_back_into_a_mailbox_that_never_knew_it_is_kept() -> None:
    house = await House.open()
    house.clock.move(NIGHT - AT)
    [on_its_way] = await house.brings_back()
    house.mailboxes = MemoryMailboxes(house.clock)  # made anew, from what the log still holds
    await house.does(on_its_way)
    assert len(await house.inbox()) == 1


async def test_a_mail_that_is_restored_is_never_put_away_for_ever() -> None:
    house = await House.open()
    await house.does(DeleteEmails(**house.stamp(), email_ids=(email_id(1),)))
    house.clock.move(NIGHT - AT + timedelta(days=1))
    assert await house.brings_back() == []
    await house.does(RestoreEmails(**house.stamp(), email_ids=(email_id(1),)))
    assert [each.email_id for each in await house.inbox()] == [email_id(1)]


async def test_a_mail_that_is_gone_does_not_come_back() -> None:
    house = House()
    await house.puts_off()
    house.clock.move(NIGHT - AT)
    assert await house.brings_back() == []


# --- builders -----------------------------------------------------------------------


@dataclass
class House:
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT))
    count: int = 0

    def __post_init__(self) -> None:
        self.mailboxes = MemoryMailboxes(self.clock)
        self.snoozes = MemorySnoozes(self.clock)

    @classmethod
    async def open(cls) -> "House":
        """With a mail that is put off until the night."""
        house = cls()
        await house.does(deliver(1, is_read=True))
        await house.does(CreateFolder(**house.stamp(), folder_id=SNOOZED, name="Snoozed"))
        move = MoveEmails(**house.stamp(), email_ids=(email_id(1),), folder_id=SNOOZED)
        await house.does(move)
        await house.puts_off()
        return house

    async def puts_off(self, **given: Any) -> None:
        known: dict[str, Any] = {"snooze_id": "s1", "until": NIGHT, "folder_id": INBOX}
        wish = Snooze(user_id="ann", email_id=email_id(1), **(known | given))
        await self.snoozes.put(wish)

    async def labels(self, label_id: str) -> None:
        await self.does(CreateLabel(**self.stamp(), label_id=label_id, name=label_id))
        await self.does(LabelEmails(**self.stamp(), email_ids=(email_id(1),), added=(label_id,)))

    async def brings_back(self, due: SnoozeDue | None = None) -> Sequence[Event]:
        due = due or self.due()
        return await bring_back(
            due, clock=self.clock, snoozes=self.snoozes, mailboxes=self.mailboxes
        )

    async def does(self, command: Event) -> None:
        assert isinstance(command, Command)
        await store(command, mailboxes=self.mailboxes)

    async def inbox(self) -> Sequence[Summary]:
        page = await self.mailboxes.page("ann", INBOX)
        assert page is not None
        return page.emails

    def due(self, **given: Any) -> SnoozeDue:
        return SnoozeDue(user_id="ann", email_id=email_id(1), **({"until": NIGHT} | given))

    def stamp(self) -> dict[str, Any]:
        self.count += 1
        return {"user_id": "ann", "command_id": f"c{self.count}", "issued_at": AT}
