"""Whether it is worth asking: after some timeouts in a row, for a while it is not.

A resolver that is down must not cost every mail its timeout. One that is up and asks a
domain whose servers are down looks the same from here, so the pause begins short.
"""

from datetime import datetime, timedelta

TIMEOUTS_IN_A_ROW = 4
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0


class Breaker:
    """Closed while answers come; open after timeouts; then one question at a time may try."""

    def __init__(self) -> None:
        self._timeouts = 0
        self._pause_s = FIRST_PAUSE_S
        self._opens_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether not to ask; when a pause is over, False for the first who asks.

        The others wait for what that one finds out, by a pause of their own.
        """
        if self._opens_until is None:
            return False
        if now < self._opens_until:
            return True
        self._opens_until = now + timedelta(seconds=self._pause_s)
        return False

    def answered(self) -> None:
        """Somebody was there, whatever was said."""
        self._timeouts = 0
        self._pause_s = FIRST_PAUSE_S
        self._opens_until = None

    def timed_out(self, now: datetime) -> None:
        """Nobody answered one question."""
        self._timeouts += 1
        if self._timeouts < TIMEOUTS_IN_A_ROW:
            return
        if self._opens_until is not None:  # the one that tried after a pause
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
        self._opens_until = now + timedelta(seconds=self._pause_s)
