"""The way of one mail through all processes, as spans of a trace (W3C Trace Context).

Begun by the ways in, for some of what they take; from there on it rides in the headers of
records, as ``traceparent``. What has none is not traced, and costs nothing.
"""

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol

TRACEPARENT = "traceparent"  # header of records, and of HTTP requests
# Of the span that is open where this is asked; empty: there is none.
current: ContextVar[str] = ContextVar(TRACEPARENT, default="")


class Span(Protocol):
    """Something that is being done."""

    @property
    def traceparent(self) -> str:
        """By which what follows refers to it."""
        ...

    def note(self, **about: str | int | float) -> None:
        """Say more about it."""
        ...


class Tracer(Protocol):
    """Takes note of spans. Never blocks, never fails."""

    def begin(
        self, name: str, *, remote: str = "", **about: str | int
    ) -> AbstractContextManager[Span | None]:
        """Begin a trace, or None for one of those that are left out.

        Args:
            name: What is done.
            remote: The ``traceparent`` of a client's request, whose trace goes on.
            about: More about it; no addresses and no subjects.
        """
        ...

    def span(self, name: str, *, parent: str, **about: str | int) -> AbstractContextManager[Span]:
        """Go on with the trace of *parent*, a ``traceparent``; note what is raised, which goes on.

        While it is open, ``current`` is its own.
        """
        ...

    async def close(self) -> None:
        """Hand over what was noted, for a bounded time."""
        ...


@contextmanager
def begun(
    tracer: Tracer | None, name: str, *, remote: str = "", **about: str | int
) -> Generator[Span | None]:
    """Begin a trace if anybody traces."""
    if tracer is None:
        yield None
        return
    with tracer.begin(name, remote=remote, **about) as span:
        yield span


def trace_headers() -> Mapping[str, str]:
    """Return the headers of a record that is written within a span."""
    traceparent = current.get()
    return {TRACEPARENT: traceparent} if traceparent else {}
