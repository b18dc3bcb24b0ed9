"""Mail that waits to be sent, in one SQLite file: a row a mail, forgotten some days after."""

import sqlite3
from collections.abc import Sequence

import msgspec

from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros
from topologies.events import MailHeld
from topologies.mail import ids
from topologies.ports.clock import Clock
from topologies.ports.scheduled import KEPT_AFTER, MAX_SCHEDULED_PAGE

MIGRATIONS = (
    """
    CREATE TABLE scheduled (
        user_id TEXT NOT NULL,
        email_id TEXT NOT NULL,
        due_us INTEGER NOT NULL,
        mail BLOB NOT NULL,
        PRIMARY KEY (user_id, email_id)
    );
    CREATE INDEX scheduled_by_end ON scheduled (due_us);
    """,
)
FORGOTTEN_AT_ONCE = 16  # with each mail, so that forgetting keeps up and never takes long

_PAGE = (
    "SELECT mail FROM scheduled WHERE user_id = ? AND email_id > ? AND due_us > ?"
    " ORDER BY email_id LIMIT ?"
)
_FORGET = (
    "DELETE FROM scheduled WHERE rowid IN"
    " (SELECT rowid FROM scheduled WHERE due_us <= ? ORDER BY due_us LIMIT ?)"
)
_mails = msgspec.json.Decoder(MailHeld)


class SqliteScheduled:
    """What waits in one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database
        self._clock = clock

    async def put(self, mail: MailHeld) -> None:
        email_id = ids.email_id(mail.mail_id, mail.user_id)
        row = mail.user_id, email_id, micros(mail.due_at), msgspec.json.encode(mail)
        over_us = self._over_us()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO scheduled VALUES (?, ?, ?, ?)", row)
            connection.execute(_FORGET, (over_us, FORGOTTEN_AT_ONCE))

        await self._database.write(work)

    async def page(
        self, user_id: str, *, after: str = "", limit: int = MAX_SCHEDULED_PAGE
    ) -> Sequence[MailHeld]:
        asked = user_id, after, self._over_us(), limit
        rows = self._database.read_now(
            lambda connection: connection.execute(_PAGE, asked).fetchall()
        )
        return [_mails.decode(mail) for (mail,) in rows]

    async def remove(self, user_id: str, email_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM scheduled WHERE user_id = ? AND email_id = ?", (user_id, email_id)
            )

        await self._database.write(work)

    async def erase(self, user_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM scheduled WHERE user_id = ?", [user_id])

        await self._database.write(work)

    def _over_us(self) -> int:
        return micros(self._clock.now() - KEPT_AFTER)
