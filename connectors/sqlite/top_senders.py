"""Who sends most by the hour, in one SQLite file: a row for each sender and hour.

The last counts may be lost with a power cut; a replay of `tally_senders` brings them back.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.sqlite.database import Database
from topologies.events import SenderJudged
from topologies.mail.sender_windows import HOURS, counted, hour_of, packed, size, unpacked
from topologies.ports.top_senders import MOST_SHOWN, SenderCount

MIGRATIONS = (
    """
    CREATE TABLE windows (
        sender TEXT NOT NULL, hour INTEGER NOT NULL,
        mails TEXT NOT NULL, bad TEXT NOT NULL,
        mail_count INTEGER NOT NULL, bad_count INTEGER NOT NULL,
        PRIMARY KEY (sender, hour)) WITHOUT ROWID;
    CREATE INDEX windows_by_hour ON windows (hour, mail_count);
    """,
)
FORGOTTEN_AT_ONCE = 16  # with each mail, so that forgetting keeps up and never takes long


class SqliteTopSenders:
    """The windows of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def count(self, judged: SenderJudged) -> None:
        await self._database.write(lambda connection: _count(connection, judged))

    async def top(self, hour: datetime, limit: int = 20) -> Sequence[SenderCount]:
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT sender, mail_count, bad_count FROM windows WHERE hour = ?"
                " ORDER BY mail_count DESC, sender LIMIT ?",
                (hour_of(hour), min(limit, MOST_SHOWN)),
            ).fetchall()
        )
        return [SenderCount(sender=sender, mails=mails, bad=bad) for sender, mails, bad in rows]


def _count(connection: sqlite3.Connection, judged: SenderJudged) -> None:
    hour = hour_of(judged.judged_at)
    newest = connection.execute(
        "SELECT max(hour) FROM windows WHERE sender = ?", (judged.sender,)
    ).fetchone()[0]
    row: Any = connection.execute(
        "SELECT mails, bad FROM windows WHERE sender = ? AND hour = ?", (judged.sender, hour)
    ).fetchone()
    known = {hour: (unpacked(row[0]), unpacked(row[1]))} if row else {}
    if newest is not None:
        known.setdefault(newest, ((), ()))
    windows = counted(known, judged.judged_at, judged.mail_id, is_bad=judged.is_bad).get(hour)
    if windows is not None and windows != known.get(hour):
        mails, bad = windows
        connection.execute(
            "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?)",
            (judged.sender, hour, packed(mails), packed(bad), size(mails), size(bad)),
        )
    connection.execute(
        "DELETE FROM windows WHERE (sender, hour) IN (SELECT sender, hour FROM windows"
        " WHERE hour <= ? ORDER BY hour LIMIT ?)",
        (max(hour, newest or hour) - HOURS, FORGOTTEN_AT_ONCE),
    )
