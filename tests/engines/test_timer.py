"""What is deferred waits its time on the log, and comes back once, whatever happens."""

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from connectors.memory.clock import ManualClock
from tests.engines.deliveries import Peers, due, hand_over
from tests.engines.stages import TIMEOUT_S, House, running, until
from topologies.delayed import delayed_topics
from topologies.events import WAITS, DeliveryDue
from topologies.events.base import as_kind
from topologies.ports.log import Entry


@pytest.mark.parametrize(("wait", "kind"), WAITS.items())
async def test_a_delivery_comes_back_when_its_time_has_come_and_not_before(
    tmp_path: Path, wait: timedelta, kind: type[DeliveryDue]
) -> None:
    clock = ManualClock()
    async with running(tmp_path, hand_over, services={Peers: Peers()}, clock=clock) as house:
        waiting = as_kind(due("a"), kind, attempt=2)
        await house.log.append([waiting])
        clock.move(wait - timedelta(seconds=1))
        await looked(house)
        assert await house.records("delivery.due") == []
        clock.move(timedelta(seconds=1))
        await until_due(house, 1)
        [(key, value, _)] = await house.records("delivery.due")
        assert key == "far.example"
        assert msgspec.json.decode(value, type=DeliveryDue) == as_kind(waiting, DeliveryDue)


async def test_three_days_of_waiting_pass_in_a_moment(tmp_path: Path) -> None:
    clock = ManualClock()
    kind = WAITS[timedelta(hours=4)]
    async with running(tmp_path, hand_over, services={Peers: Peers()}, clock=clock) as house:
        for attempt in range(18):
            await house.log.append([as_kind(due("a"), kind, attempt=attempt)])
            clock.move(timedelta(hours=4))
            await until_due(house, attempt + 1)
        assert clock.now() - ManualClock().now() == timedelta(days=3)


async def test_a_restart_moves_what_was_not_moved_and_nothing_twice(tmp_path: Path) -> None:
    clock = ManualClock()
    kind = WAITS[timedelta(minutes=1)]
    async with running(tmp_path, hand_over, services={Peers: Peers()}, clock=clock) as house:
        await house.log.append([as_kind(due("a"), kind)])
        clock.move(timedelta(seconds=30))
        await house.log.append([as_kind(due("b"), kind)])
        clock.move(timedelta(seconds=30))
        await until_due(house, 1)
    async with running(tmp_path, hand_over, services={Peers: Peers()}, clock=clock) as house:
        assert await house.engine.later() == {**nothing_later(), "delivery.later.1m": 1}
        clock.move(timedelta(seconds=30))
        await until_due(house, 2)
        values = [value for _, value, _ in await house.records("delivery.due")]
        decoded = [msgspec.json.decode(value, type=DeliveryDue) for value in values]
        assert [each.delivery_id for each in decoded] == ["a", "b"]
        assert await house.engine.later() == nothing_later()


async def test_what_waits_is_kept_when_the_log_forgets_what_is_old(tmp_path: Path) -> None:
    clock = ManualClock()
    kind = WAITS[timedelta(hours=4)]
    async with running(tmp_path, hand_over, services={Peers: Peers()}, clock=clock) as house:
        await house.log.append([as_kind(due("a"), kind)])
    clock.move(timedelta(days=30))  # nobody was there for that long
    async with running(tmp_path, hand_over, services={Peers: Peers()}, clock=clock) as house:
        await house.engine.trim()
        await until_due(house, 1)


async def test_what_can_not_be_read_is_a_dead_letter_and_blocks_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    kind = WAITS[timedelta(minutes=1)]
    async with running(tmp_path, hand_over, services={Peers: Peers()}, clock=clock) as house:
        broken = Entry(topic="delivery.later.1m", key="far.example", value=b"{", event_id="1")
        await house.log.write([broken])
        await house.log.append([as_kind(due("a"), kind)])
        clock.move(timedelta(minutes=1))
        await until_due(house, 1)
        [letter] = await house.dead_letters.list()
        assert (letter.stage, letter.kind, letter.value) == ("timer", "poison", b"{")


async def test_deliveries_to_one_destination_are_attempted_at_the_same_time(
    tmp_path: Path,
) -> None:
    peers = Peers()
    peers.go.clear()
    async with running(tmp_path, hand_over, services={Peers: peers}) as house:
        await house.log.append([due("a"), due("b"), due("c")])
        await until(lambda: sorted(peers.begun) == ["a", "b", "c"])
        peers.go.set()
        await house.drained()
        assert len(await house.records("delivery.outcomes")) == 3


async def until_due(house: House, count: int) -> None:
    """Wait until *count* deliveries have come back."""
    found: list[tuple[str, bytes, str]] = []
    async with asyncio.timeout(TIMEOUT_S):
        while len(found) < count:
            await looked(house)
            found = await house.records("delivery.due")
    assert len(found) == count


async def looked(house: House) -> None:
    """Return when the timer has certainly looked at the clock."""
    await house.engine.drained(0.05)


def nothing_later() -> dict[str, int]:
    return {topic.name: 0 for topic in delayed_topics()}
