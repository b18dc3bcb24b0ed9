"""Who was here before, in one SQLite file: small rows, forgotten when their time is over."""

import sqlite3
from datetime import UTC, datetime, timedelta

from connectors.sqlite.database import Database
from topologies.ports.clock import Clock

MIGRATIONS = (
    """
    CREATE TABLE seen (
        key TEXT NOT NULL PRIMARY KEY,
        first_us INTEGER NOT NULL,
        until_us INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX seen_by_end ON seen (until_us);
    """,
)
FORGOTTEN_AT_ONCE = 16  # with each write, so that forgetting keeps up and never takes long
SLACK = 10  # a tenth: what is kept nearly as long as wished is not written again

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SqliteSeen:
    """What one deployment saw."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database
        self._clock = clock

    async def when(self, key: str) -> datetime | None:
        row = self._database.read_now(lambda connection: _find(connection, key, self._now_us()))
        return _EPOCH + row[0] * _MICROSECOND if row else None

    async def see(self, key: str, kept_s: float) -> datetime:
        now_us = self._now_us()
        kept_us = round(kept_s * 1_000_000)
        row = self._database.read_now(lambda connection: _find(connection, key, now_us))
        if row is None or row[1] < now_us + kept_us - kept_us // SLACK:
            first_us = await self._database.write(
                lambda connection: _see(connection, key, now_us, now_us + kept_us)
            )
        else:
            first_us = row[0]
        return _EPOCH + first_us * _MICROSECOND

    def _now_us(self) -> int:
        return (self._clock.now() - _EPOCH) // _MICROSECOND


def _find(connection: sqlite3.Connection, key: str, now_us: int) -> tuple[int, int] | None:
    return connection.execute(
        "SELECT first_us, until_us FROM seen WHERE key = ? AND until_us > ?", (key, now_us)
    ).fetchone()


def _see(connection: sqlite3.Connection, key: str, now_us: int, until_us: int) -> int:
    connection.execute(
        "DELETE FROM seen WHERE key IN"
        " (SELECT key FROM seen WHERE until_us <= ? ORDER BY until_us LIMIT ?)",
        (now_us, FORGOTTEN_AT_ONCE),
    )
    [first_us] = connection.execute(
        "INSERT INTO seen VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET"
        " first_us = CASE WHEN until_us > ?2 THEN first_us ELSE ?2 END,"
        " until_us = CASE WHEN until_us > ?2 THEN MAX(until_us, ?3) ELSE ?3 END"
        " RETURNING first_us",
        (key, now_us, until_us),
    ).fetchone()
    return first_us
