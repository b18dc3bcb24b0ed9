"""Records of one key that wait in line are worked on at once; each gets what is its own."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from tests.engines.stages import AT, Written, opened, running
from topologies.engines.handling import Emit, handle_several
from topologies.engines.turns import MOST_AT_ONCE, Turns
from topologies.errors import Misconfigured, Poison, Retryable
from topologies.events import CreateFolder, MailboxChanged, RenameFolder
from topologies.ports.log import Entry, Record
from topologies.stage import declared_by, stage


async def test_a_record_that_waits_alone_is_worked_on_alone() -> None:
    desk = Desk()
    assert await desk.turns.take(records(1)) == [entries(0)]
    assert desk.done == [[0]]


async def test_those_that_wait_in_line_are_worked_on_at_once_up_to_a_bound() -> None:
    desk = Desk()
    waiting = records(MOST_AT_ONCE + 5)
    assert await desk.turns.take(waiting) == [entries(each) for each in range(MOST_AT_ONCE)]
    assert desk.done == [list(range(MOST_AT_ONCE))]


async def test_if_they_fail_together_each_takes_its_turn_alone_and_those_behind_do_not() -> None:
    desk = Desk(failing={1})
    waiting = records(3)
    while waiting:
        del waiting[: len(await desk.turns.take(waiting))]
    assert desk.done == [[0], [1], [2]]
    assert await desk.turns.take(records(2)) != []
    assert desk.tried == 2


async def test_an_engine_lets_a_stage_do_at_once_what_waits_for_one_key(tmp_path: Path) -> None:
    book = Book()
    async with opened(tmp_path, note, services={Notes: book}, in_flight=8) as house:
        await house.log.append([command("ann", str(number)) for number in range(20)])
    async with running(tmp_path, note, services={Notes: book}, in_flight=8) as house:
        await house.drained()
        written = await house.records("mailbox.changes")
        told = house.seen.told
    assert book.noted == [str(number) for number in range(20)]
    assert max(book.groups) > 1
    assert len({event_id for _, _, event_id in written}) == len(written) == 20
    assert told == [("note", "done", "ann")] * 20


async def test_one_that_can_never_pass_is_buried_alone_and_all_others_pass(tmp_path: Path) -> None:
    book = Book(poison="7")
    async with opened(tmp_path, note, services={Notes: book}, in_flight=16) as house:
        await house.log.append([command("ann", str(number)) for number in range(16)])
    async with running(tmp_path, note, services={Notes: book}, in_flight=16) as house:
        await house.drained()
        written = await house.records("mailbox.changes")
        [letter] = await house.dead_letters.list()
        results = Counter(result for _, result, _ in house.seen.told)
    assert len(written) == 15
    assert letter.reason == "7 is poison"
    assert (results["done"], results["poison"]) == (15, 1)
    assert sorted(set(book.noted), key=int) == [str(n) for n in range(16) if n != 7]


async def test_an_outage_of_what_they_need_buries_none(tmp_path: Path) -> None:
    book = Book(failures=5)
    async with opened(tmp_path, note, services={Notes: book}, in_flight=16) as house:
        await house.log.append([command("ann", str(number)) for number in range(16)])
    async with running(tmp_path, note, services={Notes: book}, in_flight=16) as house:
        await house.drained()
        assert len(await house.records("mailbox.changes")) == 16
    assert book.noted == [str(number) for number in range(16)]


@pytest.mark.parametrize(
    ("several", "reason"),
    [
        ([b"{"], "Poison: undecodable"),
        ([RenameFolder(user_id="a", command_id="1", issued_at=AT, folder_id="f", name="n")], "oth"),
    ],
)
async def test_what_is_not_for_the_stage_to_do_at_once_is_said_so(
    several: list[bytes | RenameFolder], reason: str
) -> None:
    first = command("ann", "1")
    found = await handle_several(declared_by(note), [first, *several], {Notes: Book()})
    assert isinstance(found, str)
    assert reason in found


async def test_a_stage_that_lacks_a_service_stops_the_worker() -> None:
    with pytest.raises(Misconfigured):
        await handle_several(declared_by(note), [command("ann", "1")] * 2, {})


async def test_a_stage_must_answer_for_each_with_what_it_declares() -> None:
    few = await handle_several(declared_by(forget), [command("ann", "1")] * 3, {})
    assert few == "TypeError: forget did 1 of 3 events"
    found = await handle_several(declared_by(note), [command("ann", "1")] * 2, {Notes: Book()})
    assert found == [Emit((change("1"),))] * 2


class Desk:
    """Work on records of one key, some of which can't be worked on with others."""

    def __init__(self, failing: set[int] | None = None) -> None:
        self.done: list[list[int]] = []
        self.tried = 0
        self._failing = failing or set()
        self.turns = Turns(self._work, self._work_on_several)

    async def _work(self, record: Record) -> Sequence[Entry]:
        self.done.append([record.offset])
        return entries(record.offset)

    async def _work_on_several(self, several: Sequence[Record]) -> Sequence[Sequence[Entry]] | None:
        self.tried += 1
        if self._failing.intersection(each.offset for each in several):
            return None
        self.done.append([each.offset for each in several])
        return [entries(each.offset) for each in several]


class Notes(Protocol):
    async def note(self, commands: Sequence[CreateFolder]) -> None: ...


class Book:
    """Notes commands; fails as it is told to."""

    def __init__(self, *, poison: str = "", failures: int = 0) -> None:
        self.noted: list[str] = []
        self.groups: list[int] = []
        self._poison = poison
        self._failures = failures

    async def note(self, commands: Sequence[CreateFolder]) -> None:
        if self._failures:
            self._failures -= 1
            raise Retryable("away", after_s=0.001, outage=True)
        if any(each.command_id == self._poison for each in commands):
            raise Poison(f"{self._poison} is poison")
        self.groups.append(len(commands))
        self.noted += [each.command_id for each in commands]


async def note_several(events: Sequence[CreateFolder], *, notes: Notes) -> Sequence[Written]:
    await notes.note(events)
    return [[change(event.command_id, event.user_id)] for event in events]


@stage(reads=CreateFolder, writes=[MailboxChanged], several=note_several)
async def note(event: CreateFolder, *, notes: Notes) -> Written:
    await notes.note([event])
    return [change(event.command_id, event.user_id)]


async def forget_most(events: Sequence[CreateFolder]) -> Sequence[Written]:
    return [[] for _ in events[:1]]


@stage(reads=CreateFolder, writes=[MailboxChanged], several=forget_most)
async def forget(event: CreateFolder) -> Written:
    return []


def change(command_id: str, user_id: str = "ann") -> MailboxChanged:
    return MailboxChanged(
        user_id=user_id, seq=1, command_id=command_id, changed_at=AT, kind="folder.added"
    )


def command(user_id: str, command_id: str) -> CreateFolder:
    return CreateFolder(
        user_id=user_id, command_id=command_id, issued_at=AT, folder_id="f", name="Bills"
    )


def entries(number: int) -> list[Entry]:
    return [Entry(topic="t", key="a", value=b"", event_id=str(number))]


def records(count: int) -> list[Record]:
    return [
        Record(
            topic="t",
            partition=0,
            offset=offset,
            key="a",
            value=b"",
            event_id=str(offset),
            appended_at=datetime(2026, 3, 1, tzinfo=UTC),
        )
        for offset in range(count)
    ]
