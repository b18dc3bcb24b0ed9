"""The records of one partition that a consumer is handed: worked on, written, acknowledged.

Records of different keys are worked on at the same time, those of one key one after another,
unless their topic keeps no order. A record is acknowledged when its outputs are durable and so
are those of all before it: a position never says of a record that it is done before it is,
whatever overtook it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from topologies.engines.turns import MOST_AT_ONCE, Turns, Work, WorkOnSeveral
from topologies.errors import Retryable
from topologies.ports.log import Entry, Record

WRITE_AGAIN_S = 0.5

Write = Callable[[Sequence[Entry]], Awaitable[None]]


class _Item:
    """A record under way."""

    __slots__ = ("acknowledge", "is_done", "record")

    def __init__(self, record: Record, acknowledge: Callable[[], object]) -> None:
        self.record = record
        self.acknowledge = acknowledge
        self.is_done = False


class Lane:
    """One partition, as long as it is ours."""

    def __init__(
        self,
        work: Work,
        write: Write,
        *,
        room: asyncio.Semaphore,
        tasks: asyncio.TaskGroup,
        keeps_order: bool = True,
        work_on_several: WorkOnSeveral | None = None,
    ) -> None:
        """Begin with nothing under way.

        Args:
            work: Returns what is to be written for a record.
            write: Returns when what it is given is durable.
            room: Shared by the lanes of a consumer. Whoever hands a record in has acquired it;
                it is released when the record is done.
            tasks: Where the work runs.
            keeps_order: Whether records of one key wait for each other.
            work_on_several: Does for records of one key at once what *work* does for each.
        """
        self._work = work
        self._work_on_several = work_on_several
        self._write = write
        self._room = room
        self._tasks = tasks
        self._keeps_order = keeps_order
        self._items: deque[_Item] = deque()  # in order; done ones wait for those before them
        self._queues: dict[str, deque[_Item]] = {}  # by key; its first is worked on
        self._running: set[asyncio.Task[None]] = set()
        self._is_over = False

    def __len__(self) -> int:
        """Return how many records are under way or wait for those before them."""
        return len(self._items)

    @property
    def oldest_at(self) -> datetime | None:
        """When the first of them was appended; None: there is none."""
        return self._items[0].record.appended_at if self._items else None

    def take(self, record: Record, acknowledge: Callable[[], object]) -> None:
        """Work on *record*, and call *acknowledge* when it and all before it are done."""
        item = _Item(record, acknowledge)
        self._items.append(item)
        key = record.key if self._keeps_order else str(record.offset)
        if (queue := self._queues.get(key)) is not None:
            queue.append(item)
            return
        self._queues[key] = queue = deque([item])
        self._start(self._work_on(key, queue))

    async def leave(self, grace_s: float) -> None:
        """End, since the partition is another's now; what is under way gets *grace_s* to end.

        What is cut off is done again by whoever has the partition.
        """
        if self._running:
            await asyncio.wait(tuple(self._running), timeout=grace_s)
        self._is_over = True
        for task in tuple(self._running):
            task.cancel()
        for item in self._items:
            if not item.is_done:
                self._room.release()
        self._items.clear()

    async def _work_on(self, key: str, queue: deque[_Item]) -> None:
        turns = Turns(self._work, self._work_on_several)
        while queue and not self._is_over:
            items = list(islice(queue, MOST_AT_ONCE))
            found = await turns.take([item.record for item in items])
            for item, entries in zip(items, found, strict=False):
                if entries:
                    # Its writing begins before the next record's, and nobody waits for its
                    # end: the log keeps the order.
                    self._start(self._written(item, entries))
                else:
                    self._done(item)
                queue.popleft()
        self._queues.pop(key, None)

    async def _written(self, item: _Item, entries: Sequence[Entry]) -> None:
        await written(self._write, entries)
        self._done(item)

    def _done(self, item: _Item) -> None:
        if self._is_over:
            return
        item.is_done = True
        self._room.release()
        while self._items and self._items[0].is_done:
            self._items.popleft().acknowledge()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


async def written(write: Write, entries: Sequence[Entry]) -> None:
    """Return when *entries* are durable, however long that takes."""
    is_durable = not entries
    while not is_durable:
        try:
            await write(entries)
        except Retryable as error:
            await asyncio.sleep(error.after_s or WRITE_AGAIN_S)
        else:
            is_durable = True
