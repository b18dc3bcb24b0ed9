"""Contacts in one SQLite file: a small row for each, and up to which change a user's are learnt."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros, moment
from topologies.mail import contact_book as rules
from topologies.ports.contacts import MOST_CONTACTS, Contact

MIGRATIONS = (
    """
    CREATE TABLE contacts (
        user_id TEXT,
        key TEXT,
        address TEXT NOT NULL,
        name TEXT NOT NULL,
        own_name TEXT,  -- NULL: the user did not say
        uses INTEGER NOT NULL,
        used_us INTEGER NOT NULL,
        PRIMARY KEY (user_id, key)
    ) WITHOUT ROWID;
    CREATE TABLE learnt (
        user_id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
)
_COLUMNS = "key, address, name, own_name, uses, used_us"
_ALL = f"SELECT {_COLUMNS} FROM contacts WHERE user_id = ?"  # noqa: S608  constants, here and below
_ONE = f"{_ALL} AND key = ?"
_COUNT = "SELECT count(*) FROM contacts WHERE user_id = ?"
_PUT = (
    f"INSERT OR REPLACE INTO contacts (user_id, {_COLUMNS})"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_REMOVE = "DELETE FROM contacts WHERE user_id = ? AND key = ?"
_LEARNT = "SELECT seq FROM learnt WHERE user_id = ?"


class SqliteContacts:
    """The contacts of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def learn(self, user_id: str, seq: int, written_to: Sequence[Contact]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            learnt = connection.execute(_LEARNT, [user_id]).fetchone()
            if learnt is not None and seq <= learnt[0]:
                return
            connection.execute("INSERT OR REPLACE INTO learnt VALUES (?, ?)", [user_id, seq])
            asked = [_found(connection, user_id, each.key) for each in written_to]
            known = {each.key: each for each in asked if each is not None}
            for contact in rules.after(known, written_to):
                connection.execute(_PUT, _values(user_id, contact))
            if connection.execute(_COUNT, [user_id]).fetchone()[0] > MOST_CONTACTS:
                for contact in rules.falling_out(_all(connection, user_id)):
                    connection.execute(_REMOVE, [user_id, contact.key])

        await self._database.write(work)

    async def find(self, user_id: str, sought: str = "", *, limit: int = 50) -> Sequence[Contact]:
        kept = self._database.read_now(lambda connection: _all(connection, user_id))
        return rules.found(kept, sought, limit)

    async def rename(self, user_id: str, key: str, name: str) -> Contact | None:
        def work(connection: sqlite3.Connection) -> Contact | None:
            kept = _found(connection, user_id, key)
            if kept is None:
                return None
            renamed = replace(kept, own_name=name)
            connection.execute(_PUT, _values(user_id, renamed))
            return renamed

        return await self._database.write(work)

    async def remove(self, user_id: str, key: str) -> bool:
        return await self._database.write(
            lambda connection: connection.execute(_REMOVE, [user_id, key]).rowcount == 1
        )

    async def erase(self, user_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM contacts WHERE user_id = ?", [user_id])
            connection.execute("DELETE FROM learnt WHERE user_id = ?", [user_id])

        await self._database.write(work)


def _all(connection: sqlite3.Connection, user_id: str) -> list[Contact]:
    return [_contact(row) for row in connection.execute(_ALL, [user_id])]


def _found(connection: sqlite3.Connection, user_id: str, key: str) -> Contact | None:
    row = connection.execute(_ONE, [user_id, key]).fetchone()
    return _contact(row) if row else None


def _values(user_id: str, contact: Contact) -> Sequence[Any]:
    return (
        user_id,
        contact.key,
        contact.address,
        contact.name,
        contact.own_name,
        contact.uses,
        micros(contact.used_at),
    )


def _contact(row: Sequence[Any]) -> Contact:
    key, address, name, own_name, uses, used_us = row
    return Contact(
        key=key,
        address=address,
        name=name,
        own_name=own_name,
        uses=uses,
        used_at=moment(used_us),
    )
