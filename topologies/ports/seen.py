"""Who was here before, and since when."""

from datetime import datetime
from typing import Protocol


class Seen(Protocol):
    """What was seen lately, by key. What is lost is seen anew, which costs somebody a wait."""

    async def when(self, key: str) -> datetime | None:
        """Return when *key* was seen first, in UTC; None if it never was, or is forgotten.

        Raises:
            Retryable: The store is out of reach.
        """
        ...

    async def see(self, key: str, kept_s: float) -> datetime:
        """Take note that *key* is seen now, and return when it was first.

        It is kept for *kept_s* from now, or a tenth less; never shorter than was said before.

        Raises:
            Retryable: The store is out of reach.
        """
        ...
