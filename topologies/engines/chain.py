"""One record through a chain of stages, until its outputs are ready to be written.

Shared by the engines. Runs the stages that follow each other in process, waits and tries again
where a stage asks for it, and turns what can't pass into a dead letter. Writes nothing itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from topologies.engines.handling import (
    Again,
    Bury,
    Emit,
    Services,
    anyhow_encoded,
    decode,
    handle,
    handle_several,
    wire,
)
from topologies.errors import Poison
from topologies.events.base import Event
from topologies.mail import ids
from topologies.ports.clock import Clock
from topologies.ports.log import Entry, Record
from topologies.ports.observer import Observer
from topologies.ports.tracer import TRACEPARENT, Tracer
from topologies.room import Room
from topologies.stage import Stage
from topologies.topics import EARLY, FOR_STAGE, REPLAY_SUFFIX, TAPPED, dead_topic, topic_of
from topologies.topology import Topology

# Of large messages that are in memory at once, however many records are worked on: a backlog of
# them would take all there is, and again when the process begins anew.
MESSAGES_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A record that will be tried again."""

    stage: str
    key: str
    reason: str
    outage: bool  # a whole dependency is out of reach
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a stage is given.

    Attributes:
        value: The encoded event, or the event itself within a chain.
        origin: topic/partition/offset of the record that the chain began with.
        trace: The ``traceparent`` of what led to it; empty: it is not traced.
    """

    value: bytes | Event
    key: str
    event_id: str
    origin: str
    trace: str = ""


class Chains:
    """Runs records through the stages of one topology."""

    def __init__(
        self,
        topology: Topology,
        services: Services,
        *,
        clock: Clock,
        observer: Observer,
        tracer: Tracer | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tells_early: bool = False,
    ) -> None:
        """Prepare; without a *tracer*, traces pass through as they are.

        *sleep* lets the seconds pass that a stage wants to wait before it is tried again.
        *tells_early*: Stages that may have events before the log has them do, unless they fail:
        then they read them from their topic, as all others do.

        Raises:
            Misconfigured: A stage asks for a service that there is not.
        """
        for stage in topology.stages:
            wire(stage, services)
        self._topology = topology
        self._services = services
        self._clock = clock
        self._observer = observer
        self._tracer = tracer
        self._sleep = sleep
        self._early = [stage for stage in topology.stages if stage.is_early and tells_early]
        self._room = Room(MESSAGES_BYTES)
        self._waiting: dict[int, Waiting] = {}  # by the identity of what is given

    def waiting(self) -> Collection[Waiting]:
        """Return the records that wait to be tried again."""
        return tuple(self._waiting.values())

    async def work(self, stage: Stage, record: Record) -> list[Entry]:
        """Return what is to be written for a record of the topic that *stage* reads.

        Nothing for what was handed on in process when it was written, nor for what comes back
        from the dead letters to another stage.

        Raises:
            Misconfigured: The stage can't be run as it is wired.
        """
        if TAPPED in record.headers or record.headers.get(EARLY) == stage.name:
            return []
        wanted = record.headers.get(FOR_STAGE, stage.name)
        if wanted == stage.name:
            return await self.run(stage, _given(record))
        readers = self._topology.readers(topic_of(stage.reads[0]))
        if stage is readers[0] and all(wanted != reader.name for reader in readers):
            return [_without_stage(record, stage.path, wanted)]
        return []

    async def work_on_several(
        self, stage: Stage, records: Sequence[Record]
    ) -> list[list[Entry]] | None:
        """Return what is to be written for each of *records* of one key, worked on at once.

        None if that can't be done, or failed: then each is to be worked on alone.

        Raises:
            Misconfigured: The stage can't be run as it is wired.
        """
        if any({TAPPED, FOR_STAGE} & record.headers.keys() for record in records):
            return None
        given = [_given(record) for record in records]
        start = time.perf_counter()
        with ExitStack() as spans:
            given = [self._in_span(stage, each, spans) for each in given]
            outcomes = await handle_several(stage, [each.value for each in given], self._services)
        seconds = time.perf_counter() - start
        if isinstance(outcomes, str):
            self._tell(stage, given[0], Again(0, f"several at once: {outcomes}"), seconds, 1)
            return None
        for each, outcome in zip(given, outcomes, strict=True):
            self._tell(stage, each, outcome, seconds / len(given), 1)
        return [
            await self._handed_on(stage, each, outcome)
            for each, outcome in zip(given, outcomes, strict=True)
        ]

    async def again(self, record: Record) -> list[Entry]:
        """Return what is to be written for a record of a ``replay_topic``.

        Raises:
            Misconfigured: Its stage can't be run as it is wired.
        """
        wanted = record.headers.get(FOR_STAGE, "")
        for stage in self._topology.stages:
            if stage.name == wanted:
                return await self.run(stage, _given(record))
        return [_without_stage(record, record.topic.removesuffix(REPLAY_SUFFIX), wanted)]

    async def run(self, stage: Stage, given: Given) -> list[Entry]:
        """Return what is to be written for *given*, dead letters included, in order.

        Raises:
            Misconfigured: The stage can't be run as it is wired.
        """
        if self._tracer is None or not given.trace:
            outcome, attempts = await self._settled(stage, given)
        else:
            with self._tracer.span(stage.name, parent=given.trace, **_about(given)) as span:
                outcome, attempts = await self._settled(stage, given)
                kind = outcome.kind if isinstance(outcome, Bury) else "done"
                span.note(outcome=kind, attempts=attempts)
            given = replace(given, trace=span.traceparent)
        if isinstance(outcome, Bury):
            return [_dead_letter(stage, given, outcome, attempts)]
        return await self._handed_on(stage, given, outcome)

    async def _handed_on(self, stage: Stage, given: Given, outcome: Emit) -> list[Entry]:
        entries: list[Entry] = []
        for index, (event, encoded) in enumerate(zip(outcome.events, outcome.encoded, strict=True)):
            event_id = ids.event_id(stage.name, given.event_id, index)
            follower = self._topology.follower(type(event))
            if self._topology.is_written(type(event)):
                headers = {} if follower is None else {TAPPED: "yes"}
                if given.trace:
                    headers[TRACEPARENT] = given.trace
                if (early := await self._told_early(event, event_id, given)) is not None:
                    headers[EARLY] = early.name
                value = encoded if encoded is not None else anyhow_encoded(event)
                entries.append(
                    Entry(
                        topic=topic_of(type(event)).name,
                        key=event.key,
                        value=value,
                        event_id=event_id,
                        headers=headers,
                    )
                )
            if follower is not None:
                handed_on = Given(
                    value=event,
                    key=event.key,
                    event_id=event_id,
                    origin=given.origin,
                    trace=given.trace,
                )
                entries += await self.run(follower, handed_on)
        return entries

    async def _told_early(self, event: Event, event_id: str, led_to: Given) -> Stage | None:
        """Hand *event* to the stage that may have it before it is written; return it if it did."""
        for stage in self._early:
            if type(event) not in stage.reads:
                continue
            given = replace(led_to, value=event, key=event.key, event_id=event_id)
            start = time.perf_counter()
            with ExitStack() as spans:
                self._in_span(stage, given, spans)
                outcome = await handle(stage, event, self._services)
            if not isinstance(outcome, Emit):
                return None
            self._tell(stage, given, outcome, time.perf_counter() - start, 1)
            return stage
        return None

    async def _settled(self, stage: Stage, given: Given) -> tuple[Emit | Bury, int]:
        """Try until *given* passed or is to be buried; return that, and the number of tries."""
        attempt = 1
        try:
            while True:
                start = time.perf_counter()
                outcome = await handle(
                    stage, given.value, self._services, attempt=attempt, room=self._room
                )
                self._tell(stage, given, outcome, time.perf_counter() - start, attempt)
                if not isinstance(outcome, Again):
                    return outcome, attempt
                before = self._waiting.get(id(given))
                self._waiting[id(given)] = Waiting(
                    stage=stage.name,
                    key=given.key,
                    reason=outcome.reason,
                    outage=outcome.outage,
                    since=before.since if before else self._clock.now(),
                )
                await self._sleep(outcome.after_s)
                if not outcome.outage:  # an outage is nobody's fault: it uses up no attempt
                    attempt += 1
        finally:
            self._waiting.pop(id(given), None)

    def _in_span(self, stage: Stage, given: Given, spans: ExitStack) -> Given:
        """Open a span of *given* until *spans* ends; return what is handed in.

        What several ask the world together is noted within the last one's.
        """
        if self._tracer is None or not given.trace:
            return given
        span = self._tracer.span(stage.name, parent=given.trace, **_about(given))
        return replace(given, trace=spans.enter_context(span).traceparent)

    def _tell(
        self, stage: Stage, given: Given, outcome: Emit | Again | Bury, seconds: float, attempt: int
    ) -> None:
        if isinstance(outcome, Emit):
            if type(outcome.read) not in stage.reads:
                return  # the topic holds it for others
            self._observer.handled(
                stage.name,
                "done",
                key=given.key,
                event_id=given.event_id,
                seconds=seconds,
                attempt=attempt,
                read=outcome.read,
                written=outcome.events,
            )
            return
        self._observer.handled(
            stage.name,
            outcome.kind if isinstance(outcome, Bury) else "again",
            key=given.key,
            event_id=given.event_id,
            seconds=seconds,
            attempt=attempt,
            read=_read(stage, given),
            reason=outcome.reason,
        )


def _given(record: Record) -> Given:
    origin = f"{record.topic}/{record.partition}/{record.offset}"
    return Given(
        value=record.value,
        key=record.key,
        event_id=record.event_id,
        origin=record.headers.get("origin", origin),
        trace=record.headers.get(TRACEPARENT, ""),
    )


def _about(given: Given) -> Mapping[str, str]:
    """Return what a span says of *given*: what its log line says."""
    return {"key": given.key, "event_id": given.event_id}


def _read(stage: Stage, given: Given) -> Event | None:
    """Return the event that did not pass; None if nothing can be read there."""
    try:
        return decode(stage, given.value) if isinstance(given.value, bytes) else given.value
    except Poison:
        return None


def _without_stage(record: Record, path: str, name: str) -> Entry:
    # Renamed or taken out since it died: no reason to stop everything else.
    return Entry(
        topic=dead_topic(path),
        key=record.key,
        value=record.value,
        event_id=record.event_id,
        headers={
            **record.headers,
            "kind": "poison",
            "reason": f"there is no stage {name!r} any more",
        },
    )


def _dead_letter(stage: Stage, given: Given, outcome: Bury, attempts: int) -> Entry:
    value = given.value
    return Entry(
        topic=dead_topic(stage.path),
        key=given.key,
        value=value if isinstance(value, bytes) else anyhow_encoded(value),
        event_id=given.event_id,
        headers={
            "stage": stage.name,
            "topic": topic_of(stage.reads[0]).name,
            "kind": outcome.kind,
            "reason": outcome.reason,
            "traceback": outcome.traceback,
            "attempts": str(attempts),
            "origin": given.origin,
        },
    )
