"""Second factors in a dict: for tests, and what the others are held against."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from topologies.ports.second_factors import SecondFactor


class MemorySecondFactors:
    """The second factors of one process, gone with it."""

    def __init__(self) -> None:
        self._kept: dict[str, SecondFactor] = {}

    async def of(self, user_id: str) -> SecondFactor | None:
        return self._kept.get(user_id)

    async def propose(
        self, user_id: str, secret: bytes, recovery: Collection[bytes], at: datetime
    ) -> bool:
        kept = self._kept.get(user_id)
        if kept is not None and kept.is_on:
            return False
        self._kept[user_id] = SecondFactor(
            user_id=user_id, secret=secret, recovery=frozenset(recovery), created_at=at
        )
        return True

    async def turn_on(self, user_id: str, secret: bytes, step: int) -> bool:
        kept = self._kept.get(user_id)
        if kept is None or kept.is_on or kept.secret != secret:
            return False
        self._kept[user_id] = replace(kept, is_on=True, last_step=step)
        return True

    async def use_step(self, user_id: str, step: int) -> bool:
        kept = self._kept.get(user_id)
        if kept is None or not kept.is_on or step <= kept.last_step:
            return False
        self._kept[user_id] = replace(kept, last_step=step)
        return True

    async def use_recovery(self, user_id: str, code: bytes) -> bool:
        kept = self._kept.get(user_id)
        if kept is None or not kept.is_on or code not in kept.recovery:
            return False
        self._kept[user_id] = replace(kept, recovery=kept.recovery - {code})
        return True

    async def remove(self, user_id: str) -> bool:
        return self._kept.pop(user_id, None) is not None
