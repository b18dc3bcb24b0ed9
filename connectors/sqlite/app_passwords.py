"""App passwords in a table of `sending.db`, as hashes."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from connectors.app_password_text import hash_of, new_text
from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros, moment
from topologies.mail.ids import new_id
from topologies.ports.app_passwords import MOST_OF_USER, AppPassword


class SqliteAppPasswords:
    """The app passwords of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, with the tables of ``sending_rows``; whoever opened it closes it."""
        self._database = database

    async def add(self, user_id: str, name: str, at: datetime) -> tuple[AppPassword, str]:
        text = new_text()
        made = AppPassword(password_id=new_id(at), user_id=user_id, name=name, created_at=at)

        def work(connection: sqlite3.Connection) -> None:
            [count] = connection.execute(
                "SELECT count(*) FROM app_passwords WHERE user_id = ?", [user_id]
            ).fetchone()
            if count >= MOST_OF_USER:
                raise ValueError(f"a user has at most {MOST_OF_USER} app passwords")
            connection.execute(
                "INSERT INTO app_passwords (user_id, password, password_id, name, created_us)"
                " VALUES (?, ?, ?, ?, ?)",
                [user_id, hash_of(text), made.password_id, name, micros(at)],
            )

        await self._database.write(work)
        return made, text

    async def of(self, user_id: str) -> Sequence[AppPassword]:
        return self._database.read_now(
            lambda c: [
                AppPassword(password_id=one, user_id=user_id, name=name, created_at=moment(at))
                for one, name, at in c.execute(
                    "SELECT password_id, name, created_us FROM app_passwords"
                    " WHERE user_id = ? ORDER BY password_id",
                    [user_id],
                )
            ]
        )

    async def found(self, user_id: str, text: str) -> AppPassword | None:
        if (hashed := hash_of(text)) is None:
            return None
        row = self._database.read_now(
            lambda c: c.execute(
                "SELECT password_id, name, created_us FROM app_passwords"
                " WHERE user_id = ? AND password = ?",
                [user_id, hashed],
            ).fetchone()
        )
        if row is None:
            return None
        password_id, name, at = row
        return AppPassword(
            password_id=password_id, user_id=user_id, name=name, created_at=moment(at)
        )

    async def remove(self, user_id: str, password_id: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            gone = connection.execute(
                "DELETE FROM app_passwords WHERE user_id = ? AND password_id = ?",
                [user_id, password_id],
            )
            return gone.rowcount == 1

        return await self._database.write(work)
