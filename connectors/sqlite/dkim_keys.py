"""DKIM keys in a table of `sending.db`, which its owner alone may read."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros, moment
from topologies.ports.dkim_keys import DkimKey

_COLUMNS = "domain, selector, algorithm, private_key, created_us, signs_from_us, signs_until_us"
_KEYS = f"SELECT {_COLUMNS} FROM dkim_keys WHERE domain = ? ORDER BY selector"  # noqa: S608  constants
_ADD = f"INSERT OR IGNORE INTO dkim_keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


class SqliteDkimKeys:
    """The keys of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, with the tables of ``sending_rows``; whoever opened it closes it."""
        self._database = database

    async def keys(self, domain: str) -> Sequence[DkimKey]:
        return self._database.read_now(lambda c: [_key(row) for row in c.execute(_KEYS, [domain])])

    async def add(self, key: DkimKey) -> bool:
        until = None if key.signs_until is None else micros(key.signs_until)
        values = [
            *(key.domain, key.selector, key.algorithm, key.private_key),
            *(micros(key.created_at), micros(key.signs_from), until),
        ]
        return await self._database.write(lambda c: c.execute(_ADD, values).rowcount == 1)

    async def end(self, domain: str, selector: str, at: datetime) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE dkim_keys SET signs_until_us = min(?, coalesce(signs_until_us, ?))"
                " WHERE domain = ? AND selector = ?",
                [micros(at), micros(at), domain, selector],
            )
            return changed.rowcount == 1

        return await self._database.write(work)

    async def remove(self, domain: str, selector: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            gone = connection.execute(
                "DELETE FROM dkim_keys WHERE domain = ? AND selector = ?", [domain, selector]
            )
            return gone.rowcount == 1

        return await self._database.write(work)


def _key(row: Sequence[Any]) -> DkimKey:
    domain, selector, algorithm, private_key, created_us, from_us, until_us = row
    return DkimKey(
        domain=domain,
        selector=selector,
        algorithm=algorithm,
        private_key=private_key,
        created_at=moment(created_us),
        signs_from=moment(from_us),
        signs_until=None if until_us is None else moment(until_us),
    )
