"""How long one attempt may take: a stage has time of its own, and ports have theirs to answer.

What a stage waits for its ports is not its own time. A mail to a hundred people asks a store
hundreds of times, and a store that has much to do takes longer for each: that is nothing which a
record could be buried for. A port bounds each of its answers itself, and knows what it means if
there is none; one that gives no sign for as long as the stage may take hangs as a whole.
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from topologies.errors import Retryable

IN_ALL_S = 3600.0  # beyond its own time: a stage that asks for ever is to end some time


class OwnTime:
    """The time of one attempt, which is what is done within ``async with``.

    Leaving it raises ``TimeoutError`` when the stage took too long by itself, and ``Retryable``
    with ``outage`` when a port gave no answer for as long.
    """

    def __init__(self, limit_s: float, *, in_all_s: float = IN_ALL_S) -> None:
        """Start nothing yet.

        Args:
            limit_s: What the stage may take by itself, and a port for an answer.
            in_all_s: The longest that an attempt takes with all answers, beyond *limit_s*.
        """
        self._limit_s = limit_s
        self._in_all_s = limit_s + in_all_s
        self._left_s = limit_s  # of its own, when something moved last
        self._moved_at = 0.0  # it asked, was answered, or went on
        self._ends_at = 0.0
        self._asked: dict[object, str] = {}  # whom it waits for, by question
        self._failure: Retryable | TimeoutError | None = None
        self._loop = asyncio.get_running_loop()
        self._bound = asyncio.timeout(None)
        self._look_later: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._moved_at = self._loop.time()
        self._ends_at = self._moved_at + self._in_all_s
        await self._bound.__aenter__()
        self._look()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._look_later is not None:
            self._look_later.cancel()
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise self._failure or late from late

    def over(self, services: Mapping[str, Any], ports: Mapping[str, type]) -> dict[str, Any]:
        """Return *services* for this attempt; by name, as is the port that each answers.

        What is no ``Protocol`` is no port but a value, and handed in as it is.
        """
        return {
            name: _Clocked(answer, ports[name].__name__, self)
            if getattr(ports[name], "_is_protocol", False)
            else answer
            for name, answer in services.items()
        }

    def ask(self, whom: str) -> object:
        """Take note that the stage waits for *whom* from now on; return the question."""
        if not self._asked:
            self._left_s = self._until() - self._loop.time()
        question = object()
        self._asked[question] = whom
        self._moved_at = self._loop.time()
        return question

    def heard(self, question: object) -> None:
        """Take note that it does no more."""
        del self._asked[question]
        self._moved_at = self._loop.time()

    def _until(self) -> float:
        return self._moved_at + (self._limit_s if self._asked else self._left_s)

    def _look(self) -> None:
        """End the attempt if it is time; look again when it may be."""
        now = self._loop.time()
        until = min(self._until(), self._ends_at)
        if now < until:
            self._look_later = self._loop.call_at(until, self._look)
            return
        if now >= self._ends_at:
            self._failure = TimeoutError(f"took more than {self._in_all_s:g} s in all")
        elif self._asked:
            whom = next(iter(self._asked.values()))
            words = f"{whom}: no answer within {self._limit_s:g} s"
            self._failure = Retryable(words, outage=True)
        else:
            self._failure = TimeoutError(f"took more than {self._limit_s:g} s by itself")
        self._bound.reschedule(now)


class _Clocked:
    """An answer to a port, as one attempt is given it."""

    __slots__ = ("_answer", "_own_time", "_port")

    def __init__(self, answer: Any, port: str, own_time: OwnTime) -> None:
        self._answer = answer
        self._port = port
        self._own_time = own_time

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._answer, name)
        return self._clocked(found, f"{self._port}.{name}") if callable(found) else found

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._clocked(self._answer, self._port)(*arguments, **named)

    def _clocked(self, found: Callable[..., Any], whom: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            given = found(*arguments, **named)
            if inspect.iscoroutine(given):
                return _answered(given, self._own_time, whom)
            if hasattr(given, "__anext__"):
                return _streamed(given, self._own_time, whom)
            if hasattr(given, "__aenter__"):
                return _entered(given, self._own_time, whom)
            return given

        return call


async def _answered(asked: Awaitable[Any], own_time: OwnTime, whom: str) -> Any:
    question = own_time.ask(whom)
    try:
        return await asked
    finally:
        own_time.heard(question)


async def _streamed(asked: Any, own_time: OwnTime, whom: str) -> AsyncIterator[Any]:
    try:
        while True:
            try:
                each = await _answered(anext(asked), own_time, whom)
            except StopAsyncIteration:
                return
            yield each
    finally:
        if hasattr(asked, "aclose"):
            await asked.aclose()


@contextlib.asynccontextmanager
async def _entered(asked: Any, own_time: OwnTime, whom: str) -> AsyncGenerator[Any]:
    async with contextlib.AsyncExitStack() as stack:
        yield await _answered(stack.enter_async_context(asked), own_time, whom)
