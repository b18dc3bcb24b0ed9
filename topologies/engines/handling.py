"""One record through one stage: the part that all engines share.

An engine only reads, writes and acknowledges. What an error means is decided here.
"""

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import msgspec

from topologies.engines.own_time import OwnTime
from topologies.errors import Misconfigured, Poison, Retryable
from topologies.events import RAW_INLINE_BYTES
from topologies.events.base import Event
from topologies.events.upcasting import reader_of
from topologies.room import Room
from topologies.stage import Stage, ports_of
from topologies.topics import topic_of

LONGEST_BACKOFF_S = 15.0  # beyond seconds, waiting is a topic's work, not a worker's
TRACEBACK_CHARACTERS = 8_000  # kept of a bug's traceback: its end, where the cause is
REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Emit:
    """Write these, then acknowledge.

    Attributes:
        read: What led to them.
        encoded: Each of them as its topic holds it; None: of a step, which is handed on as it is.
    """

    events: tuple[Event, ...]
    read: Event | None = field(default=None, compare=False)
    encoded: tuple[bytes | None, ...] = field(default=(), compare=False)


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
    stage: Stage,
    record: bytes | Event,
    services: Services,
    *,
    attempt: int = 1,
    room: Room | None = None,
) -> Outcome:
    """Run *stage* on one record, as read from a topic or handed on in a chain.

    Args:
        stage: What to run.
        record: The encoded event, or the event itself within a chain.
        services: An answer for each port, by the port's class.
        attempt: Which try this is, from 1.
        room: In memory for large messages, which is waited for; None: there is enough.

    Raises:
        Misconfigured: Nothing but this, and cancellation, ever leaves here.
    """
    try:
        event = decode(stage, record) if isinstance(record, bytes) else record
        if type(event) not in stage.reads:
            return Emit((), event)  # the topic holds it for others
        # Who waits for room uses up no time of its own: that others are large is not its fault.
        async with (
            _taken(room, stage, event),
            OwnTime(stage.timeout.total_seconds()) as own_time,
        ):
            wired = own_time.over(wire(stage, services), ports_of(stage))
            returned = await stage.run(event, **wired)
        return _emitted(stage, event, returned)
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        return _again(stage, Retryable("something that it waited for was cancelled"), attempt)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the last door: a bug must not lose a mail
        return _meaning(stage, error, attempt)


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
        return [
            _emitted(stage, event, returned) for event, returned in zip(events, found, strict=True)
        ]
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        return "something that it waited for was cancelled"
    except Misconfigured:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  if it is one of ours, it shows again
        return _as_reason(f"{type(error).__name__}: {error}")


def decode(stage: Stage, raw: bytes) -> Event:
    """Return the event in *raw*, which comes from a topic that *stage* reads.

    Raises:
        Poison: It is not JSON, of an unknown version, or lacks what it must have.
    """
    try:
        return reader_of(*topic_of(stage.reads[0]).events).read(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Poison(f"undecodable: {error}") from error


def anyhow_encoded(event: Event) -> bytes:
    """Return *event* of a step as its topic, or a dead letter, holds it.

    What JSON can't hold is kept as near to it as can be: nothing may stop a record on its way to
    the dead letters.
    """
    try:
        return msgspec.json.encode(event)
    except (UnicodeEncodeError, TypeError):
        return msgspec.json.encode(_mended(msgspec.to_builtins(event, enc_hook=repr)))


def _mended(value: Any) -> Any:
    match value:
        case str():
            return _writable(value)
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {_writable(name): _mended(each) for name, each in items}
        case list() | tuple():
            return [_mended(each) for each in cast("Sequence[Any]", value)]
        case _:
            return value


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


def _is_cancelled() -> bool:
    """Tell whether it is us who are to end, and not only what a stage waited for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _meaning(stage: Stage, error: BaseException, attempt: int) -> Outcome:
    cause = _cause(error)
    match cause:
        case Misconfigured():
            raise cause
        case Poison() | msgspec.DecodeError():
            return Bury("poison", _as_reason(str(cause)))
        case Retryable() | TimeoutError():
            return _again(stage, cause, attempt)
        case _:
            trace = "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:]
            reason = _as_reason(f"{type(cause).__name__}: {cause}")
            return Bury("bug", reason, _writable(trace))


def _cause(error: BaseException) -> BaseException:
    """Return what decides of an error: of several at once, that which no waiting mends."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [_cause(each) for each in cast("BaseExceptionGroup[BaseException]", error).exceptions]
    return min(causes, key=_rank)


def _rank(error: BaseException) -> int:
    match error:
        case Misconfigured():
            return 0
        case Retryable() if error.outage:
            return 2
        case Retryable() | TimeoutError():
            return 3
        case _:
            return 1


def _taken(room: Room | None, stage: Stage, event: Event) -> AbstractAsyncContextManager[None]:
    """Return what has room for the message that *event* is about, where that is a large one."""
    size_bytes: int = getattr(event, "size_bytes", 0)
    if room is None or not stage.copies or size_bytes <= RAW_INLINE_BYTES:
        return nullcontext()
    return room.taken(size_bytes * stage.copies)


def _again(stage: Stage, error: Retryable | TimeoutError, attempt: int) -> Outcome:
    reason = _as_reason(str(error) or type(error).__name__)
    outage = isinstance(error, Retryable) and error.outage
    if attempt >= stage.attempts and not outage:
        return Bury("exhausted", reason)
    asked = error.after_s if isinstance(error, Retryable) else None
    backoff = min(LONGEST_BACKOFF_S, 0.25 * 2.0 ** min(attempt - 1, 10))
    return Again(asked if asked is not None else backoff, reason, outage)


def _as_reason(text: str) -> str:
    return _writable(text[:REASON_CHARACTERS])


def _writable(text: str) -> str:
    """Return *text*, which may be of a mail, as a log can hold it: without half characters."""
    return text.encode(errors="replace").decode()


def _emitted(stage: Stage, read: Event, returned: object) -> Emit:
    """Return what *stage* gave, as it is written: what can't be would stop the whole engine."""
    if not isinstance(returned, Sequence):
        kind = type(returned).__name__
        raise TypeError(f"{stage.name} returned {kind}, and is to return a list of events")
    events = tuple(cast("Sequence[Event]", returned))
    for event in events:
        if type(event) not in stage.writes:
            raise TypeError(f"{stage.name} wrote {type(event).__name__}, which it does not declare")
    return Emit(events, read, tuple(_encoded(stage, event) for event in events))


def _encoded(stage: Stage, event: Event) -> bytes | None:
    try:
        event.key.encode()
        return None if topic_of(type(event)).is_step else msgspec.json.encode(event)
    except (UnicodeEncodeError, TypeError, AttributeError) as error:
        kind = type(event).__name__
        raise TypeError(f"{stage.name} wrote a {kind} that no topic can hold: {error}") from error
