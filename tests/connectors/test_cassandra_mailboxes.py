"""Mailboxes in Cassandra: exact after a crash at any point, with two workers, in any order."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.cassandra.driver import Connected
from connectors.cassandra.mailboxes import CassandraMailboxes
from connectors.cassandra.session import Parameters, RowPage, Statement
from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.live.cassandra_users import OwnUsers, own_mailboxes
from tests.mailbox.commands import (
    change_label,
    create,
    create_label,
    delete,
    delete_label,
    deliver,
    email_id,
    empty,
    folder_id,
    label,
    label_id,
    move,
    put_into,
    remove,
    restore,
    save,
    set_flags,
)
from tests.mailbox.state import everything
from topologies.errors import Retryable
from topologies.events import DELETED, INBOX, SENT, SPAM, TRASH, Command, Event
from topologies.mailbox.store import store
from topologies.ports.mailboxes import Mailboxes

pytestmark = pytest.mark.live

WORK, IDEAS = folder_id("Work"), folder_id("Ideas")
UNIQUE = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=30_000))


def answering(*numbers: int) -> dict[str, Any]:
    return {"references": tuple(f"m{number}@sender.example" for number in numbers)}


# A bit of everything, in buckets of two rows: they fill, halve, wear out and empty.
HISTORY: list[Command] = [
    deliver(1, answer=True),
    deliver(2, is_read=True),
    create("Work"),
    deliver(3, message={"text": UNIQUE}),
    deliver(0),
    deliver(4, message=answering(1, 2)),
    set_flags(1, 4, is_read=True),
    move(1, 2, 3, to=WORK),
    deliver(5, message=answering(3, 4)),
    delete(4),
    delete(4, 0, permanent=True),
    move(2, to=INBOX),
    set_flags(9, is_read=True),
    remove(WORK),
    set_flags(2, 5, is_starred=True, is_read=True),
    delete(1, 3),
]
# Drafts: saved small and large, in place and out of trash, too late, sent, sent and saved since.
DRAFTS: list[Command] = [
    deliver(5),
    save(1, "v1", message=answering(5)),
    save(2, "v1"),
    save(1, "v2", replaces="v1", message={"text": UNIQUE}),
    save(1, "v3", replaces="v1"),
    delete(1),
    save(1, "v3", replaces="v2", message={"text": UNIQUE[::-1]}),
    set_flags(1, is_read=False, is_starred=True),
    save(2, "v2", replaces="*"),
    deliver(3, folder_id=SENT, draft_id=email_id(1), draft_version="v3"),
    deliver(4, folder_id=SENT, draft_id=email_id(2), draft_version="v1"),
    save(1, "v4", replaces="v3"),
]

# Labels and folders within each other, put on, taken off and taken away; mails put aside and back.
MARKS: list[Command] = [
    create_label("Red"),
    create_label("Blue", colour="#00ff00"),
    create("Work"),
    create("Ideas", folder_id=IDEAS, parent_id=WORK),
    *(deliver(number, folder_id=IDEAS if number == 3 else INBOX) for number in range(5)),
    label(0, 1, 2, 3, 4, on=["Red"]),
    set_flags(1, 3, is_read=True),
    label(0, 3, on=["Blue"], off=["Red"]),
    delete(0, 1),
    delete(1, 3, permanent=True, is_restorable=True),
    label(2, 4, on=["Blue"]),
    restore(0, 3),
    delete(2, permanent=True),
    put_into(IDEAS, ""),
    put_into(WORK, IDEAS),
    remove(IDEAS),
    remove(IDEAS, command_id="its next step"),
    change_label(label_id("Blue"), name="Green"),
    delete_label(label_id("Red")),
    empty(TRASH, is_restorable=True),
    empty(DELETED),
]
ALL = {"mails": HISTORY, "drafts": DRAFTS, "marks": MARKS}


@pytest.mark.parametrize("history", ALL.values(), ids=ALL)
async def test_a_crash_before_any_write_of_any_command_loses_and_doubles_nothing(
    cassandra: Connected, history: list[Command]
) -> None:
    session = Unsteady(cassandra)
    plain = MemoryMailboxes(ManualClock())
    crashes = 0
    for command in history:
        expected = await store(command, mailboxes=plain)
        for passed in range(100):
            session.break_after(passed)
            try:
                async with aclosing(_Life(session)) as life:
                    told = await store(command, mailboxes=life.mailboxes)
            except Retryable:
                crashes += 1
                continue
            assert told == expected
            break
        session.mend()
        async with aclosing(_Life(session)) as life:
            assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")
    assert crashes > 2 * len(history)


@pytest.mark.parametrize(
    ("history", "number"),
    [
        *((HISTORY, number) for number in range(1, len(HISTORY), 3)),
        *((DRAFTS, number) for number in (1, 3, 6, 9)),
        *((MARKS, number) for number in (9, 11, 13, 15, 22, 23)),
    ],
)
async def test_a_command_that_is_never_tried_again_counts_whole_or_not_at_all(
    cassandra: Connected, history: list[Command], number: int
) -> None:
    before, broken, after = history[:number], history[number], deliver(7, message=answering(1))
    for passed in range(100):
        session = Unsteady(cassandra)
        plain = MemoryMailboxes(ManualClock())
        async with aclosing(_Life(session)) as life:
            for command in before:
                await store(command, mailboxes=plain)
                await store(command, mailboxes=life.mailboxes)
            was = await life.mailboxes.mailbox("ann")
        session.break_after(passed)
        is_broken = True
        try:
            async with aclosing(_Life(session)) as life:
                await store(broken, mailboxes=life.mailboxes)
                is_broken = False
        except Retryable:
            pass
        session.mend()
        async with aclosing(_Life(session)) as life:
            if await life.mailboxes.mailbox("ann") != was:
                await store(broken, mailboxes=plain)
            for one in (plain, life.mailboxes):
                await store(after, mailboxes=one)
            assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")
        if not is_broken:
            return


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**9))
def test_writes_that_fail_now_and_then_are_made_good_by_trying_again(
    cassandra: Connected, seed: int
) -> None:
    chance = random.Random(seed)

    async def run() -> None:
        session = Unsteady(cassandra)
        plain = MemoryMailboxes(ManualClock())
        async with aclosing(_Life(session)) as life:
            for command in HISTORY:
                session.fail_if(lambda: chance.random() < 0.15)
                told = await _until_done(command, life.mailboxes)
                assert told == await store(command, mailboxes=plain)
                session.mend()
            assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")

    asyncio.run(run())


@pytest.mark.parametrize("history", ALL.values(), ids=ALL)
async def test_two_workers_on_one_mailbox_at_once_leave_it_as_one_would(
    cassandra: Connected, history: list[Command]
) -> None:
    plain = MemoryMailboxes(ManualClock())
    expected = [await store(command, mailboxes=plain) for command in history]
    session = Unsteady(cassandra)

    async def work() -> list[Sequence[Event]]:
        async with aclosing(_Life(session)) as life:
            return [await _until_done(command, life.mailboxes) for command in history]

    assert await asyncio.gather(work(), work(), work()) == [expected] * 3
    async with aclosing(_Life(session)) as life:
        assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")


async def test_a_worker_that_lags_behind_takes_nothing_back(cassandra: Connected) -> None:
    session = Unsteady(cassandra)
    plain = MemoryMailboxes(ManualClock())
    async with aclosing(_Life(session)) as lagging, aclosing(_Life(session)) as life:
        await store(deliver(1), mailboxes=plain)
        await store(deliver(1), mailboxes=lagging.mailboxes)
        loaded = asyncio.Event()
        goes_on = asyncio.Event()

        async def lag() -> None:
            slow = _Slow(lagging.mailboxes, loaded, goes_on)
            await store(move(1, to=SPAM), mailboxes=slow)

        task = asyncio.create_task(lag())
        await loaded.wait()
        for command in (move(1, to=SPAM), move(1, to=TRASH, command_id="later"), deliver(2)):
            await store(command, mailboxes=plain)
            await store(command, mailboxes=life.mailboxes)
        goes_on.set()
        await task
        assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")


@pytest.mark.parametrize(
    "command",
    [set_flags(1, is_read=True), delete(1, permanent=True), deliver(2, message=answering(1))],
    ids=lambda command: type(command).__name__,
)
async def test_what_another_worker_changes_while_it_is_read_is_read_again(
    cassandra: Connected, command: Command
) -> None:
    plain = MemoryMailboxes(ManualClock())
    session = Unsteady(cassandra)
    torn = _Torn(session)
    async with aclosing(_Life(session)) as life, aclosing(_Life(torn)) as other:
        for mailboxes in (plain, life.mailboxes):
            await store(deliver(1), mailboxes=mailboxes)
        await life.mailboxes.close()  # so that nothing is left to be carried out
        torn.between = store(command, mailboxes=life.mailboxes)
        expected = await store(command, mailboxes=plain)
        assert await _until_done(command, other.mailboxes) == expected
        assert torn.between is None
        assert await _until_done(command, other.mailboxes) == expected
        assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")


async def test_a_reader_makes_good_what_a_crash_left_out(cassandra: Connected) -> None:
    session = Unsteady(cassandra)
    session.break_after(1)  # the mailbox counts the mail, no other row is there
    with pytest.raises(Retryable):
        async with aclosing(_Life(session)) as life:
            await store(deliver(1), mailboxes=life.mailboxes)
    session.mend()
    async with aclosing(_Life(session)) as life:
        page = await life.mailboxes.page("ann", INBOX)
        assert page is not None
        assert ([mail.email_id for mail in page.emails], page.total_count) == ([email_id(1)], 1)


@pytest.mark.parametrize("order", ["upwards", "downwards", "shuffled", "from both ends"])
async def test_a_listing_is_whole_in_whatever_order_mails_came_and_went(
    cassandra: Connected, order: str
) -> None:
    chance = random.Random(order)
    numbers = list(range(40))
    match order:
        case "downwards":
            numbers.reverse()
        case "shuffled":
            chance.shuffle(numbers)
        case "from both ends":
            numbers = [each for pair in zip(numbers, numbers[::-1], strict=True) for each in pair]
            numbers = list(dict.fromkeys(numbers))
        case _:
            pass
    left = set(numbers)
    async with own_mailboxes(cassandra, ManualClock(), bucket_rows=4) as mailboxes:
        for number in numbers:
            await store(deliver(number, is_read=number % 3 == 0), mailboxes=mailboxes)
        while left:
            for is_read in (None, True, False):
                expected = [
                    email_id(number)
                    for number in sorted(left, reverse=True)
                    if is_read in (None, number % 3 == 0)
                ]
                offset = chance.randrange(len(numbers))
                page = await mailboxes.page("ann", INBOX, limit=7, offset=offset, is_read=is_read)
                assert page is not None
                assert page.total_count == len(expected)
                assert [m.email_id for m in page.emails] == expected[offset : offset + 7]
            gone = chance.sample(sorted(left), min(len(left), 6))
            left -= set(gone)
            await store(delete(*gone, permanent=True, command_id=f"{gone}"), mailboxes=mailboxes)
        page = await mailboxes.page("ann", INBOX)
        assert page is not None
        assert (page.emails, page.total_count) == ((), 0)


class _Life:
    """One worker's life: its mailboxes, with nothing known from the one before."""

    def __init__(self, session: OwnUsers) -> None:
        self.mailboxes = CassandraMailboxes(session, ManualClock(), bucket_rows=2)

    async def aclose(self) -> None:
        await self.mailboxes.close()


class _Slow(MemoryMailboxes):
    """Mailboxes that wait between reading and writing."""

    def __init__(
        self, mailboxes: CassandraMailboxes, loaded: asyncio.Event, goes_on: asyncio.Event
    ) -> None:
        super().__init__(ManualClock())
        self._slow = mailboxes
        self._has_loaded = loaded
        self._goes_on = goes_on

    async def load(self, user_id: str, needs: Any) -> Any:
        loaded = await self._slow.load(user_id, needs)
        self._has_loaded.set()
        await self._goes_on.wait()
        return loaded

    async def write(self, effects: Any) -> None:
        await self._slow.write(effects)


class Unsteady(OwnUsers):
    """A session on which some writes fail, as if the process or the network died."""

    def __init__(self, connected: Connected) -> None:
        super().__init__(connected)
        self._fails: Callable[[], bool] = lambda: False

    def break_after(self, count: int) -> None:
        """Let *count* writes pass and none thereafter."""
        left = iter(range(count))
        self._fails = lambda: next(left, None) is None

    def fail_if(self, fails: Callable[[], bool]) -> None:
        """Ask before each write."""
        self._fails = fails

    def mend(self) -> None:
        """Let all pass."""
        self._fails = lambda: False

    async def page(
        self,
        statement: str,
        parameters: Parameters = (),
        size: int = 5_000,
        paging_state: bytes | None = None,
    ) -> RowPage:
        if not statement.startswith("SELECT") and self._fails():
            raise Retryable("this write failed")
        return await super().page(statement, parameters, size, paging_state)

    async def batch(self, statements: Sequence[Statement], *, logged: bool = False) -> None:
        if len(statements) > 1 and self._fails():
            raise Retryable("this batch failed")
        await super().batch(statements, logged=logged)


class _Torn(OwnUsers):
    """A session on which something happens after the mailbox's row was read and before the rest."""

    def __init__(self, session: OwnUsers) -> None:
        super().__init__(session.connected)
        self.prefix = session.prefix
        self.between: Coroutine[Any, Any, Any] | None = None
        self._is_read = asyncio.Event()

    async def page(
        self,
        statement: str,
        parameters: Parameters = (),
        size: int = 5_000,
        paging_state: bytes | None = None,
    ) -> RowPage:
        between = self.between
        if "FROM mails " in statement and between is not None:
            await self._is_read.wait()
            self.between = None
            await between
        page = await super().page(statement, parameters, size, paging_state)
        if "FROM mailboxes " in statement:
            self._is_read.set()
        return page


async def _until_done(command: Command, mailboxes: Mailboxes) -> Sequence[Event]:
    for _ in range(200):
        try:
            return await store(command, mailboxes=mailboxes)
        except Retryable:
            continue
    raise AssertionError(f"{command} does not come to an end")
