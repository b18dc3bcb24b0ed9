"""Webhooks and what they answered, in a SQLite file that its owner alone may read."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors import webhook_rows as rows
from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros, moment
from topologies.ports.webhooks import MOST_OF_OWNER, TEST, Webhook, WebhookAttempt

MIGRATIONS = (
    """
    CREATE TABLE webhooks (
        owner TEXT,
        webhook_id TEXT,
        kept BLOB NOT NULL,  -- JSON, with the secrets
        disabled_us INTEGER,
        disabled_why TEXT NOT NULL,
        failing_since_us INTEGER,
        failures INTEGER NOT NULL,
        PRIMARY KEY (owner, webhook_id)
    ) WITHOUT ROWID;
    CREATE TABLE attempts (
        message_id TEXT,
        attempt INTEGER,
        webhook_id TEXT NOT NULL,
        attempted_us INTEGER NOT NULL,
        kept BLOB NOT NULL,  -- JSON
        PRIMARY KEY (message_id, attempt)
    ) WITHOUT ROWID;
    CREATE INDEX attempts_by_webhook ON attempts (webhook_id, attempted_us);
    CREATE INDEX attempts_by_time ON attempts (attempted_us);
    """,
)
KEPT_FOR = timedelta(days=7)
FORGOTTEN_AT_ONCE = 16  # with each attempt, so that forgetting keeps up and never takes long

_COLUMNS = "kept, disabled_us, disabled_why, failing_since_us, failures"
_ONE = f"SELECT {_COLUMNS} FROM webhooks WHERE owner = ? AND webhook_id = ?"  # noqa: S608  constants
_ALL = f"SELECT {_COLUMNS} FROM webhooks WHERE owner = ? ORDER BY webhook_id"  # noqa: S608
_PUT = (
    f"INSERT OR REPLACE INTO webhooks (owner, webhook_id, {_COLUMNS})"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_NOTE = (
    "INSERT OR IGNORE INTO attempts (message_id, attempt, webhook_id, attempted_us, kept)"
    " VALUES (?, ?, ?, ?, ?)"
)
_WELL = (
    "UPDATE webhooks SET failing_since_us = NULL, failures = 0"
    " WHERE owner = ? AND webhook_id = ? AND failing_since_us IS NOT NULL"
)
_ILL = (
    "UPDATE webhooks SET failing_since_us = coalesce(failing_since_us, ?), failures = failures + 1"
    " WHERE owner = ? AND webhook_id = ?"
)
_FORGET = (
    "DELETE FROM attempts WHERE (message_id, attempt) IN (SELECT message_id, attempt FROM attempts"
    " WHERE attempted_us < ? ORDER BY attempted_us LIMIT ?)"
)


class SqliteWebhooks:
    """The webhooks of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def add(self, webhook: Webhook) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if len(connection.execute(_ALL, [webhook.owner]).fetchall()) >= MOST_OF_OWNER:
                raise ValueError(f"there may be {MOST_OF_OWNER} webhooks at most")
            connection.execute(_PUT, _values(webhook))

        await self._database.write(work)

    async def put(self, webhook: Webhook) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute(_ONE, [webhook.owner, webhook.webhook_id]).fetchone() is None:
                return False
            connection.execute(_PUT, _values(webhook))
            return True

        return await self._database.write(work)

    async def remove(self, owner: str, webhook_id: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            gone = connection.execute(
                "DELETE FROM webhooks WHERE owner = ? AND webhook_id = ?", [owner, webhook_id]
            )
            return gone.rowcount == 1

        return await self._database.write(work)

    async def of(self, owner: str) -> Sequence[Webhook]:
        return self._database.read_now(
            lambda connection: [_webhook(row) for row in connection.execute(_ALL, [owner])]
        )

    async def told(self, owner: str) -> Sequence[Webhook]:
        return [each for each in await self.of(owner) if each.is_enabled]

    async def find(self, owner: str, webhook_id: str) -> Webhook | None:
        row = self._database.read_now(
            lambda connection: connection.execute(_ONE, [owner, webhook_id]).fetchone()
        )
        return _webhook(row) if row else None

    async def disable(self, owner: str, webhook_id: str, at: datetime, why: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute(_ONE, [owner, webhook_id]).fetchone()
            known = _webhook(row) if row else None
            if known is not None and known.is_enabled and known.enabled_at <= at:
                disabled = replace(known, disabled_at=at, disabled_why=why)
                connection.execute(_PUT, _values(disabled))

        await self._database.write(work)

    async def attempt(self, message_id: str, attempt: int) -> WebhookAttempt | None:
        row = self._database.read_now(
            lambda connection: connection.execute(
                "SELECT kept FROM attempts WHERE message_id = ? AND attempt = ?",
                [message_id, attempt],
            ).fetchone()
        )
        return rows.attempt_read(row[0]) if row else None

    async def note(self, webhook: Webhook, attempt: WebhookAttempt) -> None:
        at_us, place = micros(attempt.attempted_at), [webhook.owner, webhook.webhook_id]
        kept = rows.attempt_kept(attempt)

        def work(connection: sqlite3.Connection) -> None:
            noted = connection.execute(
                _NOTE, [attempt.message_id, attempt.attempt, attempt.webhook_id, at_us, kept]
            )
            if noted.rowcount == 1 and attempt.type != TEST:
                if attempt.is_success:
                    connection.execute(_WELL, place)
                else:
                    connection.execute(_ILL, [at_us, *place])
            connection.execute(
                _FORGET, [micros(attempt.attempted_at - KEPT_FOR), FORGOTTEN_AT_ONCE]
            )

        await self._database.write(work)

    async def attempts(self, webhook_id: str, *, limit: int = 50) -> Sequence[WebhookAttempt]:
        found = self._database.read_now(
            lambda connection: connection.execute(
                "SELECT kept FROM attempts WHERE webhook_id = ?"
                " ORDER BY attempted_us DESC, message_id DESC, attempt DESC LIMIT ?",
                [webhook_id, limit],
            ).fetchall()
        )
        return [rows.attempt_read(kept) for [kept] in found]


def _values(webhook: Webhook) -> Sequence[Any]:
    return (
        webhook.owner,
        webhook.webhook_id,
        rows.kept(webhook),
        None if webhook.disabled_at is None else micros(webhook.disabled_at),
        webhook.disabled_why,
        None if webhook.failing_since is None else micros(webhook.failing_since),
        webhook.failures,
    )


def _webhook(row: Sequence[Any]) -> Webhook:
    kept, disabled_us, disabled_why, failing_since_us, failures = row
    return replace(
        rows.read(kept),
        disabled_at=None if disabled_us is None else moment(disabled_us),
        disabled_why=disabled_why,
        failing_since=None if failing_since_us is None else moment(failing_since_us),
        failures=failures,
    )
