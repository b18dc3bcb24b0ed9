"""What whoever sets a consumer group back can rely on."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from confluent_kafka import Consumer

from connectors.assembly.data_folder import locked
from connectors.kafka.client import connected
from connectors.kafka.positions import GroupPositions
from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.kafka.rewinder import KafkaRewinder
from connectors.memory.clock import ManualClock
from connectors.sqlite.log import SqliteLog
from connectors.sqlite.log_rewinder import SqliteRewinder
from tests.contracts.logs import KINDS, brokers, sqlite_log
from topologies.errors import Misconfigured
from topologies.ports.log import Entry, Position, Rewinder, Rewound

GROUP, TOPIC = "store", "mailbox.commands"
ASSIGNED_WITHIN_S = 60


async def test_a_group_begins_anew_at_the_oldest_record(house: "House") -> None:
    ends = await house.worked_off(40)
    moves = await house.rewinder.rewind(GROUP, TOPIC)
    assert moves == [Rewound(partition, end, 0) for partition, end in ends.items()]
    assert await house.positions() == dict.fromkeys(ends, 0)
    assert await house.rewinder.rewind(GROUP, TOPIC) == []


async def test_a_group_is_set_back_to_offsets_and_only_in_their_partitions(house: "House") -> None:
    ends = await house.worked_off(40)
    first, *others = ends
    moves = await house.rewinder.rewind(GROUP, TOPIC, offsets={first: 1, 99: 0})
    assert moves == [Rewound(first, ends[first], 1)]
    assert await house.positions() == {first: 1} | {each: ends[each] for each in others}


async def test_nothing_is_ever_set_forward(house: "House") -> None:
    ends = await house.worked_off(40)
    first = min(ends)
    await house.rewinder.rewind(GROUP, TOPIC)
    assert await house.rewinder.rewind(GROUP, TOPIC, offsets=ends) == []
    assert await house.rewinder.rewind(GROUP, TOPIC, offsets={first: ends[first] + 100}) == []
    assert await house.positions() == dict.fromkeys(ends, 0)


async def test_a_group_that_never_was_there_stays_so(house: "House") -> None:
    ends = await house.worked_off(10)
    assert await house.rewinder.rewind("nobody", TOPIC) == []
    assert await house.rewinder.rewind(GROUP, "mailbox.changes") == []
    assert await house.positions() == ends


async def test_who_only_looks_moves_nothing(house: "House") -> None:
    ends = await house.worked_off(40)
    moves = await house.rewinder.rewind(GROUP, TOPIC, only_look=True)
    assert sum(move.was - move.now for move in moves) == 40
    assert await house.positions() == ends


# The broker in the process looks up no times.
@pytest.mark.parametrize(
    "house", ["sqlite", pytest.param("kafka", marks=pytest.mark.live)], indirect=True
)
async def test_a_group_is_set_back_to_a_moment(house: "House") -> None:
    before = await house.worked_off(40)
    house.clock.move(timedelta(hours=1))
    since = house.clock.now()
    await house.worked_off(40)
    assert await house.rewinder.rewind(GROUP, TOPIC, since=since + timedelta(hours=1)) == []
    await house.rewinder.rewind(GROUP, TOPIC, since=since)
    assert await house.positions() == before


async def test_nobody_is_set_back_at_work(house: "House") -> None:
    ends = await house.worked_off(40)
    async with house.at_work():
        with pytest.raises(Misconfigured, match=r"stop"):
            await house.rewinder.rewind(GROUP, TOPIC)
        assert await house.positions() == ends
        assert await house.rewinder.rewind(GROUP, TOPIC, only_look=True)


# To the broker in the process a group that was left is still not free.
@pytest.mark.parametrize(
    "house", ["sqlite", pytest.param("kafka", marks=pytest.mark.live)], indirect=True
)
async def test_a_group_that_was_left_is_set_back(house: "House") -> None:
    ends = await house.worked_off(40)
    async with house.at_work():
        pass
    assert len(await house.rewinder.rewind(GROUP, TOPIC)) == len(ends)


async def test_what_was_done_beyond_a_gap_is_done_again(tmp_path: Path) -> None:
    with sqlite_house(tmp_path) as house:
        await house.worked_off(1)
        [partition] = await house.positions()
        ahead = Position(group=GROUP, topic=TOPIC, partition=partition, offset=1, ahead=((2, 9),))
        await house.log.commit([], [ahead])
        await house.rewinder.rewind(GROUP, TOPIC)
        assert (await house.log.position(GROUP, TOPIC, partition)).ahead == ()


class House(Protocol):
    """A log, and one group that reads a topic of it."""

    rewinder: Rewinder
    clock: ManualClock

    async def worked_off(self, count: int) -> dict[int, int]:
        """Write *count* records and let the group do them; return where it is then."""
        ...

    async def positions(self) -> dict[int, int]:
        """Return where the group is, by partition."""
        ...

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """Somebody works in the group."""
        ...


class SqliteHouse:
    def __init__(self, folder: Path, log: SqliteLog, clock: ManualClock) -> None:
        self.log, self.clock = log, clock
        self._folder = folder
        self.rewinder = SqliteRewinder(log, lambda: locked(folder))

    async def worked_off(self, count: int) -> dict[int, int]:
        await self.log.write(entries(count))
        ends = {p: await self.log.end(TOPIC, p) for p in range(self.log.partitions(TOPIC))}
        done = [
            Position(group=GROUP, topic=TOPIC, partition=partition, offset=end)
            for partition, end in ends.items()
        ]
        await self.log.commit([], done)
        return {partition: end for partition, end in ends.items() if end}

    async def positions(self) -> dict[int, int]:
        return {
            partition: (await self.log.position(GROUP, TOPIC, partition)).offset
            for partition in range(self.log.partitions(TOPIC))
            if await self.log.end(TOPIC, partition)
        }

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        with locked(self._folder):
            yield


class KafkaHouse:
    def __init__(self, servers: Sequence[str], prefix: str) -> None:
        self.clock = ManualClock(datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3))
        self.rewinder = KafkaRewinder(servers, prefix=prefix)
        self.log = KafkaLog(servers, clock=self.clock, prefix=prefix)
        self._config = connected(servers, "tests")
        self._reader = KafkaReader(servers, prefix=prefix)
        self._positions = GroupPositions(self._config, answer_within_s=10)
        self._group, self._topic = prefix + GROUP, prefix + TOPIC

    async def worked_off(self, count: int) -> dict[int, int]:
        await self.log.write(entries(count))
        ends = {p: end for p, end in (await self._reader.ends(TOPIC)).items() if end}
        await self._positions.move(self._group, {(self._topic, p): end for p, end in ends.items()})
        return ends

    async def positions(self) -> dict[int, int]:
        places = [(self._topic, partition) for partition in await self._reader.ends(TOPIC)]
        return {p: at for (_, p), at in (await self._positions.of(self._group, places)).items()}

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        member = Consumer(self._config | {"group.id": self._group, "enable.auto.commit": False})
        try:
            member.subscribe([self._topic])
            deadline = time.monotonic() + ASSIGNED_WITHIN_S
            while not member.assignment():
                assert time.monotonic() < deadline
                await asyncio.to_thread(member.poll, 0.1)
            yield
        finally:
            await asyncio.to_thread(member.close)


@pytest.fixture(params=KINDS)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[House]:
    if request.param == "sqlite":
        with sqlite_house(tmp_path) as made:
            yield made
    else:
        async with brokers(request.param) as (servers, prefix):
            kafka = KafkaHouse(servers, prefix)
            yield kafka
            await kafka.log.close()


@contextmanager
def sqlite_house(folder: Path) -> Generator[SqliteHouse]:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    with sqlite_log(folder, clock, partitions=4) as (log, _):
        yield SqliteHouse(folder, log, clock)


def entries(count: int) -> Sequence[Entry]:
    return [
        Entry(topic=TOPIC, key=f"user-{number % 8}", value=b"{}", event_id=f"event-{number}")
        for number in range(count)
    ]
