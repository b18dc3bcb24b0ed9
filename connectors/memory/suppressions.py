"""Suppression lists in a dict: for tests, and what the others are held against."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from topologies.mail import suppression as rules
from topologies.ports.suppressions import Suppression, SuppressionPage


class MemorySuppressions:
    """All lists of one process, gone with it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Suppression] = {}

    async def add(self, suppression: Suppression) -> Suppression:
        place = (suppression.owner, suppression.target)
        self._kept[place] = rules.stronger(self._kept.get(place), suppression)
        return self._kept[place]

    async def remove(self, owner: str, target: str) -> bool:
        return self._kept.pop((owner, target), None) is not None

    async def among(
        self, owners: Sequence[str], targets: Sequence[str], at: datetime
    ) -> Mapping[str, Suppression]:
        return rules.first_that_holds(
            [self._kept.get((owner, target)) for owner in owners for target in targets], at
        )

    async def page(
        self, owner: str, *, limit: int = 100, cursor: str | None = None
    ) -> SuppressionPage:
        start = rules.target_after(cursor) if cursor is not None else ""
        mine = sorted(target for kept, target in self._kept if kept == owner and target > start)
        return rules.page_of([self._kept[owner, target] for target in mine[: limit + 1]], limit)
