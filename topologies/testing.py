"""For tests of stages: one that must be idempotent, and a topology that a test drives by hand.

``Driver`` runs stages as the engines do, chains, dead letters and topics with a delay included, in
one task and without a log on disk. Nothing happens unless the test says so: events are piped in and
worked on until nothing is left, and time passes when it is moved.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import msgspec

from topologies.delayed import due_at, moved
from topologies.engines.chain import Chains
from topologies.engines.handling import Emit, Services, handle
from topologies.events.base import Event
from topologies.mail import ids
from topologies.ports.clock import Clock
from topologies.ports.log import Entry, EventLog, Record
from topologies.ports.observer import Result
from topologies.stage import Stage, StageFunction, declared_by
from topologies.topics import (
    BY_NAME,
    DEAD_SUFFIX,
    REPLAY_SUFFIX,
    TOPICS,
    comes_back_by,
    topic_of,
)
from topologies.topology import Topology, build

E = TypeVar("E", bound=Event)
MOST_PAUSES = 100  # of stages that ask for one: then it is an outage that would never end


class MovableClock(Clock, Protocol):
    """A clock that stands still until it is moved."""

    def move(self, by: timedelta) -> None:
        """Let *by* pass."""
        ...


class Stuck(AssertionError):
    """A record would wait for ever, and the driver with it."""


async def run_twice(
    stage: Stage | StageFunction, event: Event, services: Services
) -> tuple[Event, ...]:
    """Run *stage* on *event* twice, as after a crash, and return what it writes.

    Raises:
        AssertionError: It writes something else the second time, or does not pass.
    """
    declared = stage if isinstance(stage, Stage) else declared_by(stage)
    raw = msgspec.json.encode(event)
    first = await handle(declared, raw, services)
    assert isinstance(first, Emit), first  # noqa: S101  that is what tests want
    again = await handle(declared, raw, services)
    assert again == first, f"{declared.name} writes something else at a replay"  # noqa: S101
    return first.events


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """A dead letter.

    Attributes:
        kind: ``poison``, ``exhausted`` or ``bug``.
    """

    stage: str
    kind: str
    reason: str
    traceback: str
    record: Record


@dataclass
class _Tries:
    """An observer that counts."""

    by_result: dict[tuple[str, Result], int] = field(default_factory=dict[tuple[str, Result], int])

    def handled(self, stage: str, result: Result, **_: Any) -> None:
        self.by_result[stage, result] = self.by_result.get((stage, result), 0) + 1


class Driver:
    """Runs a topology by hand."""

    def __init__(
        self, services: Services, *stages: Stage | StageFunction, topology: Topology | None = None
    ) -> None:
        """Prepare.

        Args:
            services: An answer for each port that the stages name; its clock is moved by
                ``advance``. See ``connectors.assembly.in_memory``.
            stages: What to run; none: *topology*, or else every stage there is.
            topology: With its cuts and taps; instead of *stages*.

        Raises:
            Misconfigured: A stage asks for a service that there is not.
        """
        if stages:
            topology = Topology(
                tuple(s if isinstance(s, Stage) else declared_by(s) for s in stages)
            )
        self._clock: MovableClock = services[Clock]
        self._topology = topology or build()
        self._tries = _Tries()
        self._pauses = 0
        chained = {topic.name for topic in TOPICS if topic.is_step} - self._topology.cuts
        self._chains = Chains(
            # Tapped, so that a test sees what is handed on in process.
            replace(self._topology, taps=frozenset(chained)),
            {EventLog: self, **services},
            clock=self._clock,
            observer=self._tries,
            sleep=self._pause,
        )
        self._records: dict[str, list[Record]] = {}
        self._read: dict[tuple[str, str], int] = {}  # how far, by topic and by whom
        self._left: deque[Record] = deque()
        self._waiting: list[Record] = []  # for their time
        self._count = 0

    async def pipe(self, *events: Event) -> None:
        """Hand *events* in, and work until nothing is left but what waits its time."""
        await self.append(events)
        await self._work()

    async def pipe_raw(self, topic: str, key: str, value: bytes) -> None:
        """Hand in what may be no event at all, as it would stand in *topic*."""
        self._write([Entry(topic=topic, key=key, value=value, event_id=self._event_id())])
        await self._work()

    async def append(self, events: Sequence[Event]) -> None:
        """Write *events* without working on them: what stages do by the port ``EventLog``."""
        self._write(
            [
                Entry(
                    topic=topic_of(type(event)).name,
                    key=event.key,
                    value=msgspec.json.encode(event),
                    event_id=event.own_id or self._event_id(),
                )
                for event in events
            ]
        )

    async def advance(self, by: timedelta) -> None:
        """Let *by* pass: what waits goes on when its time comes, in order of time."""
        until = self._clock.now() + by
        while due := sorted((r for r in self._waiting if due_at(r) <= until), key=due_at):
            first = due[0]
            self._clock.move(max(timedelta(), due_at(first) - self._clock.now()))
            self._waiting.remove(first)
            self._write([moved(first)])
            await self._work()
        self._clock.move(max(timedelta(), until - self._clock.now()))

    def read(self, kind: type[E]) -> list[E]:
        """Return the events of *kind* that were written since this was last asked for it.

        Those that were piped in count, and those that stages hand on in process.
        """
        topic = topic_of(kind)
        records = self._since(topic.name, kind.__name__)
        union: Any = msgspec.json.Decoder(_union(topic.events))
        return [event for record in records if type(event := union.decode(record.value)) is kind]

    def read_records(self, topic: str) -> list[Record]:
        """Return the records of *topic* that were written since this was last asked for it."""
        return self._since(topic, "")

    def dead_letters(self, path: str | None = None) -> list[Buried]:
        """Return what no stage could pass, of one *path* or of all, oldest first."""
        return [
            Buried(
                stage=record.headers["stage"],
                kind=record.headers["kind"],
                reason=record.headers["reason"],
                traceback=record.headers["traceback"],
                record=record,
            )
            for topic, records in self._records.items()
            if topic.endswith(DEAD_SUFFIX) and path in (None, topic.removesuffix(DEAD_SUFFIX))
            for record in records
        ]

    async def replay(self, letter: Buried) -> None:
        """Hand a dead letter to its stage again, and work until nothing is left."""
        record = letter.record
        path = record.topic.removesuffix(DEAD_SUFFIX)
        self._records[record.topic].remove(record)
        self._write(
            [
                Entry(
                    topic=comes_back_by(path, record.headers["topic"]),
                    key=record.key,
                    value=record.value,
                    event_id=record.event_id,
                    headers={"stage": letter.stage, "origin": record.headers["origin"]},
                )
            ]
        )
        await self._work()

    def tries(self, stage: str, result: Result) -> int:
        """Return how often *stage* was run with that *result* (``done``, ``again``, …)."""
        return self._tries.by_result.get((stage, result), 0)

    def waiting(self) -> int:
        """Return how many records wait for their time."""
        return len(self._waiting)

    async def _work(self) -> None:
        while self._left:
            record = self._left.popleft()
            self._pauses = 0
            if record.topic.endswith(REPLAY_SUFFIX):
                self._write(await self._chains.again(record))
                continue
            for topic, stage in self._topology.heads():
                if topic.name == record.topic:
                    self._write(await self._chains.work(stage, record))

    def _write(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            records = self._records.setdefault(entry.topic, [])
            record = Record(
                topic=entry.topic,
                partition=0,
                offset=len(records),
                key=entry.key,
                value=entry.value,
                event_id=entry.event_id,
                appended_at=self._clock.now(),
                headers=entry.headers,
            )
            records.append(record)
            topic = BY_NAME.get(entry.topic)
            if topic is not None and topic.delay is not None:
                self._waiting.append(record)
            elif not entry.topic.endswith(DEAD_SUFFIX):
                self._left.append(record)

    def _since(self, topic: str, whom: str) -> list[Record]:
        records = self._records.get(topic, [])
        start = self._read.get((topic, whom), 0)
        self._read[topic, whom] = len(records)
        return records[start:]

    def _event_id(self) -> str:
        self._count += 1
        return ids.event_id("test", "", self._count)

    async def _pause(self, seconds: float) -> None:
        """Let the time that a stage wants to wait pass at once."""
        self._pauses += 1
        if self._pauses > MOST_PAUSES:
            waiting = [f"{each.stage}: {each.reason}" for each in self._chains.waiting()]
            raise Stuck(f"tried {MOST_PAUSES} times: {', '.join(waiting)}")
        self._clock.move(timedelta(seconds=seconds))


def _union(kinds: tuple[type[Event], ...]) -> Any:
    from typing import Union

    return Union[kinds]  # noqa: UP007  built at run time
