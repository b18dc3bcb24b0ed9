"""What is reported to owners of other domains, in Cassandra: rows that are added, never changed.

Two workers may both begin a window; then both are told so, and what follows has the same ids. A
fact that comes while its window is closed elsewhere may be left out of what is told.
"""

import zlib
from collections import Counter
from collections.abc import Mapping

from connectors.cassandra.session import CassandraSession
from connectors.cassandra.summaries_schema import SHARDS
from topologies.ports.summaries import MOST_FACTS, Window

BEGUN, CLOSED, TOLD = "begun", "closed", "told"  # what a row of a window is
PAGE = 5_000  # facts

_NOTE = "INSERT INTO summary_windows (kind, domain, day, what, name) VALUES (?, ?, ?, ?, ?)"
_OF_WINDOW = "SELECT what, name FROM summary_windows WHERE kind = ? AND domain = ? AND day = ?"
_KEEP = "INSERT INTO summary_facts (kind, domain, day, shard, name, fact) VALUES (?, ?, ?, ?, ?, ?)"
_FACTS = (
    "SELECT name, fact FROM summary_facts"
    " WHERE kind = ? AND domain = ? AND day = ? AND shard = ? AND name > ? LIMIT ?"
)


class CassandraSummaries:
    """The summaries of one deployment."""

    def __init__(self, session: CassandraSession) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session

    async def gather(self, window: Window, facts: Mapping[str, bytes]) -> bool:
        key = (window.kind, window.domain, window.day)
        rows = await self._session.execute(_OF_WINDOW, key)
        begun_by = {name for what, name in rows if what == BEGUN}
        is_closed = any(what == CLOSED for what, _ in rows)
        if not begun_by and facts:
            begun_by = {next(iter(facts))}
            await self._session.execute(_NOTE, (*key, BEGUN, *begun_by))
        if not is_closed:
            await self._session.execute_all(
                [(_KEEP, (*key, _shard(name), name, fact)) for name, fact in facts.items()]
            )
        return not begun_by.isdisjoint(facts)

    async def close(self, window: Window) -> Mapping[bytes, int]:
        key = (window.kind, window.domain, window.day)
        await self._session.execute(_NOTE, (*key, CLOSED, ""))
        counts: Counter[bytes] = Counter()
        for shard in range(SHARDS):
            after = ""
            while True:
                rows = await self._session.execute(_FACTS, (*key, shard, after, PAGE))
                counts.update(bytes(fact) for _, fact in rows)
                if len(rows) < PAGE:
                    break
                after = rows[-1][0]
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return dict(ordered[:MOST_FACTS])

    async def is_told(self, window: Window, to: str) -> bool:
        key = (window.kind, window.domain, window.day)
        return any(row == (TOLD, to) for row in await self._session.execute(_OF_WINDOW, key))

    async def tell(self, window: Window, to: str) -> None:
        key = (window.kind, window.domain, window.day)
        await self._session.execute(_NOTE, (*key, TOLD, to))


def _shard(name: str) -> int:
    return zlib.crc32(name.encode()) % SHARDS
