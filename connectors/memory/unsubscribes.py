"""Wishes to get no more mail in a dict: for tests, and what the others are held against."""

from collections.abc import Sequence

from topologies.ports.unsubscribes import Unsubscribe


class MemoryUnsubscribes:
    """All wishes of one process, gone with it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Unsubscribe] = {}

    async def ask(self, wish: Unsubscribe) -> Unsubscribe:
        return self._kept.setdefault((wish.user_id, wish.email_id), wish)

    async def find(self, user_id: str, email_id: str) -> Unsubscribe | None:
        return self._kept.get((user_id, email_id))

    async def of(self, user_id: str) -> Sequence[Unsubscribe]:
        mine = (place for place in self._kept if place[0] == user_id)
        return [self._kept[place] for place in sorted(mine)]

    async def note(self, wish: Unsubscribe) -> None:
        if (wish.user_id, wish.email_id) in self._kept:
            self._kept[wish.user_id, wish.email_id] = wish

    async def erase(self, user_id: str) -> None:
        self._kept = {place: each for place, each in self._kept.items() if place[0] != user_id}
