"""A broker that dies, hangs or lacks a topic: what was acknowledged is there, and mail goes on."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager

import pytest

from connectors.kafka.admin import KafkaAdmin
from connectors.kafka.client import connected
from connectors.kafka.positions import GroupPositions
from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.memory.clock import SystemClock
from tests.live.own_engine import OwnEngine, own_kafka
from topologies.errors import Retryable
from topologies.ports.log import Entry

pytestmark = pytest.mark.live

ANSWER_WITHIN_S = 2.0


async def test_what_was_acknowledged_outlives_a_broker_that_is_killed(broker: OwnEngine) -> None:
    acknowledged: list[str] = []
    refused: list[str] = []
    async with a_log(broker, "killed") as (log, reader):
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for sender in range(8):
                tasks.create_task(send(log, sender, acknowledged, refused, is_over))
            await until(lambda: len(acknowledged) > 200)
            await broker.kill()
            await until(lambda: len(refused) > 8)
            await broker.up()
            known = len(acknowledged)
            await until(lambda: len(acknowledged) > known + 200)
            is_over.set()
        written = Counter([record.key async for record in reader.read("killed")])
    assert set(acknowledged) <= set(written)
    assert {written[key] for key in acknowledged} == {1}
    assert set(written) <= set(acknowledged) | set(refused)


async def test_a_broker_that_hangs_is_given_up_in_time(broker: OwnEngine) -> None:
    async with a_log(broker, "hanging") as (log, _):
        await log.write([entry("hanging", "before")])
        broker.freeze()
        try:
            start = time.monotonic()
            with pytest.raises(Retryable) as raised:
                await log.write([entry("hanging", "meanwhile")])
            assert raised.value.outage
            assert time.monotonic() - start < ANSWER_WITHIN_S + 3
        finally:
            broker.thaw()
        await eventually_written(log, entry("hanging", "after"))


async def test_a_broker_that_is_away_is_tried_a_few_times_a_second(broker: OwnEngine) -> None:
    async with a_log(broker, "away") as (log, _):
        await log.write([entry("away", "before")])
        await broker.kill()
        tries: list[float] = []
        nobody = await asyncio.start_server(
            lambda _, writer: (tries.append(time.monotonic()), writer.close()),
            *address(broker).split(":"),
        )
        await until(lambda: len(tries) > 12)
        nobody.close()
        await nobody.wait_closed()
        assert tries[12] - tries[0] > 1.5, "some four a second, not thirty"
        await broker.up()
        await eventually_written(log, entry("away", "after"))


async def test_a_topic_that_is_missing_is_told_and_waited_for(broker: OwnEngine) -> None:
    async with a_log(broker) as (log, reader):
        with pytest.raises(Retryable, match="no such topic: rillmail topics apply") as raised:
            await log.write([entry("missing", "a")])
        assert raised.value.outage
        assert await reader.ends("missing") == {}
        await KafkaAdmin((address(broker),)).create("missing", 1, 1, {})
        await eventually_written(log, entry("missing", "b"))
        assert [record.key async for record in reader.read("missing")] == ["b"]


async def test_how_far_a_group_is_can_be_asked_again_once_a_killed_broker_is_back(
    broker: OwnEngine,
) -> None:
    async with a_log(broker, "asked") as (log, reader):
        await log.write([entry("asked", "a")])
        assert await lag_of(reader, "asked") == 1
        await broker.kill()
        asking = [asyncio.create_task(lag_of(reader, "asked")) for _ in range(3)]
        await broker.up()
        await asyncio.wait(asking)
        assert await eventually_asked(reader, "asked") == 1


async def test_whoever_asks_how_far_groups_are_outlives_a_coordinator_that_is_loading(
    broker: OwnEngine,
) -> None:
    # The library's client for administration ends the process here.
    positions = GroupPositions(connected((address(broker),), "asking"), answer_within_s=1)
    await broker.kill()
    starting = asyncio.create_task(broker.up())
    answered: list[str] = []
    async with asyncio.timeout(90):
        for group in itertools.cycle(f"group-{number}" for number in range(9)):
            with contextlib.suppress(Retryable):
                assert await positions.of(group, [("asked", 0)]) == {}
                answered.append(group)
            if len(set(answered)) == 9:
                break
        await starting


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[OwnEngine]:
    with own_kafka(tmp_path_factory.mktemp("kafka")) as engine:
        yield engine


@asynccontextmanager
async def a_log(broker: OwnEngine, topic: str = "") -> AsyncGenerator[tuple[KafkaLog, KafkaReader]]:
    servers = (address(broker),)
    if topic:
        await KafkaAdmin(servers).create(topic, 2, 1, {})
    log = KafkaLog(servers, clock=SystemClock(), answer_within_s=ANSWER_WITHIN_S)
    try:
        yield log, KafkaReader(servers)
    finally:
        await log.close()


async def send(
    log: KafkaLog,
    sender: int,
    acknowledged: list[str],
    refused: list[str],
    is_over: asyncio.Event,
) -> None:
    number = 0
    while not is_over.is_set():
        number += 1
        key = f"{sender}-{number}"
        try:
            await log.write([entry("killed", key)])
        except Retryable:
            refused.append(key)
        else:
            acknowledged.append(key)


async def until(condition: Callable[[], bool], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  it is not told, only seen
            await asyncio.sleep(0.01)


async def eventually_written(log: KafkaLog, entry: Entry, within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await log.write([entry])
            except Retryable:
                await asyncio.sleep(0.1)


async def lag_of(reader: KafkaReader, topic: str) -> int | None:
    """Return how far a group that was never there is behind; None without an answer."""
    try:
        behind = await reader.lags({"nobody": [topic]})
        return sum(behind["nobody"][topic].values())
    except Retryable:
        return None


async def eventually_asked(reader: KafkaReader, topic: str, within_s: float = 45) -> int:
    async with asyncio.timeout(within_s):
        while (lag := await lag_of(reader, topic)) is None:  # noqa: ASYNC110  as above
            await asyncio.sleep(0.1)
    return lag


def address(broker: OwnEngine) -> str:
    return f"127.0.0.1:{broker.port}"


def entry(topic: str, key: str) -> Entry:
    return Entry(topic=topic, key=key, value=b"{}", event_id=f"event-{key}")
