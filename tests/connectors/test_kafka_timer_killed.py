"""The process of the Kafka timer is killed again and again: what is due comes once for each."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.memory.clock import SystemClock
from connectors.memory.relay import MemoryRelay
from tests.engines.deliveries import due
from tests.live.engines import kafka
from tests.services import in_memory
from topologies.engines.handling import Emit, handle
from topologies.events import WAITS
from topologies.events.base import as_kind
from topologies.ports.log import Record
from topologies.ports.relay import Relay
from topologies.topology import build

pytestmark = pytest.mark.live
TIMEOUT_S = 120.0
KILLS = 3
EACH = 150  # deliveries before each kill: several times what is moved at once
LATER = WAITS[timedelta(minutes=1)]


async def test_each_delivery_comes_back_and_is_sent_once_however_often_the_timer_is_killed() -> (
    None
):
    async with opened() as (servers, prefix, log, reader):
        names: list[str] = []
        for turn in range(KILLS):
            more = [f"d{turn}-{number}.example" for number in range(EACH)]
            names += more
            await log.append([as_kind(due(name, name), LATER) for name in more])
            before = len(await moved(reader))
            with timer(servers, prefix) as process:
                await until(reader, before + 1)  # it is at work: anything may be half done
                process.kill()
                assert process.wait(TIMEOUT_S) == -9
        with timer(servers, prefix):
            await until_all(reader, names)
        records = await moved(reader)
        assert len({record.event_id for record in records}) == len(names)
        assert sorted(await sent(records)) == sorted(names)


async def until(reader: KafkaReader, count: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while len(await moved(reader)) < count:  # noqa: ASYNC110  a broker tells nobody
            await asyncio.sleep(0.1)


async def until_all(reader: KafkaReader, names: Sequence[str]) -> None:
    wanted = set(names)
    async with asyncio.timeout(TIMEOUT_S):
        while {record.key for record in await moved(reader)} != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def moved(reader: KafkaReader) -> list[Record]:
    return [record async for record in reader.read("delivery.due")]


async def sent(records: Sequence[Record]) -> list[str]:
    """Return to which destinations mail goes when the stage is handed all of *records*."""
    services = await in_memory()
    for record in records:
        assert isinstance(await handle(build().stage("attempt"), record.value, services), Emit)
    relay: MemoryRelay = services[Relay]
    return [recipient.rpartition("@")[2] for recipient, _ in relay.sent]


@contextmanager
def timer(servers: Sequence[str], prefix: str) -> Generator[subprocess.Popen[bytes]]:
    """Run a timer in a process of its own, which ends with the context at the latest."""
    command = [sys.executable, "-m", "tests.connectors.timer_process", servers[0], prefix, "3600"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as process:
        try:
            yield process
        finally:
            process.kill()


@asynccontextmanager
async def opened() -> AsyncGenerator[tuple[Sequence[str], str, KafkaLog, KafkaReader]]:
    async with kafka(partitions=2) as (servers, prefix):
        log = KafkaLog(servers, clock=SystemClock(), prefix=prefix)
        try:
            yield servers, prefix, log, KafkaReader(servers, prefix=prefix)
        finally:
            await log.close()
