"""All stages in one process, on a log of our own.

Reads each topic by one reader a stage and partition; writes outputs and positions. A crash at
any moment repeats only what was not committed, and stages make the same of it again.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from topologies.delayed import GROUP as TIMER
from topologies.delayed import delayed_topics
from topologies.engines.chain import Chains, Waiting
from topologies.engines.handling import Services
from topologies.engines.reader import Reader
from topologies.engines.timer import LOOK_EVERY_S as TIMER_LOOKS_EVERY_S
from topologies.engines.timer import Timer
from topologies.errors import Misconfigured
from topologies.ports.clock import Clock
from topologies.ports.log import Entry, PartitionedLog, Record
from topologies.ports.observer import Observer
from topologies.ports.tracer import Tracer
from topologies.stage import Stage
from topologies.topics import TOPICS, in_flight, keeps_order, replay_topic
from topologies.topology import Topology

GRACE_S = 3.0  # for what is under way when the engine stops
LOOK_EVERY_S = 0.01


class EmbeddedEngine:
    """Runs one topology."""

    def __init__(
        self,
        topology: Topology,
        services: Services,
        log: PartitionedLog,
        *,
        clock: Clock,
        in_flight: int,
        observer: Observer,
        tracer: Tracer | None = None,
        timer_looks_every_s: float = TIMER_LOOKS_EVERY_S,
    ) -> None:
        """Prepare; nothing is read before ``run``.

        Args:
            topology: What to run.
            services: An answer for each port, by the port's class.
            log: Where everything is read from and written to.
            clock: What time it is.
            in_flight: Records of one partition that are worked on at once by one stage.
            observer: Told of each try.
            tracer: Told of spans; None: nobody asks for them.
            timer_looks_every_s: At the clock, whether what waits is due.
        """
        self._topology = topology
        self._log = log
        self._in_flight = in_flight
        self._clock = clock
        self._chains = Chains(
            topology,
            services,
            clock=clock,
            observer=observer,
            tracer=tracer,
            tells_early=True,
        )
        self._timer = Timer(log, clock=clock, look_every_s=timer_looks_every_s)
        self._readers: list[Reader] = []
        self._working: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def run(self) -> None:
        """Work until ``stop``; not at all if that was first.

        Raises:
            Misconfigured: A stage can't be run as it is wired.
        """
        self._readers = [*self._heads(), *self._replays(), *await self._left_over()]
        if self._is_stopping:
            return
        self._working = asyncio.create_task(self._work(), name="stages")
        try:
            await self._working
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not self._is_stopping or (current is not None and current.cancelling()):
                raise

    async def stop(self) -> None:
        """End ``run``; what is under way gets a moment to end."""
        self._is_stopping = True
        self._timer.stop()
        for reader in self._readers:
            reader.stop()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GRACE_S
        while loop.time() < deadline and not self._is_idle():  # noqa: ASYNC110  bounded, at the end
            await asyncio.sleep(LOOK_EVERY_S)
        if self._working is not None:
            self._working.cancel()

    async def drained(self, timeout_s: float) -> bool:
        """Wait until all that was written is worked on; return False if that takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                calm = 0
                while calm < 2:  # what moves on between two stages is seen at the second look
                    calm = 0 if sum((await self.lag()).values()) else calm + 1
                    await asyncio.sleep(LOOK_EVERY_S)
                return True
        return False

    async def lag(self) -> Mapping[str, int]:
        """Return the number of records that each stage has before it."""
        consumed = self._consumed()
        behind: Counter[str] = Counter({group: 0 for group, _ in consumed})
        for standing in await self._log.standings(consumed):
            behind[standing.position.group] += standing.behind
        return behind

    async def lag_s(self) -> Mapping[str, float]:
        """Return for how long the oldest record waits that each stage has before it, in seconds.

        Those that have none are left out.
        """
        oldest: dict[str, float] = {}
        now = self._clock.now()
        for standing in await self._log.standings(self._consumed()):
            at = standing.position
            if at.offset >= standing.end:
                continue
            for record in await self._log.read(at.topic, at.partition, at.offset, 1):
                age_s = (now - record.appended_at).total_seconds()
                oldest[at.group] = max(0.0, age_s, oldest.get(at.group, 0.0))
        return oldest

    async def later(self) -> Mapping[str, int]:
        """Return the number of records that wait for their time, by topic."""
        return await self._timer.lag()

    def waiting(self) -> Collection[Waiting]:
        """Return the records that wait to be tried again."""
        return self._chains.waiting()

    async def trim(self) -> int:
        """Forget what is old and was read by all; return how many records that were."""
        readers: dict[str, list[str]] = {topic.name: [] for topic in TOPICS}
        for group, topic in self._consumed():
            readers.setdefault(topic, []).append(group)
        for topic in delayed_topics():
            readers[topic.name].append(TIMER)
        return await self._log.trim(readers)

    def _is_idle(self) -> bool:
        return all(reader.is_idle for reader in self._readers)

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._timer.run())
                for reader in self._readers:
                    tasks.create_task(reader.run())
        except* Misconfigured as errors:
            raise _first(errors) from None

    def _consumed(self) -> Sequence[tuple[str, str]]:
        """Return each (group, topic) that is read for good."""
        heads = [(stage.name, topic.name) for topic, stage in self._topology.heads()]
        return heads + [(_replay_group(path), replay_topic(path)) for path in self._paths()]

    def _paths(self) -> Sequence[str]:
        return tuple(dict.fromkeys(stage.path for stage in self._topology.stages))

    def _heads(self) -> list[Reader]:
        return [
            self._reader_of(stage, topic.name, partition)
            for topic, stage in self._topology.heads()
            for partition in range(self._log.partitions(topic.name))
        ]

    async def _left_over(self) -> list[Reader]:
        """Return readers for what an edge holds that was cut at the last run and is not now."""
        readers: list[Reader] = []
        heads = {topic.name for topic, _ in self._topology.heads()}
        for topic in TOPICS:
            if topic.name in heads or not topic.is_step:
                continue
            for stage in self._topology.readers(topic):
                for partition in range(self._log.partitions(topic.name)):
                    position = await self._log.position(stage.name, topic.name, partition)
                    end = await self._log.end(topic.name, partition)
                    if position.offset < end:
                        readers.append(self._reader_of(stage, topic.name, partition, until=end))
        return readers

    def _reader_of(
        self, stage: Stage, topic: str, partition: int, *, until: int | None = None
    ) -> Reader:
        async def work(record: Record) -> Sequence[Entry]:
            return await self._chains.work(stage, record)

        async def work_on_several(records: Sequence[Record]) -> Sequence[Sequence[Entry]] | None:
            return await self._chains.work_on_several(stage, records)

        return Reader(
            self._log,
            group=stage.name,
            topic=topic,
            partition=partition,
            work=work,
            in_flight=in_flight(topic, self._in_flight),
            until=until,
            keeps_order=keeps_order(topic),
            work_on_several=work_on_several if stage.several is not None else None,
        )

    def _replays(self) -> list[Reader]:
        async def work(record: Record) -> Sequence[Entry]:
            return await self._chains.again(record)

        return [
            Reader(
                self._log,
                group=_replay_group(path),
                topic=replay_topic(path),
                partition=partition,
                work=work,
                in_flight=self._in_flight,
            )
            for path in self._paths()
            for partition in range(self._log.partitions(replay_topic(path)))
        ]


def _replay_group(path: str) -> str:
    return f"{path}-replay"


def _first(errors: BaseExceptionGroup[Misconfigured]) -> Misconfigured:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
