"""Summaries in dicts: for tests, and what the others are held against."""

from collections import Counter
from collections.abc import Mapping

from topologies.ports.summaries import MOST_FACTS, Window


class MemorySummaries:
    """All windows of one process, gone with it."""

    def __init__(self) -> None:
        self._facts: dict[Window, dict[str, bytes]] = {}
        self._begun: dict[Window, str] = {}
        self._closed: set[Window] = set()
        self._told: set[tuple[Window, str]] = set()

    async def gather(self, window: Window, facts: Mapping[str, bytes]) -> bool:
        begun_by = self._begun.setdefault(window, next(iter(facts), ""))
        if window not in self._closed:
            kept = self._facts.setdefault(window, {})
            for name, fact in facts.items():
                kept.setdefault(name, fact)
        return begun_by in facts

    async def close(self, window: Window) -> Mapping[bytes, int]:
        self._closed.add(window)
        return most(Counter(self._facts.get(window, {}).values()))

    async def is_told(self, window: Window, to: str) -> bool:
        return (window, to) in self._told

    async def tell(self, window: Window, to: str) -> None:
        self._told.add((window, to))


def most(counts: Mapping[bytes, int]) -> Mapping[bytes, int]:
    """Return the facts with the highest counts, in an order that is always the same."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return dict(ordered[:MOST_FACTS])
