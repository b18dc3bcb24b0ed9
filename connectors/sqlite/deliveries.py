"""What became of mail for others, in one SQLite file: small rows, forgotten after some months."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.sqlite.database import Database
from connectors.sqlite.deliveries_rows import COLUMNS, delivery_of, us, values_of
from topologies.events import DeliveryAttempted, DeliveryDue, RecipientResult
from topologies.mail import delivery_state
from topologies.ports.deliveries import KEPT, Delivery, Order, Orders, QueueFilter, QueuePage

MIGRATIONS = (
    """
    CREATE TABLE deliveries (
        delivery_id TEXT NOT NULL PRIMARY KEY,
        mail_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        mail_from TEXT NOT NULL,
        destination TEXT NOT NULL,
        kind TEXT NOT NULL,
        submitted_us INTEGER NOT NULL,
        told_order TEXT NOT NULL DEFAULT 'go',
        listed INTEGER NOT NULL DEFAULT 0,
        recipients BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX deliveries_of_mail ON deliveries (mail_id);
    CREATE INDEX deliveries_by_age ON deliveries (submitted_us);
    CREATE INDEX deliveries_queued
        ON deliveries (listed, submitted_us, delivery_id) WHERE listed > 0;
    CREATE INDEX deliveries_queued_to
        ON deliveries (listed, destination, submitted_us, delivery_id) WHERE listed > 0;
    CREATE TABLE attempts (
        delivery_id TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        results BLOB NOT NULL,
        PRIMARY KEY (delivery_id, attempt)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE deliveries ADD COLUMN via TEXT NOT NULL DEFAULT '';
    CREATE TABLE tidings (
        mail_id TEXT NOT NULL,
        name TEXT NOT NULL,
        round TEXT NOT NULL,
        submitted_us INTEGER NOT NULL,
        news BLOB NOT NULL,
        PRIMARY KEY (mail_id, name)
    ) WITHOUT ROWID;
    CREATE INDEX tidings_by_age ON tidings (submitted_us);
    CREATE TABLE rounds (
        mail_id TEXT NOT NULL,
        round TEXT NOT NULL,
        since_us INTEGER NOT NULL,
        closed INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (mail_id, round)
    ) WITHOUT ROWID;
    CREATE INDEX open_rounds ON rounds (mail_id) WHERE closed = 0;
    """,
)
FORGOTTEN_AT_ONCE = 16  # with each mail, so that forgetting keeps up and never takes long
LOOKED_AT = 2_000  # rows for one page: a filter that fits few ends it early

# What operators look for; all else they find by its mail.
UNLISTED, FAILED, WAITING = 0, 1, 2

_INSERT = (
    f"INSERT INTO deliveries ({COLUMNS}, listed)"  # noqa: S608  constants
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class SqliteDeliveries:
    """The deliveries of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def orders(self, due: DeliveryDue) -> Orders:
        row = self._one(
            "SELECT told_order, via FROM deliveries WHERE delivery_id = ?", due.delivery_id
        )
        return Orders(*row) if row else Orders()

    async def told(self, delivery_id: str, attempt: int) -> tuple[RecipientResult, ...] | None:
        row = self._one(
            "SELECT results FROM attempts WHERE delivery_id = ? AND attempt = ?",
            delivery_id,
            attempt,
        )
        return msgspec.json.decode(row[0], type=tuple[RecipientResult, ...]) if row else None

    async def tell(self, attempted: DeliveryAttempted) -> None:
        results = msgspec.json.encode(attempted.results)
        news = delivery_state.after(attempted)

        def work(connection: sqlite3.Connection) -> None:
            if not attempted.is_late:
                connection.execute(
                    "INSERT OR IGNORE INTO attempts VALUES (?, ?, ?)",
                    (attempted.delivery_id, attempted.attempt, results),
                )
            _keep(connection, news)

        await self._database.write(work)

    async def expect(self, due: DeliveryDue) -> None:
        news = delivery_state.begun(due)
        await self._database.write(lambda connection: _keep(connection, news))

    async def of_mail(self, mail_id: str) -> Sequence[Delivery]:
        rows = self._database.read_now(
            lambda connection: connection.execute(
                f"SELECT {COLUMNS} FROM deliveries WHERE mail_id = ?"  # noqa: S608  constants
                " ORDER BY destination, delivery_id",
                (mail_id,),
            ).fetchall()
        )
        return [delivery_of(row) for row in rows]

    async def find(self, delivery_id: str) -> Delivery | None:
        return self._database.read_now(lambda connection: _find(connection, delivery_id))

    async def give(self, delivery_id: str, order: Order) -> bool:
        return await self._change(delivery_id, "told_order", order)

    async def reroute(self, delivery_id: str, via: str) -> bool:
        return await self._change(delivery_id, "via", via)

    async def queue(
        self, wanted: QueueFilter, *, limit: int = 100, cursor: str | None = None
    ) -> QueuePage:
        start = delivery_state.place_of(cursor) if cursor is not None else None
        rows = await self._database.read(lambda connection: _queued(connection, wanted, start))
        found: list[Delivery] = []
        for row in rows:
            delivery = delivery_of(row)
            if wanted.lets(delivery):
                if len(found) == limit:  # one more than fits: so there is a next page
                    last = found[-1]
                    return QueuePage(deliveries=tuple(found), next_cursor=_cursor(last))
                found.append(delivery)
        is_end = len(rows) < LOOKED_AT
        next_cursor = None if is_end else _cursor(delivery_of(rows[-1]))
        return QueuePage(deliveries=tuple(found), next_cursor=next_cursor)

    async def _change(self, delivery_id: str, column: str, value: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            known = _find(connection, delivery_id)
            if known is None or not known.is_open:
                return False
            connection.execute(
                f"UPDATE deliveries SET {column} = ?, listed = ?"  # noqa: S608  constants
                " WHERE delivery_id = ?",
                (value, WAITING, delivery_id),
            )
            return True

        return await self._database.write(work)

    def _one(self, statement: str, *values: object) -> Any:
        return self._database.read_now(
            lambda connection: connection.execute(statement, values).fetchone()
        )


def _keep(connection: sqlite3.Connection, news: Delivery) -> None:
    known = _find(connection, news.delivery_id)
    if known is None:
        connection.execute(_INSERT, (*values_of(news), _listed(news)))
        _forget(connection, us(news.submitted_at) - KEPT // timedelta(microseconds=1))
        return
    recipients = delivery_state.merged(known.recipients, news.recipients)
    if recipients != known.recipients:
        connection.execute(
            "UPDATE deliveries SET recipients = ?, listed = ? WHERE delivery_id = ?",
            (
                msgspec.json.encode(recipients),
                _listed(replace(known, recipients=recipients)),
                news.delivery_id,
            ),
        )


def _listed(delivery: Delivery) -> int:
    if delivery.is_open:
        is_ordered = delivery.order != "go" or bool(delivery.via)
        is_seen = delivery_state.is_listed(delivery) or is_ordered
        return WAITING if is_seen else UNLISTED
    return FAILED if delivery_state.is_listed(delivery) else UNLISTED


def _forget(connection: sqlite3.Connection, before_us: int) -> None:
    old = connection.execute(
        "SELECT delivery_id FROM deliveries WHERE submitted_us < ? ORDER BY submitted_us LIMIT ?",
        (before_us, FORGOTTEN_AT_ONCE),
    ).fetchall()
    connection.executemany("DELETE FROM attempts WHERE delivery_id = ?", old)
    connection.executemany("DELETE FROM deliveries WHERE delivery_id = ?", old)


def _find(connection: sqlite3.Connection, delivery_id: str) -> Delivery | None:
    row = connection.execute(
        f"SELECT {COLUMNS} FROM deliveries WHERE delivery_id = ?",  # noqa: S608  constants
        (delivery_id,),
    ).fetchone()
    return delivery_of(row) if row else None


def _queued(
    connection: sqlite3.Connection, wanted: QueueFilter, start: tuple[datetime, str] | None
) -> list[tuple[Any, ...]]:
    listed = FAILED if wanted.state == "failed" else WAITING
    conditions, values = ["listed = ?", "listed > 0"], list[object]([listed])
    if wanted.destination:
        conditions.append("destination = ?")
        values.append(wanted.destination)
    if start is not None:
        conditions.append("(submitted_us, delivery_id) > (?, ?)")
        values += [us(start[0]), start[1]]
    if wanted.submitted_before is not None:
        conditions.append("submitted_us < ?")
        values.append(us(wanted.submitted_before))
    return connection.execute(
        f"SELECT {COLUMNS} FROM deliveries WHERE {' AND '.join(conditions)}"  # noqa: S608  constants
        " ORDER BY submitted_us, delivery_id LIMIT ?",
        (*values, LOOKED_AT),
    ).fetchall()


def _cursor(delivery: Delivery) -> str:
    return delivery_state.cursor_of(delivery.submitted_at, delivery.delivery_id)
