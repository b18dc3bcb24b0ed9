"""Request keys in a dict: for tests, and what the others are held against."""

from topologies.ports.request_keys import Claim


class MemoryRequestKeys:
    """All keys of one process, gone with it."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], Claim] = {}

    async def find(self, user_id: str, key: str) -> Claim | None:
        return self._claims.get((user_id, key))

    async def claim(self, user_id: str, key: str, fresh: Claim) -> Claim:
        return self._claims.setdefault((user_id, key), fresh)
