"""Commands written to Cassandra at once: as exact as one after another, whatever breaks."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from random import Random

import msgspec
import pytest

from connectors.cassandra.driver import Connected
from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.connectors.test_cassandra_mailboxes import HISTORY, Unsteady
from tests.engines.kafka_house import opened_on_kafka, working
from tests.live.cassandra_users import HeldBack, Life, OwnUsers, own_mailboxes
from tests.mailbox.commands import deliver, email_id, set_flags
from tests.mailbox.state import everything
from topologies.errors import Retryable
from topologies.events import INBOX, Command, Event, MailboxChanged
from topologies.mail.mailbox import needs
from topologies.mail.mailbox_several import decide_several
from topologies.mailbox.store import store, store_several
from topologies.ports.mailboxes import Mailboxes
from topologies.stage import declared_by

pytestmark = pytest.mark.live

BACKLOG = int(os.environ.get("BACKLOG", "300"))
TIMEOUT_S = 120.0
decode = msgspec.json.Decoder(MailboxChanged).decode
GROUPS = [HISTORY[:4], HISTORY[4:9], HISTORY[9:]]


async def test_a_crash_before_any_write_of_a_group_loses_and_doubles_nothing(
    cassandra: Connected,
) -> None:
    session = Unsteady(cassandra)
    plain = MemoryMailboxes(ManualClock())
    crashes = 0
    for group in GROUPS:
        expected = [await store(command, mailboxes=plain) for command in group]
        for passed in range(200):
            session.break_after(passed)
            try:
                async with aclosing(Life(session)) as life:
                    told = await store_several(group, mailboxes=life.mailboxes)
            except Retryable:
                crashes += 1
                continue
            assert told == expected
            break
        session.mend()
        async with aclosing(Life(session)) as life:
            assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")
    assert crashes > 4 * len(GROUPS)


async def test_a_group_that_is_never_tried_again_counts_up_to_some_command_whole(
    cassandra: Connected,
) -> None:
    is_broken, passed = True, 0
    while is_broken:
        session = Unsteady(cassandra)
        session.break_after(passed)
        passed += 1
        with suppress(Retryable):
            async with aclosing(Life(session)) as life:
                await store_several(HISTORY, mailboxes=life.mailboxes)
                is_broken = False
        session.mend()
        async with aclosing(Life(session)) as life:
            seq = (await life.mailboxes.mailbox("ann")).seq
            plain, rest = MemoryMailboxes(ManualClock()), list(HISTORY)
            while (await plain.mailbox("ann")).seq < seq:
                await store(rest.pop(0), mailboxes=plain)
            for command in [*rest, deliver(7, message={"references": ("m1@sender.example",)})]:
                told = await store(command, mailboxes=life.mailboxes)
                assert told == await store(command, mailboxes=plain)
            assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")


async def test_a_group_told_again_in_whatever_groups_tells_the_same_and_changes_nothing(
    cassandra: Connected,
) -> None:
    chance = Random(7)
    session = OwnUsers(cassandra)
    plain = MemoryMailboxes(ManualClock())
    expected = [await store(command, mailboxes=plain) for command in HISTORY]
    async with aclosing(Life(session)) as life:
        assert await store_several(HISTORY, mailboxes=life.mailboxes) == expected
        state = await everything(life.mailboxes, "ann")
        assert state == await everything(plain, "ann")
    for _ in range(5):
        async with aclosing(Life(session)) as life:
            begin = chance.randrange(len(HISTORY))
            told = await _carry_out(HISTORY[begin:], life.mailboxes, chance)
            assert told == expected[begin:]
            assert await everything(life.mailboxes, "ann") == state


@pytest.mark.parametrize("other", [HISTORY[:1], HISTORY[:3], [*HISTORY[:4], set_flags(1)]])
async def test_what_another_worker_wrote_since_a_group_was_loaded_is_noticed(
    cassandra: Connected, other: Sequence[Command]
) -> None:
    session = OwnUsers(cassandra)
    group = HISTORY[:4]
    plain = MemoryMailboxes(ManualClock())
    expected = [await store(command, mailboxes=plain) for command in group]
    for command in other[len(group) :]:
        await store(command, mailboxes=plain)
    async with aclosing(Life(session)) as life, aclosing(Life(session)) as another:
        loaded = await life.mailboxes.load_for_several("ann", [needs(each) for each in group])
        decided = decide_several(group, loaded)
        for command in other:
            await store(command, mailboxes=another.mailboxes)
        await life.mailboxes.write_several(decided.effects)  # late: all of it loses, or is equal
        told = [await _until_done(command, life.mailboxes) for command in group]
        assert told == expected
        assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")


async def test_a_group_decided_on_a_mailbox_that_is_not_as_it_was_is_refused(
    cassandra: Connected,
) -> None:
    session = OwnUsers(cassandra)
    async with aclosing(Life(session)) as life, aclosing(Life(session)) as another:
        group = [deliver(1), deliver(2)]
        loaded = await life.mailboxes.load_for_several("ann", [needs(each) for each in group])
        decided = decide_several(group, loaded)
        await store(deliver(3), mailboxes=another.mailboxes)
        await life.mailboxes.load("ann", needs(deliver(4)))  # so it knows now
        with pytest.raises(Retryable):
            await life.mailboxes.write_several(decided.effects)
        assert (await life.mailboxes.mailbox("ann")).seq == 1


@pytest.mark.parametrize("seed", range(6))
async def test_workers_that_take_other_commands_together_leave_a_mailbox_as_one_would(
    cassandra: Connected, seed: int
) -> None:
    plain = MemoryMailboxes(ManualClock())
    expected = [await store(command, mailboxes=plain) for command in HISTORY]
    session = OwnUsers(cassandra)

    async def work(number: int) -> list[Sequence[Event]]:
        async with aclosing(Life(session)) as life:
            return await _carry_out(HISTORY, life.mailboxes, Random(10 * seed + number))

    assert await asyncio.gather(*map(work, range(3))) == [expected] * 3
    async with aclosing(Life(session)) as life:
        assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")


@pytest.mark.parametrize("passing", [0, 1, 2, 4])
async def test_what_a_worker_writes_late_of_a_group_takes_nothing_back(
    cassandra: Connected, passing: int
) -> None:
    for place in range(len(HISTORY)):
        before, after = HISTORY[:place], HISTORY[place:]
        session = OwnUsers(cassandra)
        held = HeldBack(session, passing)
        plain = MemoryMailboxes(ManualClock())
        for command in HISTORY:
            await store(command, mailboxes=plain)
        async with aclosing(Life(session)) as life, aclosing(Life(held)) as late:
            await _carry_out(before, life.mailboxes, Random(place))
            lagging = asyncio.create_task(store_several(after[:6], mailboxes=late.mailboxes))
            holding = asyncio.create_task(held.is_held.wait())
            await asyncio.wait({lagging, holding}, return_when=asyncio.FIRST_COMPLETED)
            await _carry_out(after, life.mailboxes, Random(place))
            held.let_go.set()
            holding.cancel()
            with suppress(Retryable):
                await lagging
        async with aclosing(Life(session)) as life:
            assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")


@pytest.mark.process
async def test_a_backlog_of_one_user_is_worked_off_by_the_clusters_engine_in_order(
    cassandra: Connected, tmp_path: Path
) -> None:
    async with (
        own_mailboxes(cassandra, ManualClock()) as mailboxes,
        opened_on_kafka(
            tmp_path, declared_by(store), services={Mailboxes: mailboxes}, in_flight=64
        ) as house,
    ):
        await house.log.append([deliver(number) for number in range(BACKLOG)])
        async with working(house):
            await _until(lambda: len(house.seen.told) > 0)
            began, cpu_began = time.perf_counter(), time.process_time()
            await _until(lambda: len(house.seen.told) >= BACKLOG)
            rate = (BACKLOG - 1) / (time.perf_counter() - began)
            cpu_ms = 1e3 * (time.process_time() - cpu_began) / BACKLOG
            await house.drained()
        print(f"\n{BACKLOG:,} deliveries into one mailbox: {rate:,.0f}/s, {cpu_ms:.2f} ms of CPU")
        told = [decode(value) for _, value, _ in await house.records("mailbox.changes")]
        assert [change.seq for change in told] == list(range(1, BACKLOG + 1))
        assert [change.email_id for change in told] == [email_id(n) for n in range(BACKLOG)]
        assert house.seen.told == [("store", "done", "ann")] * BACKLOG
        page = await mailboxes.page("ann", INBOX, limit=1)
        assert page is not None
        assert page.total_count == BACKLOG


async def _carry_out(
    commands: Sequence[Command], mailboxes: Mailboxes, chance: Random
) -> list[Sequence[Event]]:
    """Carry out *commands* in some groups, as an engine does: one by one where a group fails."""
    told: list[Sequence[Event]] = []
    while len(told) < len(commands):
        group = commands[len(told) :][: chance.randint(1, 8)]
        try:
            told += await store_several(group, mailboxes=mailboxes)
        except Retryable:
            told += [await _until_done(command, mailboxes) for command in group]
    return told


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110  nothing tells when it comes true
            await asyncio.sleep(0.01)


async def _until_done(command: Command, mailboxes: Mailboxes) -> Sequence[Event]:
    for _ in range(200):
        with suppress(Retryable):
            return await store(command, mailboxes=mailboxes)
    raise AssertionError(f"{command} does not come to an end")
