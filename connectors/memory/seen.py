"""Who was here before, in a dict: for one process, and what the others are held against."""

from collections import OrderedDict
from datetime import datetime, timedelta

from topologies.ports.clock import Clock

MOST_KEYS = 100_000  # when it is full, whoever was not seen for longest is forgotten


class MemorySeen:
    """All that one process saw, gone with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[datetime, datetime]] = OrderedDict()  # first, until

    async def when(self, key: str) -> datetime | None:
        first_at, until = self._seen.get(key, (None, None))
        return first_at if until is not None and until > self._clock.now() else None

    async def see(self, key: str, kept_s: float) -> datetime:
        now = self._clock.now()
        kept_until = now + timedelta(seconds=kept_s)
        first_at, until = self._seen.pop(key, (now, now))
        if until <= now:
            first_at, until = now, now
        self._seen[key] = first_at, max(until, kept_until)
        if len(self._seen) > MOST_KEYS:
            self._seen.popitem(last=False)
        return first_at
