"""Suppression lists in one SQLite file: a small row for each entry."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sqlite.database import Database
from topologies.mail import suppression as rules
from topologies.ports.suppressions import Suppression, SuppressionPage

MIGRATIONS = (
    """
    CREATE TABLE suppressions (
        owner TEXT NOT NULL,
        target TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        since_us INTEGER NOT NULL,
        until_us INTEGER,
        PRIMARY KEY (owner, target)
    ) WITHOUT ROWID;
    CREATE INDEX suppressions_by_end ON suppressions (until_us) WHERE until_us IS NOT NULL;
    """,
)
KEPT_AFTER = timedelta(days=30)  # so that who asks why is told
FORGOTTEN_AT_ONCE = 16  # with each entry, so that forgetting keeps up and never takes long

_COLUMNS = "owner, target, reason, detail, since_us, until_us"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SqliteSuppressions:
    """The lists of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def add(self, suppression: Suppression) -> Suppression:
        def work(connection: sqlite3.Connection) -> Suppression:
            kept = _find(connection, suppression.owner, suppression.target)
            stays = rules.stronger(kept, suppression)
            connection.execute(
                f"INSERT OR REPLACE INTO suppressions ({_COLUMNS})"  # noqa: S608  constants
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    stays.owner,
                    stays.target,
                    stays.reason,
                    stays.detail,
                    _us(stays.since),
                    _us(stays.until) if stays.until else None,
                ),
            )
            connection.execute(
                "DELETE FROM suppressions WHERE (owner, target) IN"
                " (SELECT owner, target FROM suppressions WHERE until_us < ?"
                " ORDER BY until_us LIMIT ?)",
                (_us(suppression.since - KEPT_AFTER), FORGOTTEN_AT_ONCE),
            )
            return stays

        return await self._database.write(work)

    async def remove(self, owner: str, target: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            gone = connection.execute(
                "DELETE FROM suppressions WHERE owner = ? AND target = ? RETURNING 1",
                (owner, target),
            ).fetchall()
            return bool(gone)

        return await self._database.write(work)

    async def among(
        self, owners: Sequence[str], targets: Sequence[str], at: datetime
    ) -> Mapping[str, Suppression]:
        def work(connection: sqlite3.Connection) -> Mapping[str, Suppression]:
            asked = [_find(connection, owner, each) for owner in owners for each in targets]
            return rules.first_that_holds(asked, at)

        return self._database.read_now(work)

    async def page(
        self, owner: str, *, limit: int = 100, cursor: str | None = None
    ) -> SuppressionPage:
        start = rules.target_after(cursor) if cursor is not None else ""
        rows = self._database.read_now(
            lambda connection: connection.execute(
                f"SELECT {_COLUMNS} FROM suppressions WHERE owner = ? AND target > ?"  # noqa: S608
                " ORDER BY target LIMIT ?",
                (owner, start, limit + 1),
            ).fetchall()
        )
        return rules.page_of([_entry(row) for row in rows], limit)


def _find(connection: sqlite3.Connection, owner: str, target: str) -> Suppression | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM suppressions WHERE owner = ? AND target = ?",  # noqa: S608
        (owner, target),
    ).fetchone()
    return _entry(row) if row else None


def _entry(row: tuple[Any, ...]) -> Suppression:
    owner, target, reason, detail, since_us, until_us = row
    return Suppression(
        owner=owner,
        target=target,
        reason=reason,
        detail=detail,
        since=_EPOCH + since_us * _MICROSECOND,
        until=None if until_us is None else _EPOCH + until_us * _MICROSECOND,
    )


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
