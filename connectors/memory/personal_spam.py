"""What users taught us, in a dict: for tests, and what the others are held against."""

from topologies.ports.personal_spam import Learnt


class MemoryPersonalSpam:
    """What was learnt by one process, gone with it."""

    def __init__(self) -> None:
        self._learnt: dict[str, Learnt] = {}

    async def of(self, user_id: str) -> Learnt:
        return self._learnt.get(user_id, Learnt())

    async def read(self, user_id: str) -> Learnt:
        return await self.of(user_id)

    async def erase(self, user_id: str) -> None:
        self._learnt.pop(user_id, None)

    async def keep(self, user_id: str, learnt: Learnt) -> None:
        if learnt.seq >= self._learnt.get(user_id, learnt).seq:
            self._learnt[user_id] = learnt
