"""What is reported to owners of other domains, in one SQLite file, and forgotten after a week."""

import sqlite3
from collections.abc import Mapping

from connectors.sqlite.database import Database
from topologies.ports.summaries import KEPT_FOR, MOST_FACTS, Window

MIGRATIONS = (
    """
    CREATE TABLE windows (
        kind TEXT NOT NULL,
        domain TEXT NOT NULL,
        day INTEGER NOT NULL, -- its ordinal
        begun_by TEXT NOT NULL,
        closed INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (day, kind, domain)
    ) WITHOUT ROWID;
    CREATE TABLE facts (
        kind TEXT NOT NULL,
        domain TEXT NOT NULL,
        day INTEGER NOT NULL,
        name TEXT NOT NULL,
        fact BLOB NOT NULL,
        PRIMARY KEY (day, kind, domain, name)
    ) WITHOUT ROWID;
    CREATE TABLE told (
        kind TEXT NOT NULL,
        domain TEXT NOT NULL,
        day INTEGER NOT NULL,
        url TEXT NOT NULL,
        PRIMARY KEY (day, kind, domain, url)
    ) WITHOUT ROWID;
    """,
)
FORGOTTEN_AT_ONCE = 100  # rows of each table, so that forgetting keeps up and never takes long

_OF_WINDOW = "day = ? AND kind = ? AND domain = ?"
_FORGET = tuple(
    f"DELETE FROM {table} WHERE (day, kind, domain, {last}) IN"  # noqa: S608  constants
    f" (SELECT day, kind, domain, {last} FROM {table} WHERE day < ? LIMIT ?)"
    for table, last in (("windows", "begun_by"), ("facts", "name"), ("told", "url"))
)


class SqliteSummaries:
    """The summaries of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def gather(self, window: Window, facts: Mapping[str, bytes]) -> bool:
        key = _key(window)

        def work(connection: sqlite3.Connection) -> bool:
            begun = connection.execute(
                "INSERT OR IGNORE INTO windows (day, kind, domain, begun_by) VALUES (?, ?, ?, ?)",
                (*key, next(iter(facts), "")),
            )
            if begun.rowcount:
                for forget in _FORGET:
                    connection.execute(forget, (key[0] - KEPT_FOR.days, FORGOTTEN_AT_ONCE))
            begun_by, closed = connection.execute(
                f"SELECT begun_by, closed FROM windows WHERE {_OF_WINDOW}",  # noqa: S608
                key,
            ).fetchone()
            if not closed:
                connection.executemany(
                    "INSERT OR IGNORE INTO facts (day, kind, domain, name, fact)"
                    " VALUES (?, ?, ?, ?, ?)",
                    [(*key, name, fact) for name, fact in facts.items()],
                )
            return begun_by in facts

        return await self._database.write(work)

    async def close(self, window: Window) -> Mapping[bytes, int]:
        key = _key(window)

        def work(connection: sqlite3.Connection) -> dict[bytes, int]:
            connection.execute(
                "INSERT INTO windows (day, kind, domain, begun_by, closed) VALUES (?, ?, ?, '', 1)"
                " ON CONFLICT DO UPDATE SET closed = 1",
                key,
            )
            rows = connection.execute(
                f"SELECT fact, COUNT(*) FROM facts WHERE {_OF_WINDOW}"  # noqa: S608
                " GROUP BY fact ORDER BY COUNT(*) DESC, fact LIMIT ?",
                (*key, MOST_FACTS),
            )
            return dict(rows.fetchall())

        return await self._database.write(work)

    async def is_told(self, window: Window, to: str) -> bool:
        found = await self._database.read(
            lambda connection: connection.execute(
                f"SELECT 1 FROM told WHERE {_OF_WINDOW} AND url = ?",  # noqa: S608
                (*_key(window), to),
            ).fetchone()
        )
        return found is not None

    async def tell(self, window: Window, to: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR IGNORE INTO told (day, kind, domain, url) VALUES (?, ?, ?, ?)",
                (*_key(window), to),
            )

        await self._database.write(work)


def _key(window: Window) -> tuple[int, str, str]:
    return window.day.toordinal(), window.kind, window.domain
