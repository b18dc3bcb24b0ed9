"""Moves what waits its time, on a log of our own: from `delivery.later.*` to `delivery.due`.

Outputs and positions commit in one transaction, so nothing is moved twice or not at all. Looks
at each partition when its next record is due, not before.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from topologies.delayed import GROUP, delayed_topics, due_at, moved
from topologies.errors import Retryable
from topologies.ports.clock import Clock
from topologies.ports.log import PartitionedLog, Position, Record
from topologies.topics import Topic

MOVED_AT_ONCE = 64  # records of one transaction; each may hold a mail
LOOK_EVERY_S = 1.0  # at the clock: it may be set, or the machine may have slept
AGAIN_S = 0.5


class Timer:
    """Works on all topics with a delay, as long as it runs."""

    def __init__(
        self, log: PartitionedLog, *, clock: Clock, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        """Prepare; nothing is read before ``run``.

        Args:
            log: Where records wait, and where they go.
            clock: Tells whether their time has come.
            look_every_s: How often the clock is asked.
        """
        self._log = log
        self._clock = clock
        self._look_every_s = look_every_s
        self._stopped = asyncio.Event()
        self._places = [
            _Place(topic, partition)
            for topic in delayed_topics()
            for partition in range(log.partitions(topic.name))
        ]

    async def run(self) -> None:
        """Move what is due until ``stop``."""
        while not self._stopped.is_set():
            now = self._clock.now()
            try:
                for place in self._places:
                    if place.next_look_at is None or place.next_look_at <= now:
                        await self._look(place, now)
            except Retryable as error:
                await self._pause(error.after_s or AGAIN_S)
                continue
            looks = [place.next_look_at or now for place in self._places]
            until = (min(looks) - self._clock.now()).total_seconds()
            await self._pause(min(self._look_every_s, until))

    def stop(self) -> None:
        """End ``run``: what is under way is moved as a whole or not at all."""
        self._stopped.set()

    async def lag(self) -> Mapping[str, int]:
        """Return how many records wait, by topic."""
        waiting = {place.topic.name: 0 for place in self._places}
        for standing in await self._log.standings([(GROUP, topic) for topic in waiting]):
            waiting[standing.position.topic] += standing.behind
        return waiting

    async def _look(self, place: "_Place", now: datetime) -> None:
        """Move what is due in *place*, and take note when to look again."""
        topic, partition = place.topic.name, place.partition
        if place.offset is None:
            place.offset = (await self._log.position(GROUP, topic, partition)).offset
        if await self._log.end(topic, partition) <= place.offset:
            # Whatever comes from now on waits at least as long.
            place.next_look_at = now + (place.topic.delay or timedelta())
            return
        records = await self._log.read(topic, partition, place.offset, MOVED_AT_ONCE)
        due = list(takewhile(lambda record: due_at(record) <= now, records))
        if due:
            await self._move(place, due)
        place.next_look_at = due_at(records[len(due)]) if len(due) < len(records) else now
        if not records:  # they are there in a moment, or were taken away
            await self._pause(AGAIN_S)

    async def _move(self, place: "_Place", due: Sequence[Record]) -> None:
        after = due[-1].offset + 1
        position = Position(
            group=GROUP, topic=place.topic.name, partition=place.partition, offset=after
        )
        await self._log.commit([moved(record) for record in due], [position])
        place.offset = after

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return


class _Place:
    """One partition of one topic, and when something may be due there."""

    __slots__ = ("next_look_at", "offset", "partition", "topic")

    def __init__(self, topic: Topic, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.offset: int | None = None  # of the next record; None: not asked yet
        self.next_look_at: datetime | None = None  # None: at once
