"""What senders are to be told, in the SQLite file of deliveries, and forgotten as they are."""

import sqlite3
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from connectors.sqlite.database import Database
from connectors.sqlite.deliveries import FORGOTTEN_AT_ONCE, KEPT
from connectors.sqlite.deliveries_rows import moment_of, us
from topologies.events import DeliveryAttempted
from topologies.ports.tidings import Round

_OF_NAME = (
    "SELECT rounds.round, since_us FROM tidings JOIN rounds USING (mail_id, round)"
    " WHERE mail_id = ? AND name = ?"
)
_OPEN = "SELECT round, since_us FROM rounds WHERE mail_id = ? AND closed = 0"


class SqliteTidings:
    """The tidings of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, that of deliveries; whoever opened it closes it."""
        self._database = database

    async def gather(self, name: str, news: DeliveryAttempted) -> Round:
        value = msgspec.json.encode(news)

        def work(connection: sqlite3.Connection) -> Round:
            known = _round(connection, _OF_NAME, news.mail_id, name) or _round(
                connection, _OPEN, news.mail_id
            )
            begun = known or Round(name, news.attempted_at)
            submitted_us = us(news.submitted_at)
            if known is None:
                connection.execute(
                    "INSERT INTO rounds (mail_id, round, since_us) VALUES (?, ?, ?)",
                    (news.mail_id, name, us(news.attempted_at)),
                )
                _forget(connection, submitted_us - KEPT // timedelta(microseconds=1))
            connection.execute(
                "INSERT OR IGNORE INTO tidings VALUES (?, ?, ?, ?, ?)",
                (news.mail_id, name, begun.name, submitted_us, value),
            )
            return begun

        return await self._database.write(work)

    async def close(self, mail_id: str, round_name: str) -> Sequence[DeliveryAttempted]:
        def work(connection: sqlite3.Connection) -> list[bytes]:
            connection.execute(
                "UPDATE rounds SET closed = 1 WHERE mail_id = ? AND round = ?",
                (mail_id, round_name),
            )
            rows = connection.execute(
                "SELECT news FROM tidings WHERE mail_id = ? AND round = ? ORDER BY name",
                (mail_id, round_name),
            )
            return [news for (news,) in rows]

        kept = await self._database.write(work)
        return [msgspec.json.decode(news, type=DeliveryAttempted) for news in kept]


def _round(connection: sqlite3.Connection, statement: str, *values: str) -> Round | None:
    row = connection.execute(statement, values).fetchone()
    return Round(row[0], moment_of(row[1])) if row else None


def _forget(connection: sqlite3.Connection, before_us: int) -> None:
    old = connection.execute(
        "SELECT mail_id, name FROM tidings WHERE submitted_us < ? ORDER BY submitted_us LIMIT ?",
        (before_us, FORGOTTEN_AT_ONCE),
    ).fetchall()
    connection.executemany("DELETE FROM tidings WHERE mail_id = ? AND name = ?", old)
    connection.executemany("DELETE FROM rounds WHERE mail_id = ? AND round = ?", old)
