"""MTA-STS policies of our domains in one SQLite file: a row for each."""

import sqlite3

from connectors.sqlite.database import Database

_FIND = "SELECT policy FROM sts_policies WHERE domain = ?"
_PUT = "INSERT OR REPLACE INTO sts_policies (domain, policy) VALUES (?, ?)"
_REMOVE = "DELETE FROM sts_policies WHERE domain = ?"


class SqliteStsPolicies:
    """The policies of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, opened with ``domain_rows.MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def of(self, domain: str) -> str | None:
        row = self._database.read_now(
            lambda connection: connection.execute(_FIND, (domain,)).fetchone()
        )
        return row[0] if row else None

    async def put(self, domain: str, text: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, (domain, text))

        await self._database.write(work)

    async def remove(self, domain: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_REMOVE, (domain,)).rowcount > 0

        return await self._database.write(work)
