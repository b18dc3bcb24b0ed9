"""Rules of users, and what was answered by them, in one SQLite file.

Writes and reads `rules.db`. The rules of a user are one row, so that a change of them is whole.
"""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.recent import Recent
from connectors.sqlite.database import Database
from topologies.ports.clock import Clock
from topologies.ports.rules import UserRules

MIGRATIONS = (
    """
    CREATE TABLE rules (
        user_id TEXT NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL,
        rules BLOB NOT NULL  -- JSON
    ) WITHOUT ROWID;
    CREATE TABLE answers (
        user_id TEXT NOT NULL,
        handle TEXT NOT NULL,
        mail_id TEXT NOT NULL,
        until_us INTEGER NOT NULL,
        PRIMARY KEY (user_id, handle)
    ) WITHOUT ROWID;
    CREATE INDEX answers_by_end ON answers (until_us);
    """,
)
FORGOTTEN_AT_ONCE = 16  # with each answer, so that forgetting keeps up and never takes long
KEPT_LONGER = timedelta(days=7)  # than its period: a replay may ask for the same answer again

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_rules: msgspec.json.Decoder[UserRules] = msgspec.json.Decoder(UserRules)


class SqliteRules:
    """The rules of one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database
        self._recent: Recent[str, UserRules] = Recent(clock)

    async def of(self, user_id: str) -> UserRules:
        known = self._recent.get(user_id)
        if known is None:
            known = (await self.read(user_id)).in_use
            self._recent.put(user_id, known)
        return known

    async def read(self, user_id: str) -> UserRules:
        return self._database.read_now(lambda connection: _read(connection, user_id))

    async def erase(self, user_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM rules WHERE user_id = ?", (user_id,))

        try:
            await self._database.write(work)
        finally:
            self._recent.clear()

    async def write(self, user_id: str, rules: UserRules) -> bool:
        kept = replace(rules, version=rules.version + 1)

        def work(connection: sqlite3.Connection) -> bool:
            if _read(connection, user_id).version != rules.version:
                return False
            connection.execute(
                "INSERT OR REPLACE INTO rules VALUES (?, ?, ?)",
                (user_id, kept.version, msgspec.json.encode(kept)),
            )
            return True

        try:
            return await self._database.write(work)
        finally:  # also when it was cancelled, since then it may be written all the same
            self._recent.clear()


class SqliteAnswers:
    """The answers of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def claim(
        self, user_id: str, handle: str, mail_id: str, *, at: datetime, period_s: int
    ) -> bool:
        at_us = (at - _EPOCH) // _MICROSECOND

        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                "SELECT mail_id, until_us FROM answers WHERE user_id = ? AND handle = ?",
                (user_id, handle),
            ).fetchone()
            if row is not None and row[0] == mail_id:
                return True
            if row is not None and row[1] > at_us:
                return False
            connection.execute(
                "DELETE FROM answers WHERE (user_id, handle) IN"
                " (SELECT user_id, handle FROM answers WHERE until_us < ?"
                " ORDER BY until_us LIMIT ?)",
                (at_us - KEPT_LONGER // _MICROSECOND, FORGOTTEN_AT_ONCE),
            )
            connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
                (user_id, handle, mail_id, at_us + period_s * 1_000_000),
            )
            return True

        return await self._database.write(work)


def _read(connection: sqlite3.Connection, user_id: str) -> UserRules:
    row = connection.execute("SELECT rules FROM rules WHERE user_id = ?", (user_id,)).fetchone()
    return _rules.decode(row[0]) if row else UserRules()
