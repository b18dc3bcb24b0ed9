"""How a stage is declared: a plain function plus what it reads and writes.

The decorator registers nothing and wraps nothing: the function stays callable,
and a test calls it. Discovery is ``topologies.topology``'s work.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from topologies.errors import Misconfigured
from topologies.events.base import Event

StageFunction = Callable[..., Awaitable[Sequence[Event]]]
SeveralFunction = Callable[..., Awaitable[Sequence[Sequence[Event]]]]
F = TypeVar("F", bound=StageFunction)

COPIES = 3  # as it came, decoded, and as it is kept


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
        copies: How many of a large message it has in memory at most, of what it makes of it too;
            an engine runs it when there is room for them. 0: it has none, or sees to that itself.
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
    copies: int = COPIES


def stage(
    *,
    reads: type[Event] | Sequence[type[Event]],
    writes: Sequence[type[Event]],
    timeout: timedelta = timedelta(seconds=30),
    attempts: int = 5,
    several: SeveralFunction | None = None,
    is_early: bool = False,
    copies: int = COPIES,
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
            copies=copies,
        )
        marked: Any = function
        marked.__stage__ = declared
        return function

    return mark


def declared_by(function: StageFunction) -> Stage:
    """Return what ``@stage`` said about *function*."""
    return function.__stage__  # type: ignore[attr-defined]


@functools.cache
def ports_of(stage: Stage) -> Mapping[str, type]:
    """Return the port that each keyword-only parameter of *stage* is annotated with.

    Raises:
        Misconfigured: One is annotated with nothing that can be found.
    """
    try:
        parameters = inspect.signature(stage.run, eval_str=True).parameters.values()
    except NameError as error:
        raise Misconfigured(
            f"{stage.name} is annotated with what its module does not know: {error}"
        ) from error
    ports = {p.name: p.annotation for p in parameters if p.kind is p.KEYWORD_ONLY}
    for name, port in ports.items():
        if port is inspect.Parameter.empty:
            raise Misconfigured(f"{stage.name}: {name} is annotated with no port")
    return ports


def check_form(stage: Stage) -> None:
    """See that *stage* can be run as an engine would: else each record would become a dead letter.

    Raises:
        Misconfigured: It can't; says what to change.
    """
    if not inspect.iscoroutinefunction(stage.run):
        raise Misconfigured(f"{stage.name} is no `async def` that returns a list of events")
    ports_of(stage)
    required = [
        p
        for p in inspect.signature(stage.run).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    if len(required) != 1:
        raise Misconfigured(
            f"{stage.name} takes {len(required)} events: it is handed one, and its ports by"
            " keyword only, behind a `*`"
        )
    if not _is_time(stage.timeout):
        raise Misconfigured(f"{stage.name} has {stage.timeout!r} for an attempt: say a timedelta")
    if stage.attempts < 1:
        raise Misconfigured(f"{stage.name} has {stage.attempts} attempts: it needs one at least")


def _is_time(value: object) -> bool:
    return isinstance(value, timedelta) and value > timedelta()
