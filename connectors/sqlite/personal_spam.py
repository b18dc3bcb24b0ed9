"""What users taught us about their mail, in one SQLite file.

Writes and reads `learnt.db`. What was learnt from a user is one row, with the number of the last
change in it, so that neither is ever without the other.
"""

import sqlite3

from connectors.learnt import decoded, encoded
from connectors.recent import Recent
from connectors.sqlite.database import Database
from topologies.ports.clock import Clock
from topologies.ports.personal_spam import Learnt

MIGRATIONS = (
    """
    CREATE TABLE learnt (
        user_id TEXT NOT NULL PRIMARY KEY,
        seq INTEGER NOT NULL,
        learnt BLOB NOT NULL
    );
    """,
)
_READ = "SELECT learnt FROM learnt WHERE user_id = ?"
_KEEP = (
    "INSERT INTO learnt (user_id, seq, learnt) VALUES (?, ?, ?) ON CONFLICT (user_id)"
    " DO UPDATE SET seq = excluded.seq, learnt = excluded.learnt WHERE excluded.seq >= seq"
)


class SqlitePersonalSpam:
    """What was learnt in one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database
        self._recent: Recent[str, Learnt] = Recent(clock)

    async def of(self, user_id: str) -> Learnt:
        known = self._recent.get(user_id)
        if known is None:
            known = await self.read(user_id)
            self._recent.put(user_id, known)
        return known

    async def read(self, user_id: str) -> Learnt:
        row = self._database.read_now(
            lambda connection: connection.execute(_READ, (user_id,)).fetchone()
        )
        return decoded(row[0]) if row else Learnt()

    async def erase(self, user_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM learnt WHERE user_id = ?", (user_id,))

        try:
            await self._database.write(work)
        finally:
            self._recent.forget(user_id)

    async def keep(self, user_id: str, learnt: Learnt) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_KEEP, (user_id, learnt.seq, encoded(learnt)))

        try:
            await self._database.write(work)
        finally:  # also when it was cancelled, since then it may be written all the same
            self._recent.forget(user_id)
