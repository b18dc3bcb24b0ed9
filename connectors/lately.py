"""How fast counts grow: of counts that only grow, what was added in the last minute."""

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

WINDOW_S = 60.0


class Lately(Generic[K]):
    """Rates of some counts of this process."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, Mapping[K, float]]] = deque()

    def note(self, counts: Mapping[K, float], at_s: float) -> None:
        """Take note of how the *counts* stand at *at_s*, seconds of a clock that is never set."""
        self._noted.append((at_s, counts))
        # The newest of those that are too old is kept: the window begins with it.
        while len(self._noted) > 2 and self._noted[1][0] <= at_s - WINDOW_S:
            self._noted.popleft()

    def per_second(self) -> dict[K, float]:
        """Return by how much each count grew a second, since a minute, or since the first note."""
        if len(self._noted) < 2:
            return {}
        (began_at, first), (ended_at, last) = self._noted[0], self._noted[-1]
        seconds = ended_at - began_at
        if seconds <= 0:
            return {}
        return {key: (count - first.get(key, 0.0)) / seconds for key, count in last.items()}
