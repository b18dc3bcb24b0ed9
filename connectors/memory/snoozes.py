"""What is put off, in dicts: for tests, and what the others are held against."""

from collections import defaultdict
from collections.abc import Sequence

from topologies.ports.clock import Clock
from topologies.ports.snoozes import KEPT_AFTER, MOST_SNOOZED, Snooze


class MemorySnoozes:
    """All wishes of one process, gone with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: defaultdict[str, dict[str, Snooze]] = defaultdict(dict)  # by user, by mail

    async def put(self, snooze: Snooze) -> None:
        mine = self._kept[snooze.user_id]
        if len(mine) >= MOST_SNOOZED and snooze.email_id not in mine:
            for over in [each for each in mine.values() if self._is_over(each)]:
                del mine[over.email_id]
            if len(mine) >= MOST_SNOOZED:
                raise ValueError(f"at most {MOST_SNOOZED} mails can be put off")
        mine[snooze.email_id] = snooze

    async def find(self, user_id: str, email_id: str) -> Snooze | None:
        kept = self._kept[user_id].get(email_id)
        return None if kept is None or self._is_over(kept) else kept

    async def of(self, user_id: str) -> Sequence[Snooze]:
        mine = [each for each in self._kept[user_id].values() if not self._is_over(each)]
        return sorted(mine, key=lambda each: (each.until, each.email_id))

    async def remove(self, user_id: str, email_id: str, snooze_id: str) -> bool:
        kept = self._kept[user_id].get(email_id)
        if kept is None or kept.snooze_id != snooze_id:
            return False
        del self._kept[user_id][email_id]
        return True

    async def erase(self, user_id: str) -> None:
        self._kept.pop(user_id, None)

    def _is_over(self, snooze: Snooze) -> bool:
        return snooze.until + KEPT_AFTER <= self._clock.now()
