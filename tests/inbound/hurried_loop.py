"""An event loop whose seconds are milliseconds, so that deadlines need not be waited for."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

FASTER = 1_000


class _HurriedSelector(selectors.SelectSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout / FASTER if timeout else timeout)


class _HurriedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_HurriedSelector())

    def time(self) -> float:
        return super().time() * FASTER


def run_hurried(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end, a thousand times faster than the clock on the wall."""
    with asyncio.Runner(loop_factory=_HurriedLoop) as runner:
        return runner.run(work)
