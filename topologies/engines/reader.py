"""One consumer of one partition: reads, has it worked on, commits outputs and position as one.

Records of different keys are worked on at the same time, those of one key one after another,
unless their topic keeps no order. Only one commit is under way at a time, and it takes all that
was finished meanwhile: a position never says of a record that it is done before its outputs are
durable.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from itertools import islice

from topologies.engines.turns import MOST_AT_ONCE, Turns, Work, WorkOnSeveral
from topologies.engines.window import Window
from topologies.errors import Retryable
from topologies.ports.log import Entry, PartitionedLog, Position, Record
from topologies.topics import EARLY

POLL_S = 5.0  # the longest that a reader sleeps without a look
COMMIT_AGAIN_S = 0.5
COMPANY_S = 0.005  # what nobody waits for is committed with what is finished this soon after it


class Reader:
    """Works on what comes in one partition."""

    def __init__(
        self,
        log: PartitionedLog,
        *,
        group: str,
        topic: str,
        partition: int,
        work: Work,
        in_flight: int,
        until: int | None = None,
        keeps_order: bool = True,
        work_on_several: WorkOnSeveral | None = None,
    ) -> None:
        """Prepare.

        Args:
            log: Where records come from and go to.
            group: Whose position this is.
            topic: What to read.
            partition: Which part of it.
            work: Returns what is to be written for a record.
            in_flight: How many records may be worked on at once.
            until: End before this offset; None: go on for ever.
            keeps_order: Whether records of one key wait for each other.
            work_on_several: Does for records of one key at once what *work* does for each.
        """
        self._log = log
        self._group = group
        self._topic = topic
        self._partition = partition
        self._work = work
        self._work_on_several = work_on_several
        self._in_flight = in_flight
        self._until = until
        self._keeps_order = keeps_order
        self._window = Window(0)
        self._queues: dict[str, deque[Record]] = {}  # by key; its first is worked on
        self._finished: list[tuple[int, Sequence[Entry]]] = []
        self._has_finished = asyncio.Event()
        self._is_urgent = asyncio.Event()  # some of it is waited for
        self._has_room = asyncio.Event()
        self._is_committing = False
        self._is_stopping = False

    @property
    def is_idle(self) -> bool:
        """Whether all that was read is done, and its outputs are durable."""
        return len(self._window) == 0 and not self._is_committing

    def stop(self) -> None:
        """Read no more; what is under way goes on."""
        self._is_stopping = True

    async def run(self) -> None:
        """Work until cancelled, or until the end that was asked for.

        Raises:
            Misconfigured: A stage can't be run as it is wired.
        """
        position = await self._log.position(self._group, self._topic, self._partition)
        self._window = Window(position.offset, position.ahead)
        async with asyncio.TaskGroup() as tasks:
            committing = tasks.create_task(self._commit_for_ever())
            while not self._is_over():
                await self._read(tasks)
            while not self.is_idle:
                self._has_room.clear()
                await self._has_room.wait()
            committing.cancel()

    def _is_over(self) -> bool:
        is_at_end = self._until is not None and self._window.next >= self._until
        return is_at_end or self._is_stopping

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        window = self._window
        room = self._in_flight - len(window)
        if room <= 0:
            self._is_urgent.set()
            self._has_room.clear()
            await self._has_room.wait()
            return
        records = await self._log.read(self._topic, self._partition, window.next, room)
        if not records:
            await self._log.wait(self._topic, self._partition, window.next, POLL_S)
        for record in records:
            if not window.take(record.offset):
                continue
            key = record.key if self._keeps_order else str(record.offset)
            if (queue := self._queues.get(key)) is not None:
                queue.append(record)
            else:
                self._queues[key] = queue = deque([record])
                tasks.create_task(self._work_on(key, queue))

    async def _work_on(self, key: str, queue: deque[Record]) -> None:
        turns = Turns(self._work, self._work_on_several)
        while queue:
            records = list(islice(queue, MOST_AT_ONCE))
            found = await turns.take(records)
            for record, entries in zip(records, found, strict=False):
                self._finished.append((record.offset, entries))
                if any(EARLY not in entry.headers for entry in entries):
                    self._is_urgent.set()
                queue.popleft()
            self._has_finished.set()
        del self._queues[key]

    async def _commit_for_ever(self) -> None:
        while True:
            await self._has_finished.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COMPANY_S):
                    await self._is_urgent.wait()
            self._has_finished.clear()
            self._is_urgent.clear()
            finished, self._finished = self._finished, []
            for offset, _ in finished:
                self._window.finish(offset)
            self._is_committing = True
            await self._commit([entry for _, entries in finished for entry in entries])
            self._is_committing = False
            self._has_room.set()

    async def _commit(self, entries: Sequence[Entry]) -> None:
        position = Position(
            group=self._group,
            topic=self._topic,
            partition=self._partition,
            offset=self._window.offset,
            ahead=self._window.ahead,
        )
        while True:
            try:
                return await self._log.commit(entries, [position])
            except Retryable as error:
                await asyncio.sleep(error.after_s or COMMIT_AGAIN_S)
