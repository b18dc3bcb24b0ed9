"""Cleaning by age: what has lain for long enough goes, and nothing else, whoever comes to it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from connectors.memory.limits import MemoryLimits
from connectors.memory.mailboxes import MemoryMailboxes
from tests.mailbox.commands import carry_out, delete, deliver, email_id, move, restore
from tests.mailbox.state import by_cursor, everything
from topologies.cleaning import CLAIMED, clean_all, due, kept
from topologies.events import DELETED, INBOX, SPAM, TRASH, Command, Event
from topologies.ports.mailboxes import MAX_PAGE

AGES = kept(trash_days=30, spam_days=20, restorable_days=7)


class Kept:
    """A log that keeps what is written."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def append(self, events: Sequence[Event]) -> None:
        self.events += events

    @property
    def commands(self) -> list[Command]:
        return [event for event in self.events if isinstance(event, Command)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def mailboxes(clock: ManualClock) -> MemoryMailboxes:
    return MemoryMailboxes(clock)


async def test_each_folder_keeps_mails_for_its_time_since_they_came_there(
    clock: ManualClock, mailboxes: MemoryMailboxes
) -> None:
    now = clock.now()
    await carry_out(mailboxes, *(deliver(n, received_at=now) for n in range(8)))
    await carry_out(
        mailboxes,
        delete(0, 1, issued_at=now),
        move(2, to=SPAM, issued_at=now),
        delete(3, permanent=True, is_restorable=True, issued_at=now),
        deliver(9, folder_id=SPAM, received_at=now),  # as the filter puts it there
    )
    clock.move(timedelta(days=6, hours=23))
    assert await cleaned(mailboxes, clock) == 0
    clock.move(timedelta(hours=1))
    await carry_out(mailboxes, delete(4, issued_at=clock.now()))
    assert await cleaned(mailboxes, clock) == 1
    assert await mailboxes.email("ann", email_id(3), or_deleted=True) is None
    clock.move(timedelta(days=13))
    assert await cleaned(mailboxes, clock) == 1
    assert await by_cursor(mailboxes, "ann", SPAM, 50, None) == []
    await carry_out(mailboxes, restore(1))
    clock.move(timedelta(days=10))
    assert await cleaned(mailboxes, clock) == 1
    assert await by_cursor(mailboxes, "ann", TRASH, 50, None) == [email_id(4)]
    assert await by_cursor(mailboxes, "ann", INBOX, 50, None) == [
        email_id(number) for number in (7, 6, 5, 1)
    ]
    assert await mailboxes.usage("ann") == 5_000


async def test_commands_that_come_late_or_twice_spare_what_was_taken_out_meanwhile(
    clock: ManualClock, mailboxes: MemoryMailboxes
) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2), delete(1, 2))
    clock.move(timedelta(days=300))
    commands = [command async for command in due("ann", mailboxes, AGES, clock.now())]
    again = [command async for command in due("ann", mailboxes, AGES, clock.now())]
    assert [each.command_id for each in commands] == [each.command_id for each in again]
    await carry_out(mailboxes, restore(1))
    await carry_out(mailboxes, delete(1, command_id="anew", issued_at=clock.now()))
    await carry_out(mailboxes, *commands)
    assert await by_cursor(mailboxes, "ann", TRASH, 50, None) == [email_id(1)]
    before = await everything(mailboxes, "ann")
    await carry_out(mailboxes, *commands)
    assert await everything(mailboxes, "ann") == before


async def test_zero_days_keep_trash_and_spam_for_ever_and_what_is_deleted_not_at_all(
    clock: ManualClock, mailboxes: MemoryMailboxes
) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2), deliver(3, folder_id=SPAM))
    await carry_out(mailboxes, delete(1), delete(2, permanent=True, is_restorable=True))
    clock.move(timedelta(days=3_000))
    ages = kept(trash_days=0, spam_days=0, restorable_days=0)
    [command] = [command async for command in due("ann", mailboxes, ages, clock.now())]
    assert (command.only_in, command.email_ids) == (DELETED, (email_id(2),))


async def test_a_full_trash_is_cleaned_page_by_page(
    clock: ManualClock, mailboxes: MemoryMailboxes
) -> None:
    count = MAX_PAGE + 10
    await carry_out(mailboxes, *(deliver(n, folder_id=TRASH) for n in range(count)))
    clock.move(timedelta(days=300))
    commands = [command async for command in due("ann", mailboxes, AGES, clock.now())]
    assert [len(command.email_ids) for command in commands] == [MAX_PAGE, 10]
    await carry_out(mailboxes, *commands)
    assert await by_cursor(mailboxes, "ann", TRASH, 50, None) == []
    assert await mailboxes.usage("ann") == 0


async def test_each_user_is_taken_by_one_of_several_processes_once_a_day(
    clock: ManualClock, mailboxes: MemoryMailboxes
) -> None:
    directory, limits, log = MemoryDirectory(clock), MemoryLimits(clock), Kept()
    await directory.add_domain("shop.example")
    for name in ("ann", "bo"):
        user = await directory.add_user(f"{name}@shop.example", "a password")
        await carry_out(mailboxes, deliver(1, user.user_id, folder_id=TRASH))
    clock.move(timedelta(days=300))
    for _ in range(3):
        await clean_all(directory, mailboxes, log, limits, clock, AGES)
    assert len({command.user_id for command in log.commands}) == len(log.commands) == 2
    clock.move(1.2 * CLAIMED)
    await clean_all(directory, mailboxes, log, limits, clock, AGES)
    # Nobody has applied them yet: what is written again is the same.
    assert len({command.command_id for command in log.commands}) == 2
    assert len(log.commands) == 4


async def cleaned(mailboxes: MemoryMailboxes, clock: ManualClock) -> int:
    """Delete what is due; return how many commands that took."""
    commands = [command async for command in due("ann", mailboxes, AGES, clock.now())]
    await carry_out(mailboxes, *commands)
    return len(commands)
