"""Which addresses did not answer lately: they are not asked again for a while.

So mail for a dead host is deferred at once, and holds nobody else's mail up. After a pause one
mail tries; the others wait for what it finds out.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass

FAILURES_IN_A_ROW = 2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 600.0
MOST_KEPT = 50_000


@dataclass(slots=True)
class _Silent:
    reason: str
    failures: int = 0
    pause_s: float = FIRST_PAUSE_S
    until: float = 0.0


class Silences:
    """By address and port."""

    def __init__(self) -> None:
        self._silent: OrderedDict[tuple[str, int], _Silent] = OrderedDict()

    def reason(self, place: tuple[str, int]) -> str:
        """Return why not to ask *place* now; empty: ask.

        After a pause the first who comes is let in, and the others wait for what that one finds.
        """
        silent = self._silent.get(place)
        if silent is None or silent.failures < FAILURES_IN_A_ROW:
            return ""
        now = time.monotonic()
        if now < silent.until:
            return silent.reason
        silent.until = now + silent.pause_s
        return ""

    def answered(self, place: tuple[str, int]) -> None:
        """Somebody is there."""
        self._silent.pop(place, None)

    def failed(self, place: tuple[str, int], reason: str) -> None:
        """Nobody answered."""
        silent = self._silent.setdefault(place, _Silent(reason))
        self._silent.move_to_end(place)
        now = time.monotonic()
        if silent.failures >= FAILURES_IN_A_ROW and now < silent.until - silent.pause_s:
            return  # several were under way when it fell silent
        silent.reason = reason
        silent.failures += 1
        if silent.failures > FAILURES_IN_A_ROW:
            silent.pause_s = min(LONGEST_PAUSE_S, silent.pause_s * 2)
        silent.until = now + silent.pause_s
        while len(self._silent) > MOST_KEPT:
            self._silent.popitem(last=False)
