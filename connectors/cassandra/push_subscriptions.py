"""Subscriptions of browsers, in Cassandra; their secrets sealed, if there is a secret."""

import base64
from collections.abc import Sequence

from connectors.cassandra.sending_times import micros, moment
from connectors.cassandra.session import CassandraSession, Row
from connectors.recent import Recent
from connectors.sealed_text import Seal
from topologies.ports.clock import Clock
from topologies.ports.push_subscriptions import MOST_OF_USER, PushSubscription

_COLUMNS = "subscription_id, endpoint, public_key, auth, name, created_us"
_ALL = f"SELECT {_COLUMNS} FROM push_subscriptions WHERE user_id = ?"  # noqa: S608  constants
_ONE = f"{_ALL} AND subscription_id = ?"
_PUT = f"INSERT INTO push_subscriptions (user_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_REMOVE = "DELETE FROM push_subscriptions WHERE user_id = ? AND subscription_id = ?"


class CassandraPushSubscriptions:
    """The subscriptions of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock, seal: Seal) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock
        self._seal = seal
        self._known: Recent[str, Sequence[PushSubscription]] = Recent(clock)

    async def put(self, subscription: PushSubscription) -> None:
        user_id = subscription.user_id
        auth = self._seal.sealed(base64.b64encode(subscription.auth).decode())
        try:
            await self._session.execute(
                _PUT,
                (
                    user_id,
                    subscription.subscription_id,
                    self._seal.sealed(subscription.endpoint),
                    subscription.public_key,
                    auth.encode(),
                    subscription.name,
                    micros(subscription.created_at),
                ),
            )
            # Two at once may leave one too many, which does no harm.
            for old in (await self.of(user_id))[:-MOST_OF_USER]:
                await self._session.execute(_REMOVE, (user_id, old.subscription_id))
        finally:
            self._known.forget(user_id)

    async def remove(self, user_id: str, subscription_id: str) -> bool:
        if not await self._session.execute(_ONE, (user_id, subscription_id)):
            return False
        try:
            await self._session.execute(_REMOVE, (user_id, subscription_id))
        finally:
            self._known.forget(user_id)
        return True

    async def of(self, user_id: str) -> Sequence[PushSubscription]:
        rows = await self._session.execute(_ALL, (user_id,))
        found = [self._subscription(user_id, row) for row in rows]
        return sorted(found, key=lambda each: (each.created_at, each.subscription_id))

    async def told(self, user_id: str) -> Sequence[PushSubscription]:
        known = self._known.get(user_id)
        if known is None:
            asked_at = self._clock.now()
            known = await self.of(user_id)
            self._known.put(user_id, known, asked_at)
        return known

    def _subscription(self, user_id: str, row: Row) -> PushSubscription:
        subscription_id, endpoint, public_key, auth, name, created_us = row
        return PushSubscription(
            subscription_id=subscription_id,
            user_id=user_id,
            endpoint=self._seal.opened(endpoint),
            public_key=bytes(public_key),
            auth=base64.b64decode(self._seal.opened(bytes(auth).decode())),
            name=name,
            created_at=moment(created_us),
        )
