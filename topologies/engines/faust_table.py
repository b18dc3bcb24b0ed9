"""What a stage remembers, as a Faust table: in memory, each change on a changelog topic too.

A worker that takes over a partition reads its part of the changelog first. A change is sent, not
awaited: after a kill the last second may be missing, or counted twice when its events come again.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Iterator, MutableMapping
from typing import Any

from topologies.topics import Table


class FaustTable(MutableMapping[str, bytes]):
    """A table of UTF-8 texts, there once the reader of its stage is made; only that changes it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._kept: Any = None

    def attach(self, app: Any, partitions: int) -> None:
        """Make it a table of *app*, with as many *partitions* as the topic that is read."""
        self._kept = app.Table(
            self.table.name,
            partitions=partitions,
            key_type=str,
            value_type=str,
        )

    def __getitem__(self, key: str) -> bytes:
        """Return what is remembered of *key*."""
        if self._kept is None or key not in self._kept:
            raise KeyError(key)
        return self._kept[key].encode()

    def __setitem__(self, key: str, value: bytes) -> None:
        """Remember *value*."""
        self._kept[key] = value.decode()

    def __delitem__(self, key: str) -> None:
        """Forget *key*."""
        del self._kept[key]

    def __iter__(self) -> Iterator[str]:
        """Yield what is remembered here, of the partitions that are ours."""
        return iter(self._kept or ())

    def __len__(self) -> int:
        """Return how many keys that are."""
        return len(self._kept or ())
