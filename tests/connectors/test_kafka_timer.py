"""What waits its time on Kafka: it comes back when it is due, whoever moves it; none is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import pytest

from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.kafka.timer import KafkaTimer
from connectors.memory.clock import ManualClock, SystemClock
from tests.engines.deliveries import due
from tests.live.engines import kafka
from topologies.errors import Retryable
from topologies.events import WAITS, DeliveryDue
from topologies.events.base import as_kind
from topologies.ports.log import Entry

pytestmark = pytest.mark.live
TIMEOUT_S = 60.0
PARTITIONS = 2
SHORT, LONG = WAITS[timedelta(minutes=1)], WAITS[timedelta(hours=4)]


async def test_a_delivery_comes_back_when_its_time_has_come_and_not_before() -> None:
    async with opened() as it, it.timer():
        await it.log.append([as_kind(due(name), SHORT) for name in "abc"])
        await it.log.append([as_kind(due("d"), LONG)])
        await it.looked()
        assert await it.moved() == []
        it.clock.move(timedelta(seconds=90))
        await it.until(3)
        assert sorted(await it.moved()) == ["a", "b", "c"]
        it.clock.move(timedelta(hours=4))
        await it.until(4)
        assert sorted(await it.moved()) == ["a", "b", "c", "d"]


async def test_what_stood_goes_on_where_it_stood() -> None:
    async with opened() as it, it.timer():
        names = [f"{number}" for number in range(200)]
        await it.log.append([as_kind(due(name), SHORT) for name in names])
        await it.looked()
        await it.looked()
        it.clock.move(timedelta(seconds=90))
        await it.until(len(names))
        assert sorted(await it.moved()) == sorted(names)
        await it.log.append([as_kind(due("later"), SHORT)])
        it.clock.move(timedelta(minutes=3))
        await it.until(len(names) + 1)


async def test_a_restart_moves_what_was_not_moved() -> None:
    async with opened() as it:
        await it.log.append([as_kind(due(name), SHORT) for name in "ab"])
        it.clock.move(timedelta(seconds=90))
        async with it.timer():
            await it.until(2)
        await it.log.append([as_kind(due("c"), SHORT)])
        it.clock.move(timedelta(minutes=3))
        async with it.timer():
            await it.until(3)
        assert sorted(await it.moved()) == ["a", "b", "c"]
        assert sum((await it.made().later()).values()) == 0


async def test_two_share_the_partitions_and_one_that_leaves_leaves_nothing_behind() -> None:
    async with opened() as it, it.timer():
        names = [f"{number}" for number in range(60)]
        deliveries = [as_kind(due(n, f"d{n}.example"), SHORT) for n in names]
        async with it.timer():
            await it.log.append(deliveries[:30])
            it.clock.move(timedelta(seconds=90))
            await it.until(30)
            await it.log.append(deliveries[30:])
        it.clock.move(timedelta(minutes=3))
        await it.until(60)
        assert set(await it.moved()) == set(names)


async def test_who_is_cut_off_before_the_commit_moves_to_the_same_ids_again() -> None:
    async with opened() as it:
        await it.log.append([as_kind(due(name), SHORT) for name in "ab"])
        it.clock.move(timedelta(seconds=90))
        cut_off = it.made(write=it.write_and_hang)
        task = asyncio.create_task(cut_off.run())
        async with asyncio.timeout(TIMEOUT_S):
            await it.hanging.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        async with it.timer():
            await it.until(4)  # each of them twice
            assert await it.event_ids() == 2


async def test_what_can_not_be_written_is_moved_when_it_can_be() -> None:
    async with opened() as it:
        it.failures = 2
        await it.log.append([as_kind(due("a"), SHORT)])
        it.clock.move(timedelta(seconds=90))
        async with it.timer(write=it.write_or_fail):
            await it.until(1)
        assert it.failures == 0


@dataclass
class House:
    servers: Sequence[str]
    prefix: str
    log: KafkaLog
    reader: KafkaReader
    clock: ManualClock = field(default_factory=lambda: ManualClock(SystemClock().now()))
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0

    def made(self, write: Callable[..., object] | None = None) -> KafkaTimer:
        return KafkaTimer(
            self.servers,
            prefix=self.prefix,
            write=write or self.log.write,  # type: ignore[arg-type]
            lags=self.reader.lags,
            clock=self.clock,
            look_every_s=0.05,
        )

    @asynccontextmanager
    async def timer(self, write: Callable[..., object] | None = None) -> AsyncIterator[None]:
        timer = self.made(write)
        task = asyncio.create_task(timer.run())
        try:
            yield
        finally:
            timer.stop()
            await task

    async def write_and_hang(self, entries: Sequence[Entry]) -> None:
        await self.log.write(entries)
        self.hanging.set()
        await asyncio.Event().wait()

    async def write_or_fail(self, entries: Sequence[Entry]) -> None:
        if self.failures:
            self.failures -= 1
            raise Retryable("away")
        await self.log.write(entries)

    async def moved(self) -> list[str]:
        values = [record.value async for record in self.reader.read("delivery.due")]
        return [msgspec.json.decode(value, type=DeliveryDue).delivery_id for value in values]

    async def event_ids(self) -> int:
        return len({record.event_id async for record in self.reader.read("delivery.due")})

    async def until(self, count: int) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while len(await self.moved()) < count:  # noqa: ASYNC110  a broker tells nobody
                await asyncio.sleep(0.1)

    async def looked(self) -> None:
        """Wait until the timer has certainly seen what waits."""
        async with asyncio.timeout(TIMEOUT_S):
            while not sum((await self.made().later()).values()):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)  # that nothing comes takes a while to see


@asynccontextmanager
async def opened() -> AsyncIterator[House]:
    async with kafka(partitions=PARTITIONS) as (servers, prefix):
        log = KafkaLog(servers, clock=SystemClock(), prefix=prefix)
        try:
            yield House(servers, prefix, log, KafkaReader(servers, prefix=prefix))
        finally:
            await log.close()
