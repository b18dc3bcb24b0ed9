"""What is put off, in one SQLite file: a small row a mail."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros, moment
from topologies.ports.clock import Clock
from topologies.ports.snoozes import KEPT_AFTER, MOST_SNOOZED, Snooze

MIGRATIONS = (
    """
    CREATE TABLE snoozes (
        user_id TEXT,
        email_id TEXT,
        snooze_id TEXT NOT NULL,
        until_us INTEGER NOT NULL,
        folder_id TEXT NOT NULL,
        PRIMARY KEY (user_id, email_id)
    ) WITHOUT ROWID;
    CREATE INDEX snoozes_by_end ON snoozes (until_us);
    """,
)
FORGOTTEN_AT_ONCE = 16  # with each wish, so that forgetting keeps up and never takes long

_COLUMNS = "user_id, email_id, snooze_id, until_us, folder_id"
_MINE = f"SELECT {_COLUMNS} FROM snoozes WHERE user_id = ? AND until_us > ?"  # noqa: S608  constants
_COUNT = "SELECT count(*) FROM snoozes WHERE user_id = ? AND email_id != ? AND until_us > ?"
_FORGET = (
    "DELETE FROM snoozes WHERE (user_id, email_id) IN (SELECT user_id, email_id FROM snoozes"
    " WHERE until_us <= ? ORDER BY until_us LIMIT ?)"
)


class SqliteSnoozes:
    """The wishes of one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database
        self._clock = clock

    async def put(self, snooze: Snooze) -> None:
        over_us = self._over_us()

        def work(connection: sqlite3.Connection) -> None:
            others = connection.execute(_COUNT, (snooze.user_id, snooze.email_id, over_us))
            if others.fetchone()[0] >= MOST_SNOOZED:
                raise ValueError(f"at most {MOST_SNOOZED} mails can be put off")
            connection.execute(
                "INSERT OR REPLACE INTO snoozes VALUES (?, ?, ?, ?, ?)", _row(snooze)
            )
            connection.execute(_FORGET, (over_us, FORGOTTEN_AT_ONCE))

        await self._database.write(work)

    async def find(self, user_id: str, email_id: str) -> Snooze | None:
        over_us = self._over_us()
        row = self._database.read_now(
            lambda connection: connection.execute(
                f"{_MINE} AND email_id = ?", (user_id, over_us, email_id)
            ).fetchone()
        )
        return _snooze(row) if row else None

    async def of(self, user_id: str) -> Sequence[Snooze]:
        over_us = self._over_us()
        rows = self._database.read_now(
            lambda connection: connection.execute(
                f"{_MINE} ORDER BY until_us, email_id", (user_id, over_us)
            ).fetchall()
        )
        return [_snooze(row) for row in rows]

    async def remove(self, user_id: str, email_id: str, snooze_id: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            gone = connection.execute(
                "DELETE FROM snoozes WHERE user_id = ? AND email_id = ? AND snooze_id = ?",
                (user_id, email_id, snooze_id),
            )
            return gone.rowcount == 1

        return await self._database.write(work)

    async def erase(self, user_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM snoozes WHERE user_id = ?", [user_id])

        await self._database.write(work)

    def _over_us(self) -> int:
        return micros(self._clock.now() - KEPT_AFTER)


def _row(snooze: Snooze) -> Sequence[Any]:
    return (
        snooze.user_id,
        snooze.email_id,
        snooze.snooze_id,
        micros(snooze.until),
        snooze.folder_id,
    )


def _snooze(row: Sequence[Any]) -> Snooze:
    user_id, email_id, snooze_id, until_us, folder_id = row
    return Snooze(
        user_id=user_id,
        email_id=email_id,
        snooze_id=snooze_id,
        until=moment(until_us),
        folder_id=folder_id,
    )
