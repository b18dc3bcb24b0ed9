"""What is to be reported to the owners of other domains, gathered by day until it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from topologies.events.summary import SummaryKind

KEPT_FOR = timedelta(days=8)  # after its day: a replay of what is older gathers it anew
MOST_FACTS = 10_000  # of one window that are told, those with the highest counts first


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A day of a domain."""

    kind: SummaryKind
    domain: str
    day: date  # in UTC


class Summaries(Protocol):
    """Facts by window. Called from anywhere, in any order, and again after a crash.

    Raises ``Retryable`` where the store is out of reach; then nothing is known to be kept.
    """

    async def gather(self, window: Window, facts: Mapping[str, bytes]) -> bool:
        """Keep *facts* in *window*; return when they are durable.

        What is known by its name stays as it was, so that whoever comes twice counts once. To a
        window that was closed nothing is added.

        Args:
            window: Where.
            facts: By a name that each has in the world; equal ones are counted together.

        Returns:
            Whether one of them began the window: each time it is asked.
        """
        ...

    async def close(self, window: Window) -> Mapping[bytes, int]:
        """Close *window* for good, and return its facts with how many there are of each.

        However often it is closed, it holds the same, the highest counts first, ``MOST_FACTS`` at
        most. Nothing: it never was, or was forgotten.
        """
        ...

    async def is_told(self, window: Window, to: str) -> bool:
        """Tell whether *window* was told to that URL."""
        ...

    async def tell(self, window: Window, to: str) -> None:
        """Take note that it was; return when that is durable."""
        ...
