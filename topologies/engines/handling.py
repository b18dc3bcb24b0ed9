"""One record through one stage: the part that all engines share.

An engine only reads, writes and acknowledges. What an error means is decided here.
"""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import msgspec

from topologies.engines.own_time import OwnTime
from topologies.errors import Misconfigured, Poison, Retryable
from topologies.events.base import Event
from topologies.events.upcasting import reader_of
from topologies.stage import Stage, ports_of
from topologies.topics import topic_of

LONGEST_BACKOFF_S = 15.0  # beyond seconds, waiting is a topic's work, not a worker's
TRACEBACK_CHARACTERS = 8_000  # kept of a bug's traceback: its end, where the cause is


@dataclass(frozen=True, slots=True)
class Emit:
    """Write these, then acknowledge.

    Attributes:
        read: What led to them.
    """

    events: tuple[Event, ...]
    read: Event | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Again:
    """Do not acknowledge; hand the record in again after this many seconds."""

    after_s: float
    reason: str
    outage: bool = False  # a whole dependency is down: this was no attempt


@dataclass(frozen=True, slots=True)
class Bury:
    """Write the record to the dead letters, then acknowledge."""

    kind: Literal["poison", "exhausted", "bug"]
    reason: str
    traceback: str = ""


Outcome = Emit | Again | Bury
Services = Mapping[type, Any]


async def handle(
    stage: Stage, record: bytes | Event, services: Services, *, attempt: int = 1
) -> Outcome:
    """Run *stage* on one record, as read from a topic or handed on in a chain.

    Args:
        stage: What to run.
        record: The encoded event, or the event itself within a chain.
        services: An answer for each port, by the port's class.
        attempt: Which try this is, from 1.

    Raises:
        Misconfigured: Nothing but this, and cancellation, ever leaves here.
    """
    try:
        event = decode(stage, record) if isinstance(record, bytes) else record
        if type(event) not in stage.reads:
            return Emit((), event)  # the topic holds it for others
        async with OwnTime(stage.timeout.total_seconds()) as own_time:
            wired = own_time.over(wire(stage, services), ports_of(stage))
            returned = await stage.run(event, **wired)
        written = _written(stage, returned)
    except (Poison, msgspec.DecodeError) as error:
        return Bury("poison", str(error))
    except (Retryable, TimeoutError) as error:
        return _again(stage, error, attempt)
    except Misconfigured:
        raise
    except Exception as error:  # noqa: BLE001  the last door: a bug must not lose a mail
        trace = "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:]
        return Bury("bug", f"{type(error).__name__}: {error}"[:500], trace)
    return Emit(written, event)


async def handle_several(
    stage: Stage, records: Sequence[bytes | Event], services: Services
) -> list[Emit] | str:
    """Run *stage* on several records of one key at once.

    Returns:
        What becomes of each; or why each is to be handled alone, where it is decided what an
        error means.

    Raises:
        Misconfigured: Nothing but this, and cancellation, ever leaves here.
    """
    if stage.several is None:
        return f"{stage.name} takes one event at a time"
    try:
        events = [decode(stage, r) if isinstance(r, bytes) else r for r in records]
        if any(type(event) not in stage.reads for event in events):
            return "the topic holds some for others"
        async with OwnTime(stage.timeout.total_seconds()) as own_time:
            wired = own_time.over(wire(stage, services), ports_of(stage))
            found = await stage.several(events, **wired)
        if len(found) != len(events):
            raise TypeError(f"{stage.name} did {len(found)} of {len(events)} events")
        emitted = [
            Emit(_written(stage, returned), event)
            for event, returned in zip(events, found, strict=True)
        ]
    except Misconfigured:
        raise
    except Exception as error:  # noqa: BLE001  if it is one of ours, it shows again
        return f"{type(error).__name__}: {error}"[:500]
    return emitted


def decode(stage: Stage, raw: bytes) -> Event:
    """Return the event in *raw*, which comes from a topic that *stage* reads.

    Raises:
        Poison: It is not JSON, of an unknown version, or lacks what it must have.
    """
    try:
        return reader_of(*topic_of(stage.reads[0]).events).read(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Poison(f"undecodable: {error}") from error


def wire(stage: Stage, services: Services) -> dict[str, Any]:
    """Choose the services that *stage* asks for.

    Raises:
        Misconfigured: A service is missing.
    """
    wanted = ports_of(stage)
    missing = [f"{name}: {_called(port)}" for name, port in wanted.items() if port not in services]
    if missing:
        raise Misconfigured(f"{stage.name}: no service for {', '.join(missing)}")
    return {name: services[port] for name, port in wanted.items()}


def _called(port: object) -> str:
    return port.__name__ if isinstance(port, type) else repr(port)


def _again(stage: Stage, error: Retryable | TimeoutError, attempt: int) -> Outcome:
    reason = str(error) or type(error).__name__
    outage = isinstance(error, Retryable) and error.outage
    if attempt >= stage.attempts and not outage:
        return Bury("exhausted", reason)
    asked = error.after_s if isinstance(error, Retryable) else None
    backoff = min(LONGEST_BACKOFF_S, 0.25 * 2.0 ** min(attempt - 1, 10))
    return Again(asked if asked is not None else backoff, reason, outage)


def _written(stage: Stage, returned: object) -> tuple[Event, ...]:
    if not isinstance(returned, Sequence):
        kind = type(returned).__name__
        raise TypeError(f"{stage.name} returned {kind}, and is to return a list of events")
    written = tuple(cast("Sequence[Event]", returned))
    for event in written:
        if type(event) not in stage.writes:
            raise TypeError(f"{stage.name} wrote {type(event).__name__}, which it does not declare")
    return written
