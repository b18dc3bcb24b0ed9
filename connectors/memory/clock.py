"""A clock that is moved by hand, and the machine's."""

from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime | None = None) -> None:
        self._now = at or datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self._now

    def move(self, by: timedelta) -> None:
        """Let *by* pass."""
        self._now += by
