"""Second factors in tables of `sending.db`, which its owner alone may read."""

import sqlite3
from collections.abc import Collection
from datetime import datetime

from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros, moment
from topologies.ports.second_factors import SecondFactor

_ONE = "SELECT secret, is_on, last_step, created_us FROM second_factors WHERE user_id = ?"
_RECOVERY = "SELECT code FROM recovery_codes WHERE user_id = ?"
_PUT = (
    "INSERT OR REPLACE INTO second_factors (user_id, secret, is_on, last_step, created_us)"
    " VALUES (?, ?, 0, 0, ?)"
)
_TURN_ON = (
    "UPDATE second_factors SET is_on = 1, last_step = ?"
    " WHERE user_id = ? AND secret = ? AND NOT is_on"
)
_USE_STEP = (
    "UPDATE second_factors SET last_step = ?1 WHERE user_id = ?2 AND is_on AND last_step < ?1"
)
_USE_RECOVERY = (
    "DELETE FROM recovery_codes WHERE user_id = ?1 AND code = ?2"
    " AND (SELECT is_on FROM second_factors WHERE user_id = ?1)"
)
_FORGET_RECOVERY = "DELETE FROM recovery_codes WHERE user_id = ?"
_FORGET = "DELETE FROM second_factors WHERE user_id = ?"


class SqliteSecondFactors:
    """The second factors of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, with the tables of ``sending_rows``; whoever opened it closes it."""
        self._database = database

    async def of(self, user_id: str) -> SecondFactor | None:
        return self._database.read_now(lambda c: _found(c, user_id))

    async def propose(
        self, user_id: str, secret: bytes, recovery: Collection[bytes], at: datetime
    ) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            kept = _found(connection, user_id)
            if kept is not None and kept.is_on:
                return False
            connection.execute(_PUT, [user_id, secret, micros(at)])
            connection.execute(_FORGET_RECOVERY, [user_id])
            connection.executemany(
                "INSERT INTO recovery_codes (user_id, code) VALUES (?, ?)",
                [(user_id, code) for code in recovery],
            )
            return True

        return await self._database.write(work)

    async def turn_on(self, user_id: str, secret: bytes, step: int) -> bool:
        return await self._changed(_TURN_ON, step, user_id, secret)

    async def use_step(self, user_id: str, step: int) -> bool:
        return await self._changed(_USE_STEP, step, user_id)

    async def use_recovery(self, user_id: str, code: bytes) -> bool:
        return await self._changed(_USE_RECOVERY, user_id, code)

    async def remove(self, user_id: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            connection.execute(_FORGET_RECOVERY, [user_id])
            return connection.execute(_FORGET, [user_id]).rowcount == 1

        return await self._database.write(work)

    async def _changed(self, statement: str, *values: str | int | bytes) -> bool:
        return await self._database.write(lambda c: c.execute(statement, values).rowcount == 1)


def _found(connection: sqlite3.Connection, user_id: str) -> SecondFactor | None:
    row = connection.execute(_ONE, [user_id]).fetchone()
    if row is None:
        return None
    secret, is_on, last_step, created_us = row
    return SecondFactor(
        user_id=user_id,
        secret=secret,
        is_on=bool(is_on),
        last_step=last_step,
        recovery=frozenset(code for [code] in connection.execute(_RECOVERY, [user_id])),
        created_at=moment(created_us),
    )
