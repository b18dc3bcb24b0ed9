"""Restraints in a table of `sending.db`."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros, moment
from topologies.ports.clock import Clock
from topologies.ports.restraints import Restraint

_COLUMNS = "user_id, kind, since_us, reason, until_us"
_ONE = f"SELECT {_COLUMNS} FROM restraints WHERE user_id = ?"  # noqa: S608  constants, here and below
_ALL = f"SELECT {_COLUMNS} FROM restraints ORDER BY user_id"  # noqa: S608
_PUT = f"INSERT OR REPLACE INTO restraints ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608


class SqliteRestraints:
    """The restraints of one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, with the tables of ``sending_rows``; whoever opened it closes it."""
        self._database = database
        self._clock = clock

    async def of(self, user_id: str) -> Restraint | None:
        row = self._database.read_now(lambda c: c.execute(_ONE, [user_id]).fetchone())
        kept = _restraint(row) if row else None
        return kept if kept is not None and kept.holds_at(self._clock.now()) else None

    async def put(self, restraint: Restraint) -> None:
        now = self._clock.now()
        until = None if restraint.until is None else micros(restraint.until)
        values = [
            *(restraint.user_id, restraint.kind, micros(restraint.since)),
            *(restraint.reason, until),
        ]

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute(_ONE, [restraint.user_id]).fetchone()
            known = _restraint(row) if row else None
            if known is None or known.kind != "suspended" or not known.holds_at(now):
                connection.execute(_PUT, values)

        await self._database.write(work)

    async def lift(self, user_id: str) -> bool:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute(_ONE, [user_id]).fetchone()
            connection.execute("DELETE FROM restraints WHERE user_id = ?", [user_id])
            return row is not None and _restraint(row).holds_at(now)

        return await self._database.write(work)

    async def all(self) -> Sequence[Restraint]:
        now = self._clock.now()
        kept = await self._database.read(lambda c: [_restraint(row) for row in c.execute(_ALL)])
        return [each for each in kept if each.holds_at(now)]


def _restraint(row: Sequence[Any]) -> Restraint:
    user_id, kind, since_us, reason, until_us = row
    return Restraint(
        user_id=user_id,
        kind=kind,
        since=moment(since_us),
        reason=reason,
        until=None if until_us is None else moment(until_us),
    )
