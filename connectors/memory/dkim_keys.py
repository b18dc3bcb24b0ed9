"""DKIM keys in a dict: for tests, and what the others are held against."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from topologies.ports.dkim_keys import DkimKey


class MemoryDkimKeys:
    """The keys of one process, gone with it."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], DkimKey] = {}

    async def keys(self, domain: str) -> Sequence[DkimKey]:
        return [key for (of, _), key in sorted(self._keys.items()) if of == domain]

    async def add(self, key: DkimKey) -> bool:
        return self._keys.setdefault((key.domain, key.selector), key) is key

    async def end(self, domain: str, selector: str, at: datetime) -> bool:
        key = self._keys.get((domain, selector))
        if key is None:
            return False
        until = at if key.signs_until is None else min(at, key.signs_until)
        self._keys[domain, selector] = replace(key, signs_until=until)
        return True

    async def remove(self, domain: str, selector: str) -> bool:
        return self._keys.pop((domain, selector), None) is not None
