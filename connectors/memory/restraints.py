"""Restraints in a dict: for tests, and what the others are held against."""

from collections.abc import Sequence

from topologies.ports.clock import Clock
from topologies.ports.restraints import Restraint


class MemoryRestraints:
    """The restraints of one process, gone with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Restraint] = {}

    async def of(self, user_id: str) -> Restraint | None:
        kept = self._kept.get(user_id)
        return kept if kept is not None and kept.holds_at(self._clock.now()) else None

    async def put(self, restraint: Restraint) -> None:
        known = await self.of(restraint.user_id)
        if known is None or known.kind != "suspended":
            self._kept[restraint.user_id] = restraint

    async def lift(self, user_id: str) -> bool:
        held = await self.of(user_id)
        self._kept.pop(user_id, None)
        return held is not None

    async def all(self) -> Sequence[Restraint]:
        now = self._clock.now()
        return [kept for _, kept in sorted(self._kept.items()) if kept.holds_at(now)]
