"""Rules of users in a dict: for tests, and what the others are held against."""

from dataclasses import replace

from topologies.ports.rules import UserRules


class MemoryRules:
    """All rules of one process, gone with it."""

    def __init__(self) -> None:
        self._rules: dict[str, UserRules] = {}

    async def of(self, user_id: str) -> UserRules:
        return (await self.read(user_id)).in_use

    async def read(self, user_id: str) -> UserRules:
        return self._rules.get(user_id, UserRules())

    async def erase(self, user_id: str) -> None:
        self._rules.pop(user_id, None)

    async def write(self, user_id: str, rules: UserRules) -> bool:
        if self._rules.get(user_id, UserRules()).version != rules.version:
            return False
        self._rules[user_id] = replace(rules, version=rules.version + 1)
        return True
