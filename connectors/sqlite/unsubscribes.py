"""Wishes to get no more mail, in one SQLite file: a small row a mail."""

import sqlite3
from collections.abc import Sequence

import msgspec

from connectors.sqlite.database import Database
from topologies.ports.unsubscribes import Unsubscribe

MIGRATIONS = (
    """
    CREATE TABLE unsubscribes (
        user_id TEXT,
        email_id TEXT,
        kept BLOB NOT NULL,  -- JSON
        PRIMARY KEY (user_id, email_id)
    ) WITHOUT ROWID;
    """,
)
_FIND = "SELECT kept FROM unsubscribes WHERE user_id = ? AND email_id = ?"
_ALL = "SELECT kept FROM unsubscribes WHERE user_id = ? ORDER BY email_id"
_wish: msgspec.json.Decoder[Unsubscribe] = msgspec.json.Decoder(Unsubscribe)


class SqliteUnsubscribes:
    """The wishes of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def ask(self, wish: Unsubscribe) -> Unsubscribe:
        def work(connection: sqlite3.Connection) -> Unsubscribe:
            connection.execute(
                "INSERT OR IGNORE INTO unsubscribes VALUES (?, ?, ?)",
                (wish.user_id, wish.email_id, msgspec.json.encode(wish)),
            )
            row = connection.execute(_FIND, (wish.user_id, wish.email_id)).fetchone()
            return _wish.decode(row[0])

        return await self._database.write(work)

    async def find(self, user_id: str, email_id: str) -> Unsubscribe | None:
        row = self._database.read_now(
            lambda connection: connection.execute(_FIND, (user_id, email_id)).fetchone()
        )
        return _wish.decode(row[0]) if row else None

    async def of(self, user_id: str) -> Sequence[Unsubscribe]:
        rows = self._database.read_now(
            lambda connection: connection.execute(_ALL, (user_id,)).fetchall()
        )
        return [_wish.decode(row[0]) for row in rows]

    async def note(self, wish: Unsubscribe) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE unsubscribes SET kept = ? WHERE user_id = ? AND email_id = ?",
                (msgspec.json.encode(wish), wish.user_id, wish.email_id),
            )

        await self._database.write(work)

    async def erase(self, user_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM unsubscribes WHERE user_id = ?", [user_id])

        await self._database.write(work)
