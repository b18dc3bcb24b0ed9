"""What was looked up a moment ago."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from topologies.ports.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT_FOR = timedelta(seconds=1)
MOST = 10_000  # entries; when full it starts anew, which costs no more than a second passing


class Recent(Generic[K, V]):
    """Answers that are less than a second old."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[K, tuple[datetime, V]] = {}

    def get(self, key: K) -> V | None:
        """Return the answer to *key* if it is fresh."""
        if (entry := self._entries.get(key)) is None:
            return None
        known_at, value = entry
        # A clock that was set back makes nothing fresh for longer.
        is_fresh = known_at <= self._clock.now() < known_at + KEPT_FOR
        return value if is_fresh else None

    def put(self, key: K, value: V, known_at: datetime | None = None) -> None:
        """Keep the answer to *key*, as of *known_at*, by default now."""
        if len(self._entries) >= MOST:
            self._entries.clear()
        self._entries[key] = (known_at or self._clock.now(), value)

    def forget(self, key: K) -> None:
        """Forget the answer to *key*."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
