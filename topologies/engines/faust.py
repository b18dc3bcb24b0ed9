"""Stages as Faust agents on Kafka, one consumer group for each chain head.

Reads each topic by one reader a group, so that what stops one stage stops no other; writes by
whatever it is given for that. Watches its readers: one that ends, or reads nothing while records
wait for it, ends the worker with an error, so that whoever supervises it starts it anew.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from topologies.engines.chain import Chains, Waiting
from topologies.engines.faust_login import FaustLogin
from topologies.engines.faust_reader import LEAVE_WITHIN_S, FaustReader
from topologies.engines.faust_table import FaustTable
from topologies.engines.handling import Services
from topologies.engines.lane import Write
from topologies.engines.turns import Work, WorkOnSeveral
from topologies.errors import MailError, Misconfigured, Retryable
from topologies.ports.clock import Clock
from topologies.ports.log import Entry, Lags, Record
from topologies.ports.observer import Observer
from topologies.ports.tracer import Tracer
from topologies.stage import Stage
from topologies.topics import TOPICS, in_flight, keeps_order, replay_topic
from topologies.topology import Topology

_logger = structlog.get_logger("faust")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker bears that nothing moves before it ends with an error, in seconds.

    Attributes:
        watch_every_s: How often it looks.
        stuck_s: Without a record while some wait, and none under way.
        lost_s: Without a broker: another process may fare better.
    """

    watch_every_s: float = 5.0
    stuck_s: float = 90.0
    lost_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A consumer group to run.

    Attributes:
        name: Of the stage that heads a chain, or of a path's replays.
        stage: None: dead letters that come back, each to the stage it names.
    """

    name: str
    topic: str
    stage: Stage | None


def groups_of(topology: Topology, role: str) -> Sequence[Group]:
    """Return what a worker of *role* runs: a path, a stage that heads a chain, or ``all``.

    Dead letters of a path come back to the worker that runs the path's first chain.

    Raises:
        Misconfigured: There is no such role, or the stage is not the first of its chain.
    """
    heads = [Group(name=s.name, topic=t.name, stage=s) for t, s in topology.heads()]
    paths = tuple(dict.fromkeys(stage.path for stage in topology.stages))
    if role != "all" and role not in paths and role not in {head.name for head in heads}:
        stage = topology.stage(role)  # raises, with the names that there are
        raise Misconfigured(
            f"{stage.name} runs in the chain before it: cut the step to it to run it alone"
        )
    chosen: list[Group] = []
    for path in paths:
        of_path = [head for head in heads if head.stage and head.stage.path == path]
        mine = [head for head in of_path if role in ("all", path, head.name)]
        if mine and mine[0] is of_path[0]:
            mine.append(Group(name=f"{path}-replay", topic=replay_topic(path), stage=None))
        chosen += mine
    return chosen


class FaustEngine:
    """Runs some consumer groups of one topology."""

    def __init__(
        self,
        topology: Topology,
        services: Services,
        groups: Sequence[Group],
        *,
        servers: Sequence[str],
        login: FaustLogin | None = None,
        prefix: str,
        folder: Path,
        write: Write,
        lags: Lags,
        tables: Sequence[FaustTable] = (),
        partitions: int,
        clock: Clock,
        in_flight: int,
        observer: Observer,
        tracer: Tracer | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Prepare; nothing is read before ``run``.

        Args:
            topology: What there is.
            services: An answer for each port, by the port's class.
            groups: What to run of it.
            servers: Kafka's, host:port each.
            login: How they are spoken to; None: in clear.
            prefix: Before the names of topics and groups.
            folder: For what Faust keeps besides Kafka.
            write: Returns when what it is given is durable in Kafka.
            lags: How far groups are behind.
            tables: What stages remember.
            partitions: Of each topic.
            clock: What time it is.
            in_flight: Records of one group that are worked on at once.
            observer: Told of each try.
            tracer: Told of spans; None: nobody asks for them.
            patience: How long to bear that nothing moves; None: as in production.
        """
        self._topology = topology
        self._groups = list(groups)
        self._servers = servers
        self._login = login
        self._prefix = prefix
        self._folder = folder
        self._write = write
        self._lags = lags
        self._in_flight = in_flight
        self._tables = {table.table.stage: table for table in tables}
        self._partitions = partitions
        self._clock = clock
        self._chains = Chains(topology, services, clock=clock, observer=observer, tracer=tracer)
        self._readers: list[FaustReader] = []
        self._patience = patience or Patience()
        self._stopped = asyncio.Event()
        self._lost_since: float | None = None
        self._lag: dict[str, int] = {}
        self._unread_since: dict[str, float] = {}  # records wait, and none is read

    async def run(self) -> None:
        """Work until ``stop``.

        Raises:
            Retryable: A reader ended, or reads nothing though it should.
            Misconfigured: A stage can't be run as it is wired.
        """
        self._groups += await self._left_over()
        self._readers = [self._reader(group) for group in self._groups]
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch())
                working = [tasks.create_task(reader.run()) for reader in self._readers]
                await self._stopped.wait()
                await asyncio.gather(*(reader.stop() for reader in self._readers))
                _, late = await asyncio.wait(working, timeout=LEAVE_WITHIN_S)
                for task in (*late, watching):
                    task.cancel()
        except* MailError as errors:
            raise first_of(errors) from None

    async def stop(self) -> None:
        """End ``run``; what is under way gets a moment to end."""
        self._stopped.set()

    def waiting(self) -> Collection[Waiting]:
        """Return the records that wait to be tried again."""
        return self._chains.waiting()

    def lag(self) -> Mapping[str, int]:
        """Return the number of records that each group had before it at the last look."""
        return dict(self._lag)

    def lag_s(self) -> Mapping[str, float]:
        """Return for how long the oldest record waits that each group has before it, in seconds.

        Of what is under way, exactly; of what is not even read, since when that was seen.
        """
        oldest: dict[str, float] = {}
        for reader in self._readers:
            since = reader.oldest_at()
            if since is not None:
                age_s = (self._clock.now() - since).total_seconds()
            elif reader.group in self._unread_since:
                age_s = time.monotonic() - self._unread_since[reader.group]
            else:
                continue
            oldest[reader.group] = max(0.0, age_s, oldest.get(reader.group, 0.0))
        return oldest

    def trouble(self) -> str:
        """Return why nothing can be read at the moment; empty when all is well."""
        if self._lost_since is not None:
            return "Kafka is out of reach"
        if not self._readers:
            return "the readers are starting"
        sharing = [reader.group for reader in self._readers if reader.is_rebalancing]
        return f"partitions of {', '.join(sharing)} are being shared out" if sharing else ""

    def _reader(self, group: Group) -> FaustReader:
        return FaustReader(
            self._servers,
            login=self._login,
            group=group.name,
            topic=group.topic,
            prefix=self._prefix,
            folder=self._folder,
            work=self._work_of(group.stage),
            write=self._write,
            in_flight=in_flight(group.topic, self._in_flight),
            table=self._tables.get(group.name),
            partitions=self._partitions,
            keeps_order=keeps_order(group.topic),
            work_on_several=self._work_on_several_of(group.stage),
        )

    def _work_of(self, stage: Stage | None) -> Work:
        async def work(record: Record) -> Sequence[Entry]:
            if stage is None:
                return await self._chains.again(record)
            return await self._chains.work(stage, record)

        return work

    def _work_on_several_of(self, stage: Stage | None) -> WorkOnSeveral | None:
        async def work_on_several(records: Sequence[Record]) -> Sequence[Sequence[Entry]] | None:
            return None if stage is None else await self._chains.work_on_several(stage, records)

        return None if stage is None or stage.several is None else work_on_several

    async def _left_over(self) -> list[Group]:
        """Return groups for what an edge holds that was cut once and is not now."""
        mine = {group.stage.path for group in self._groups if group.stage is not None}
        known = [
            Group(name=stage.name, topic=topic.name, stage=stage)
            for topic in TOPICS
            if topic.is_step and topic.name not in self._topology.cuts
            for stage in self._topology.readers(topic)
            if stage.path in mine
        ]
        behind = await self._behind((group.name, group.topic) for group in known)
        return [group for group in known if sum(behind[group.name][group.topic].values())]

    async def _behind(
        self, groups: Iterable[tuple[str, str]]
    ) -> Mapping[str, Mapping[str, Mapping[int, int]]]:
        """Return what *groups* still have to do of a topic each, by group, topic and partition."""
        topics_of: dict[str, list[str]] = {}
        for name, topic in groups:
            topics_of.setdefault(name, []).append(topic)
        return await self._lags(topics_of)

    async def _watch(self) -> None:
        stuck_since: dict[str, float] = {}
        while True:
            await asyncio.sleep(self._patience.watch_every_s)
            now = time.monotonic()
            try:
                behind_of = await self._behind(
                    (reader.group, reader.topic) for reader in self._readers
                )
            except Retryable as error:
                self._lose(now, str(error))
                continue
            self._lost_since = None
            for reader in self._readers:
                behind = behind_of[reader.group][reader.topic]
                self._lag[reader.group] = sum(behind.values())
                self._note_unread(reader, now)
                if self._is_reading(reader, behind, now):
                    stuck_since.pop(reader.group, None)
                elif now - stuck_since.setdefault(reader.group, now) > self._patience.stuck_s:
                    raise Retryable(
                        f"{reader.group} reads nothing of {reader.topic}, though"
                        f" {sum(behind.values())} records wait",
                        outage=True,
                    )

    def _note_unread(self, reader: FaustReader, now: float) -> None:
        is_read = reader.under_way or now - reader.handed_at < self._patience.watch_every_s
        if is_read or not self._lag[reader.group]:
            self._unread_since.pop(reader.group, None)
        else:
            self._unread_since.setdefault(reader.group, now)

    def _is_reading(self, reader: FaustReader, behind: Mapping[int, int], now: float) -> bool:
        if reader.is_rebalancing:
            return False
        if reader.under_way or now - reader.handed_at < self._patience.watch_every_s:
            return True
        return not any(behind.get(partition, 0) for partition in reader.assigned())

    def _lose(self, now: float, reason: str) -> None:
        if self._lost_since is None:
            self._lost_since = now
            _logger.warning("kafka.lost", reason=reason)
        elif now - self._lost_since > self._patience.lost_s:
            raise Retryable(f"Kafka is out of reach for too long: {reason}", outage=True)


def first_of(errors: BaseExceptionGroup[MailError]) -> MailError:
    """Return the first of *errors*, however deep it lies."""
    error = errors.exceptions[0]
    return first_of(error) if isinstance(error, BaseExceptionGroup) else error
