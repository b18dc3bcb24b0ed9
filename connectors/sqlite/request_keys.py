"""Request keys in one SQLite file: small rows, forgotten after some days."""

import sqlite3
from datetime import UTC, datetime, timedelta

from connectors.sqlite.database import Database
from topologies.ports.request_keys import Claim

MIGRATIONS = (
    """
    CREATE TABLE claims (
        user_id TEXT NOT NULL,
        key TEXT NOT NULL,
        mail_id TEXT NOT NULL,
        submitted_us INTEGER NOT NULL,
        digest BLOB NOT NULL,
        PRIMARY KEY (user_id, key)
    ) WITHOUT ROWID;
    CREATE INDEX claims_by_age ON claims (submitted_us);
    """,
)
KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE = 16  # with each claim, so that forgetting keeps up and never takes long

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SqliteRequestKeys:
    """The keys of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def find(self, user_id: str, key: str) -> Claim | None:
        return self._database.read_now(lambda connection: _find(connection, user_id, key))

    async def claim(self, user_id: str, key: str, fresh: Claim) -> Claim:
        def work(connection: sqlite3.Connection) -> Claim:
            kept = _find(connection, user_id, key)
            if kept is not None:
                return kept
            submitted_us = (fresh.submitted_at - _EPOCH) // _MICROSECOND
            # Claims about mails that are sent later lie ahead: they make no other one old.
            now_us = (min(fresh.submitted_at, datetime.now(UTC)) - _EPOCH) // _MICROSECOND
            connection.execute(
                "DELETE FROM claims WHERE (user_id, key) IN"
                " (SELECT user_id, key FROM claims WHERE submitted_us < ?"
                " ORDER BY submitted_us LIMIT ?)",
                (now_us - KEPT // _MICROSECOND, FORGOTTEN_AT_ONCE),
            )
            connection.execute(
                "INSERT INTO claims VALUES (?, ?, ?, ?, ?)",
                (user_id, key, fresh.mail_id, submitted_us, fresh.digest),
            )
            return fresh

        return await self._database.write(work)


def _find(connection: sqlite3.Connection, user_id: str, key: str) -> Claim | None:
    row = connection.execute(
        "SELECT mail_id, submitted_us, digest FROM claims WHERE user_id = ? AND key = ?",
        (user_id, key),
    ).fetchone()
    if row is None:
        return None
    mail_id, submitted_us, digest = row
    return Claim(mail_id=mail_id, submitted_at=_EPOCH + submitted_us * _MICROSECOND, digest=digest)
