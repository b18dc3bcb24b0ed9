"""How a stage is declared: a plain function plus what it reads and writes.

The decorator registers nothing and wraps nothing: the function stays callable,
and a test calls it. Discovery is ``topologies.topology``'s work.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from topologies.events.base import Event

StageFunction = Callable[..., Awaitable[Sequence[Event]]]
SeveralFunction = Callable[..., Awaitable[Sequence[Sequence[Event]]]]
F = TypeVar("F", bound=StageFunction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What an engine must know to run a function.

    Attributes:
        name: The function's name, unique in the topology; names the consumer group.
        path: The folder the stage lives in (``inbound``): names its dead letters.
        reads: The event types that are handed in. A topic's other events are skipped.
        writes: The event types that may come out.
        timeout: The longest one attempt may take by itself, and a port for one answer: what is
            waited for answers does not count.
        attempts: Tries before the record is buried as ``exhausted``.
        several: Does for events of one key, in order, what ``run`` would do for one after
            another; None if nothing is won by that.
        is_early: May be handed an event before the log has it: it writes nothing, and what it
            does may be done twice, or for nothing.
    """

    name: str
    path: str
    run: StageFunction
    reads: tuple[type[Event], ...]
    writes: tuple[type[Event], ...]
    timeout: timedelta
    attempts: int
    several: SeveralFunction | None = None
    is_early: bool = False


def stage(
    *,
    reads: type[Event] | Sequence[type[Event]],
    writes: Sequence[type[Event]],
    timeout: timedelta = timedelta(seconds=30),
    attempts: int = 5,
    several: SeveralFunction | None = None,
    is_early: bool = False,
) -> Callable[[F], F]:
    """Mark a coroutine function as a stage.

    The function takes one event, and by keyword only the ports it needs, each
    annotated with its Protocol. It returns the events that follow; for the same
    event it must return equal events, however often it is run.
    """

    def mark(function: F) -> F:
        declared = Stage(
            name=function.__name__,
            path=function.__module__.rpartition(".")[0].rpartition(".")[2],
            run=function,
            reads=(reads,) if isinstance(reads, type) else tuple(reads),
            writes=tuple(writes),
            timeout=timeout,
            attempts=attempts,
            several=several,
            is_early=is_early,
        )
        marked: Any = function
        marked.__stage__ = declared
        return function

    return mark


def declared_by(function: StageFunction) -> Stage:
    """Return what ``@stage`` said about *function*."""
    return function.__stage__  # type: ignore[attr-defined]
