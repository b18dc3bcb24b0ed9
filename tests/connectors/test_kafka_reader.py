"""Reading Kafka without a group, and how far groups are."""

import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.memory.clock import ManualClock
from tests.broker import PARTITIONS, broker_in_process
from tests.live.engines import kafka
from topologies.errors import Retryable
from topologies.ports.log import Entry

TOPIC = "mail.received"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TASKS = Path("/proc/self/task")


async def test_a_read_ends_where_the_log_ended_when_it_began(servers: tuple[str, ...]) -> None:
    reader = KafkaReader(servers)
    async with opened(servers) as (log, _):
        await log.write(entries(10))
        keys: list[str] = []
        async with aclosing(reader.read(TOPIC)) as records:
            async for record in records:
                if not keys:
                    await log.write(entries(10))
                keys.append(record.key)
    assert sorted(keys) == sorted(entry.key for entry in entries(10))


async def test_a_long_topic_is_read_whole_and_in_order(servers: tuple[str, ...]) -> None:
    async with opened(servers) as (log, _):
        for _ in range(4):
            await log.write([*entries(300), *entries(300)])
    places = [(r.partition, r.offset) async for r in KafkaReader(servers).read(TOPIC)]
    assert len(places) == len(set(places)) == 2_400
    for partition in range(PARTITIONS):
        offsets = [offset for of, offset in places if of == partition]
        assert offsets == list(range(len(offsets)))


@pytest.mark.live
async def test_a_read_may_begin_at_a_time() -> None:
    async with kafka() as (servers, prefix):
        reader = KafkaReader(servers, prefix=prefix)
        async with opened(servers, prefix) as (log, clock):
            await log.write(entries(5))
            clock.move(timedelta(hours=1))
            await log.write(entries(3))
        assert len([r async for r in reader.read(TOPIC, since=AT)]) == 8
        assert len([r async for r in reader.read(TOPIC, since=AT + timedelta(minutes=1))]) == 3
        assert [r async for r in reader.read(TOPIC, since=AT + timedelta(hours=2))] == []


async def test_a_read_may_be_of_some_partitions_from_an_offset(servers: tuple[str, ...]) -> None:
    reader = KafkaReader(servers)
    async with opened(servers) as (log, _):
        await log.write([entry("a")] * 5 + entries(20))
    [partition] = {r.partition async for r in reader.read(TOPIC) if r.key == "a"}
    read = [r async for r in reader.read(TOPIC, offsets={partition: 2, 99: 0})]
    assert [r.offset for r in read] == list(range(2, 2 + len(read)))
    assert {r.partition for r in read} == {partition}
    assert [r async for r in reader.read(TOPIC, offsets={partition: 10_000})] == []


async def test_one_record_is_found_by_its_place(servers: tuple[str, ...]) -> None:
    reader = KafkaReader(servers)
    async with opened(servers) as (log, _):
        await log.write([entry("a")] * 3)
    [first, *_] = [record async for record in reader.read(TOPIC)]
    assert await reader.at(TOPIC, first.partition, first.offset) == first
    assert await reader.at(TOPIC, first.partition, 3) is None
    assert await reader.at(TOPIC, 99, 0) is None
    assert await reader.at("no.such.topic", 0, 0) is None


async def test_a_topic_that_is_not_there_holds_nothing(servers: tuple[str, ...]) -> None:
    reader = KafkaReader(servers)
    assert [record async for record in reader.read("no.such.topic")] == []
    assert await reader.ends("no.such.topic") == {}


async def test_a_prefix_keeps_deployments_apart(servers: tuple[str, ...]) -> None:
    async with opened(servers, prefix="one.") as (log, _):
        await log.write([entry("a")])
    [record] = [r async for r in KafkaReader(servers, prefix="one.").read(TOPIC)]
    assert record.topic == TOPIC
    assert [r async for r in KafkaReader(servers, prefix="two.").read(TOPIC)] == []


async def test_lag_is_what_a_group_has_yet_to_do(servers: tuple[str, ...]) -> None:
    reader = KafkaReader(servers)
    async with opened(servers) as (log, _):
        await log.write([entry("a")] * 5)
    [partition] = {record.partition async for record in reader.read(TOPIC)}
    nothing = dict.fromkeys(range(PARTITIONS), 0)
    assert await reader.lags({"store": [TOPIC]}) == {"store": {TOPIC: nothing | {partition: 5}}}
    commit(servers, "store", TopicPartition(TOPIC, partition, 3))
    assert await reader.lags({"store": [TOPIC], "other": [TOPIC, "no.such.topic"], "idle": []}) == {
        "store": {TOPIC: nothing | {partition: 2}},
        "other": {TOPIC: nothing | {partition: 5}, "no.such.topic": {}},
        "idle": {},
    }


@pytest.mark.skipif(not TASKS.exists(), reason="the system does not list a process's threads")
async def test_what_was_opened_for_each_group_is_let_go_of(servers: tuple[str, ...]) -> None:
    async with opened(servers) as (log, _):
        await log.write([entry("a")])
        reader = KafkaReader(servers)
        await reader.ends(TOPIC)
        before = set(threads())
        await reader.lags({f"group-{number}": [TOPIC] for number in range(3)})
        asking = set(threads()) - before
        assert len(asking) >= 3
        await reader.close()
        assert not asking & set(threads())


async def test_brokers_that_are_away_are_an_outage() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        reader = KafkaReader((f"127.0.0.1:{held.getsockname()[1]}",), answer_within_s=0.3)
        with pytest.raises(Retryable) as raised:
            await reader.ends(TOPIC)
    assert raised.value.outage


def threads() -> list[str]:
    """Return the library's threads, which Python does not know."""
    found: list[str] = []
    for task in TASKS.iterdir():
        with suppress(OSError):  # it has ended
            if (task / "comm").read_text().startswith("rdk:"):
                found.append(task.name)
    return found


@pytest.fixture
def servers() -> Generator[tuple[str, ...]]:
    with broker_in_process() as servers:
        yield servers


@asynccontextmanager
async def opened(
    servers: tuple[str, ...], prefix: str = ""
) -> AsyncGenerator[tuple[KafkaLog, ManualClock]]:
    clock = ManualClock(AT)
    log = KafkaLog(servers, clock=clock, prefix=prefix)
    try:
        yield log, clock
    finally:
        await log.close()


def entries(count: int) -> list[Entry]:
    return [entry(f"key-{number}") for number in range(count)]


def entry(key: str) -> Entry:
    return Entry(topic=TOPIC, key=key, value=b"{}", event_id="e")


def commit(servers: tuple[str, ...], group: str, place: TopicPartition) -> None:
    consumer = Consumer({"bootstrap.servers": servers[0], "group.id": group})
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()
