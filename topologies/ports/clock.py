"""What time it is: a port, so that days pass in a test in a second."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Never blocks."""

    def now(self) -> datetime:
        """Return the time in UTC, with its zone."""
        ...
