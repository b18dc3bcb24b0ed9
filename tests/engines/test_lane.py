"""Records of one partition under way: order by key, acknowledgements in order, leaving."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from topologies.engines.lane import Lane
from topologies.errors import Retryable
from topologies.ports.log import Entry, Record

TIMEOUT_S = 10.0


async def test_a_record_is_acknowledged_after_its_outputs_are_durable() -> None:
    async with desk() as it:
        it.written.clear()
        it.take("a")
        await it.until(lambda: it.begun == [0])
        it.finish(0)
        await it.until(lambda: it.writing == 1)
        assert it.acknowledged == []
        it.written.set()
        await it.until(lambda: it.acknowledged == [0])


async def test_one_that_overtook_others_is_acknowledged_after_them() -> None:
    async with desk() as it:
        it.take("slow")
        it.take("quick")
        await it.until(lambda: it.begun == [0, 1])
        it.finish(1)
        await it.until(lambda: it.room_left == 9)  # it is done, and makes room
        assert it.acknowledged == []
        it.finish(0)
        await it.until(lambda: it.acknowledged == [0, 1])


async def test_records_of_one_key_wait_for_each_other() -> None:
    async with desk() as it:
        it.take("a")
        it.take("a")
        it.take("b")
        await it.until(lambda: it.begun == [0, 2])
        it.finish(0)
        await it.until(lambda: it.begun == [0, 2, 1])
        it.finish(1, 2)
        await it.until(lambda: it.acknowledged == [0, 1, 2])


async def test_records_of_one_key_pass_each_other_where_no_order_is_kept() -> None:
    async with desk(keeps_order=False) as it:
        it.take("a")
        it.take("a")
        it.take("a")
        await it.until(lambda: it.begun == [0, 1, 2])
        it.finish(2, 1)
        await it.until(lambda: it.room_left == 9)
        assert it.acknowledged == []
        it.finish(0)
        await it.until(lambda: it.acknowledged == [0, 1, 2])


async def test_what_can_not_be_written_is_written_again() -> None:
    async with desk() as it:
        it.failures = 1
        it.take("a")
        it.finish(0)
        await it.until(lambda: it.acknowledged == [0])
        assert it.writing == 2


async def test_what_is_under_way_when_a_partition_is_left_is_never_acknowledged() -> None:
    async with desk() as it:
        it.take("a")
        it.take("a")
        it.take("b")
        it.finish(2)
        await it.until(lambda: it.room_left == 8)
        await it.lane.leave(0)
        it.finish(0)
        assert it.acknowledged == []
        assert it.room_left == 10
        assert len(it.lane) == 0


async def test_leaving_lets_end_what_ends_soon() -> None:
    async with desk() as it:
        it.take("a")
        await it.until(lambda: it.begun == [0])
        leaving = asyncio.create_task(it.lane.leave(TIMEOUT_S))
        it.finish(0)
        await leaving
        assert it.acknowledged == [0]


@given(
    keys=st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_whatever_ends_first_acknowledgements_are_in_order_and_keys_too(
    keys: list[str], order: Random
) -> None:
    async def check() -> None:
        async with desk(room=len(keys)) as it:
            for key in keys:
                it.take(key)
            numbers = list(range(len(keys)))
            order.shuffle(numbers)
            for number in numbers:
                it.finish(number)
                await asyncio.sleep(0)
            await it.until(lambda: len(it.acknowledged) == len(keys))
            assert it.acknowledged == sorted(it.acknowledged)
            for key in set(keys):
                mine = [number for number in it.begun if keys[number] == key]
                assert mine == sorted(mine)

    asyncio.run(check())


class Desk:
    def __init__(self, tasks: asyncio.TaskGroup, room: int, *, keeps_order: bool) -> None:
        self.begun: list[int] = []
        self.acknowledged: list[int] = []
        self.writing = 0
        self.failures = 0
        self.written = asyncio.Event()
        self.written.set()
        self.room_left = room
        self._room = asyncio.Semaphore(room)
        self._finished: list[asyncio.Event] = []
        self.lane = Lane(
            self._work,
            self._write,
            room=self._counting(),
            tasks=tasks,
            keeps_order=keeps_order,
        )

    def take(self, key: str) -> None:
        number = len(self._finished)
        self._finished.append(asyncio.Event())
        self.room_left -= 1
        self.lane.take(record(key, number), lambda: self.acknowledged.append(number))

    def finish(self, *numbers: int) -> None:
        for number in numbers:
            self._finished[number].set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():  # noqa: ASYNC110  many small changes, one of them counts
                await asyncio.sleep(0.001)

    async def _work(self, record: Record) -> Sequence[Entry]:
        self.begun.append(record.offset)
        await self._finished[record.offset].wait()
        return [Entry(topic="t", key=record.key, value=b"", event_id=str(record.offset))]

    async def _write(self, entries: Sequence[Entry]) -> None:
        self.writing += 1
        if self.failures:
            self.failures -= 1
            raise Retryable("away", after_s=0.001)
        await self.written.wait()

    def _counting(self) -> asyncio.Semaphore:
        desk = self

        class Counting(asyncio.Semaphore):
            def release(self) -> None:
                desk.room_left += 1
                super().release()

        return Counting(self.room_left)


@asynccontextmanager
async def desk(room: int = 10, *, keeps_order: bool = True) -> AsyncIterator[Desk]:
    async with asyncio.TaskGroup() as tasks:
        it = Desk(tasks, room, keeps_order=keeps_order)
        yield it
        await it.lane.leave(0)


def record(key: str, offset: int) -> Record:
    return Record(
        topic="t",
        partition=0,
        offset=offset,
        key=key,
        value=b"",
        event_id=str(offset),
        appended_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
