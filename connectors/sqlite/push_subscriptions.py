"""Subscriptions of browsers, in a SQLite file that its owner alone may read."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import micros, moment
from topologies.ports.push_subscriptions import MOST_OF_USER, PushSubscription

MIGRATIONS = (
    """
    CREATE TABLE push_subscriptions (
        user_id TEXT,
        subscription_id TEXT,
        endpoint TEXT NOT NULL,
        public_key BLOB NOT NULL,
        auth BLOB NOT NULL,
        name TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        PRIMARY KEY (user_id, subscription_id)
    ) WITHOUT ROWID;
    """,
)

_COLUMNS = "user_id, subscription_id, endpoint, public_key, auth, name, created_us"
_ALL = (
    f"SELECT {_COLUMNS} FROM push_subscriptions WHERE user_id = ?"  # noqa: S608  constants
    " ORDER BY created_us, subscription_id"
)
_PUT = f"INSERT OR REPLACE INTO push_subscriptions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_REMOVE = "DELETE FROM push_subscriptions WHERE user_id = ? AND subscription_id = ?"


class SqlitePushSubscriptions:
    """The subscriptions of one deployment."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``; whoever opened it closes it."""
        self._database = database

    async def put(self, subscription: PushSubscription) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                _PUT,
                (
                    subscription.user_id,
                    subscription.subscription_id,
                    subscription.endpoint,
                    subscription.public_key,
                    subscription.auth,
                    subscription.name,
                    micros(subscription.created_at),
                ),
            )
            kept = connection.execute(_ALL, (subscription.user_id,)).fetchall()
            for user_id, subscription_id, *_ in kept[:-MOST_OF_USER]:
                connection.execute(_REMOVE, (user_id, subscription_id))

        await self._database.write(work)

    async def remove(self, user_id: str, subscription_id: str) -> bool:
        return await self._database.write(
            lambda connection: connection.execute(_REMOVE, (user_id, subscription_id)).rowcount == 1
        )

    async def of(self, user_id: str) -> Sequence[PushSubscription]:
        return self._database.read_now(
            lambda connection: [_subscription(row) for row in connection.execute(_ALL, (user_id,))]
        )

    async def told(self, user_id: str) -> Sequence[PushSubscription]:
        return await self.of(user_id)


def _subscription(row: tuple[Any, ...]) -> PushSubscription:
    user_id, subscription_id, endpoint, public_key, auth, name, created_us = row
    return PushSubscription(
        subscription_id=subscription_id,
        user_id=user_id,
        endpoint=endpoint,
        public_key=bytes(public_key),
        auth=bytes(auth),
        name=name,
        created_at=moment(created_us),
    )
