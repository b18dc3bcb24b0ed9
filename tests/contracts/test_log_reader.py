"""What whoever looks back in the log can rely on: audit, replay, rebuilding."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.memory.clock import ManualClock
from connectors.sqlite.log_reader import AT_ONCE, SqliteLogReader
from tests.contracts.logs import KINDS, brokers, sqlite_log
from topologies.ports.log import Entry, LogReader, Record

TOPIC, OTHER = "mailbox.commands", "mailbox.changes"


async def test_all_that_is_there_is_read_in_order_within_each_partition(house: "House") -> None:
    names = [str(number) for number in range(2 * AT_ONCE + 7)]
    await house.write([entry(name, key=f"user-{int(name) % 5}") for name in names])
    records = await house.all(TOPIC)
    assert sorted(text(record) for record in records) == sorted(names)
    for user in range(5):
        own = [int(text(record)) for record in records if record.key == f"user-{user}"]
        assert own == sorted(own)
    for partition in {record.partition for record in records}:
        offsets = [record.offset for record in records if record.partition == partition]
        assert offsets == list(range(len(offsets)))


async def test_a_record_is_given_back_whole(house: "House") -> None:
    await house.write([entry("a", headers={"reason": "größer"})])
    [record] = await house.all(TOPIC)
    assert (record.topic, record.key, record.value) == (TOPIC, "user-1", b"a")
    assert (record.event_id, record.headers) == ("event-a", {"reason": "größer"})
    assert record.appended_at == house.clock.now()


async def test_only_the_topic_that_was_asked_for_is_read(house: "House") -> None:
    await house.write([entry("a"), entry("b", topic=OTHER)])
    assert [text(record) for record in await house.all(OTHER)] == ["b"]


async def test_a_topic_that_holds_nothing_is_read_to_its_end_at_once(house: "House") -> None:
    assert await house.all(TOPIC) == []


# The broker in the process looks up no times.
@pytest.mark.parametrize(
    "house", ["sqlite", pytest.param("kafka", marks=pytest.mark.live)], indirect=True
)
async def test_what_was_appended_before_is_left_out(house: "House") -> None:
    await house.write([entry("old", key=f"user-{number}") for number in range(8)])
    house.clock.move(timedelta(hours=1))
    since = house.clock.now()
    await house.write([entry("new", key=f"user-{number}") for number in range(8)])
    records = await house.all(TOPIC, since=since)
    assert [text(record) for record in records] == ["new"] * 8
    assert len(await house.all(TOPIC, since=since - timedelta(hours=2))) == 16
    assert await house.all(TOPIC, since=since + timedelta(hours=1)) == []


async def test_reading_begins_at_offsets_and_only_in_their_partitions(house: "House") -> None:
    await house.write([entry(str(n), key=f"user-{n % 20}") for n in range(200)])
    records = await house.all(TOPIC)
    first, *others = sorted({record.partition for record in records})
    assert others
    read = [record async for record in house.reader.read(TOPIC, offsets={first: 3})]
    assert read == [r for r in records if r.partition == first and r.offset >= 3]
    beyond = {first: len(records), others[0]: len(records)}
    assert [record async for record in house.reader.read(TOPIC, offsets=beyond)] == []


async def test_the_records_of_a_key_are_read_alone_and_in_order(house: "House") -> None:
    await house.write([entry(str(n), key=f"user-{n % 20}") for n in range(200)])
    for user in ("user-0", "user-7", "größer", ""):
        await house.write([entry("own", key=user)])
        records = [record async for record in house.reader.read(TOPIC, key=user)]
        assert records == [r for r in await house.all(TOPIC) if r.key == user]
        assert text(records[-1]) == "own"
    assert [record async for record in house.reader.read(TOPIC, key="user-none")] == []


# The broker in the process looks up no times.
@pytest.mark.parametrize(
    "house", ["sqlite", pytest.param("kafka", marks=pytest.mark.live)], indirect=True
)
async def test_the_records_of_a_key_are_read_from_a_moment_on(house: "House") -> None:
    await house.write([entry("old", key=f"user-{n}") for n in range(8)] * 50)
    house.clock.move(timedelta(hours=1))
    since = house.clock.now()
    await house.write([entry("new", key=f"user-{n}") for n in range(8)])
    records = [r async for r in house.reader.read(TOPIC, since=since, key="user-3")]
    assert [(text(record), record.key) for record in records] == [("new", "user-3")]


async def test_what_comes_meanwhile_is_not_waited_for(house: "House") -> None:
    await house.write([entry("there", key=f"user-{number}") for number in range(8)])
    found: list[str] = []
    async with aclosing(house.reader.read(TOPIC)) as records:
        async for record in records:
            if not found:
                await house.write([entry("later", key=f"user-{number}") for number in range(8)])
            found.append(text(record))
    assert found == ["there"] * 8


async def test_reading_again_gives_the_same_and_who_stops_early_leaves_nothing(
    house: "House",
) -> None:
    await house.write([entry(str(number)) for number in range(20)])
    async with aclosing(house.reader.read(TOPIC)) as records:
        assert text(await anext(records)) == "0"
    assert await house.all(TOPIC) == await house.all(TOPIC)


@dataclass(frozen=True)
class House:
    write: Callable[[Sequence[Entry]], Awaitable[object]]
    reader: LogReader
    clock: ManualClock

    async def all(self, topic: str, *, since: datetime | None = None) -> list[Record]:
        return [record async for record in self.reader.read(topic, since=since)]


@pytest.fixture(params=KINDS)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[House]:
    if request.param == "sqlite":
        async with sqlite_house(tmp_path) as made:
            yield made
    else:
        async with (
            brokers(request.param) as (servers, prefix),
            kafka_house(servers, prefix) as made,
        ):
            yield made


@asynccontextmanager
async def sqlite_house(folder: Path) -> AsyncGenerator[House]:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    with sqlite_log(folder, clock, partitions=4) as (log, _):

        async def write(entries: Sequence[Entry]) -> None:
            await log.commit(entries, [])

        yield House(write, SqliteLogReader(log), clock)


@asynccontextmanager
async def kafka_house(servers: Sequence[str], prefix: str) -> AsyncGenerator[House]:
    clock = ManualClock(datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3))
    log = KafkaLog(servers, clock=clock, prefix=prefix)
    yield House(log.write, KafkaReader(servers, prefix=prefix), clock)
    await log.close()


def entry(
    text: str, *, key: str = "user-1", topic: str = TOPIC, headers: dict[str, str] | None = None
) -> Entry:
    return Entry(
        topic=topic,
        key=key,
        value=text.encode(),
        event_id=f"event-{text}",
        headers=headers or {},
    )


def text(record: Record) -> str:
    return record.value.decode()
