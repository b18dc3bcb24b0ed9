"""Limits in this process: for one process, for tests, and while nobody else counts.

A window is counted in slices, so that a key needs little memory however often it is hit.
"""

from collections import OrderedDict
from math import floor

from topologies.ports.clock import Clock
from topologies.ports.limits import Verdict

SLICES = 10  # of a window; the slice that began before it counts in full
MOST_KEYS = 20_000  # when it is full, whoever was not counted for longest is forgotten


class MemoryLimits:
    """All counts of one process, gone with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[tuple[str, float], dict[int, int]] = OrderedDict()

    async def hit(self, key: str, limit: int, window_s: float) -> Verdict:
        slice_s = window_s / SLICES
        now_s = self._clock.now().timestamp()
        current = floor(now_s / slice_s)
        counts = self._counts.pop((key, window_s), {})
        counts = {at: count for at, count in counts.items() if at >= current - SLICES}
        total = sum(counts.values())
        is_allowed = total < limit
        if is_allowed:
            counts[current] = counts.get(current, 0) + 1
        if counts:
            self._counts[key, window_s] = counts
        if len(self._counts) > MOST_KEYS:
            self._counts.popitem(last=False)
        if is_allowed:
            return Verdict(allowed=True, remaining=limit - total - 1)
        last = current
        for last in sorted(counts):  # the one whose end makes room
            total -= counts[last]
            if total < limit:
                break
        return Verdict(allowed=False, retry_after_s=(last + SLICES + 1) * slice_s - now_s)

    async def take_back(self, key: str, window_s: float) -> None:
        counts = self._counts.get((key, window_s), {})
        if counted := [at for at, count in counts.items() if count]:
            counts[max(counted)] -= 1
