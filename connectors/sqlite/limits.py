"""Limits in one SQLite file: for the processes of one service, which share their counts.

Counts as ``connectors.memory.limits`` does, in slices of a window, so that a key needs few rows
however often it is hit. Keys are hashed, since they may hold addresses and be long. The last
counts may be lost with a power cut, which costs nobody a mail.
"""

import sqlite3
from hashlib import blake2b
from math import floor, inf

import structlog

from connectors.sqlite.database import PAGE_BYTES, Database
from topologies.errors import Retryable
from topologies.ports.clock import Clock
from topologies.ports.limits import Verdict

MIGRATIONS = (
    """
    CREATE TABLE counts (
        key BLOB NOT NULL, window_s REAL NOT NULL, slice INTEGER NOT NULL,
        count INTEGER NOT NULL, until_s REAL NOT NULL,
        PRIMARY KEY (key, window_s, slice)) WITHOUT ROWID;
    CREATE INDEX counts_by_end ON counts (until_s);
    """,
)
SLICES = 10  # of a window; the slice that began before it counts in full
FORGOTTEN_AT_ONCE = 16  # with each hit, so that forgetting keeps up and never takes long
LARGEST_BYTES = 64 * 1024**2  # of the file; beyond, those to be forgotten soonest are at once

_logger = structlog.get_logger("limits")


class SqliteLimits:
    """All counts of one service."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database
        self._clock = clock

    async def hit(self, key: str, limit: int, window_s: float) -> Verdict:
        now_s = self._clock.now().timestamp()
        try:
            return await self._database.write(
                lambda c: _hit(c, _named(key), limit, window_s, now_s)
            )
        except Retryable as error:
            _logger.warning("limits.not-counted", reason=str(error))
            return Verdict(allowed=True)

    async def take_back(self, key: str, window_s: float) -> None:
        try:
            await self._database.write(lambda c: _take_back(c, _named(key), window_s))
        except Retryable as error:
            _logger.warning("limits.not-counted", reason=str(error))


def _hit(
    connection: sqlite3.Connection, key: bytes, limit: int, window_s: float, now_s: float
) -> Verdict:
    slice_s = window_s / SLICES
    current = floor(now_s / slice_s)
    rows = connection.execute(
        "SELECT slice, count FROM counts WHERE key = ? AND window_s = ? AND slice >= ?"
        " ORDER BY slice",
        (key, window_s, current - SLICES),
    ).fetchall()
    total = sum(count for _, count in rows)
    if total < limit:
        connection.execute(
            "DELETE FROM counts WHERE (key, window_s, slice) IN (SELECT key, window_s, slice"
            " FROM counts WHERE until_s <= ? ORDER BY until_s LIMIT ?)",
            (inf if _is_full(connection) else now_s, FORGOTTEN_AT_ONCE),
        )
        connection.execute(
            "INSERT INTO counts VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET count = count + 1",
            (key, window_s, current, (current + SLICES + 1) * slice_s),
        )
        return Verdict(allowed=True, remaining=limit - total - 1)
    makes_room = current
    for at, count in rows:
        makes_room = at
        total -= count
        if total < limit:
            break
    return Verdict(allowed=False, retry_after_s=(makes_room + SLICES + 1) * slice_s - now_s)


def _take_back(connection: sqlite3.Connection, key: bytes, window_s: float) -> None:
    connection.execute(
        "UPDATE counts SET count = count - 1 WHERE key = ?1 AND window_s = ?2 AND slice ="
        " (SELECT max(slice) FROM counts WHERE key = ?1 AND window_s = ?2 AND count > 0)",
        (key, window_s),
    )


def _named(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _is_full(connection: sqlite3.Connection) -> bool:
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    [free] = connection.execute("PRAGMA freelist_count").fetchone()
    return (pages - free) * PAGE_BYTES > LARGEST_BYTES
