"""Wishes to get no more mail, in Cassandra.

Changed by lightweight transactions: of two who ask at once one is first, and what came of it is
never overwritten by who asks late. A person asks now and then.
"""

from collections.abc import Sequence

import msgspec

from connectors.cassandra.session import CassandraSession
from topologies.ports.unsubscribes import Unsubscribe

_ASK = "INSERT INTO unsubscribes (user_id, email_id, kept) VALUES (?, ?, ?) IF NOT EXISTS"
_FIND = "SELECT kept FROM unsubscribes WHERE user_id = ? AND email_id = ?"
_ALL = "SELECT kept FROM unsubscribes WHERE user_id = ?"
_NOTE = "UPDATE unsubscribes SET kept = ? WHERE user_id = ? AND email_id = ? IF EXISTS"
_ERASE = "DELETE FROM unsubscribes WHERE user_id = ?"

_wish: msgspec.json.Decoder[Unsubscribe] = msgspec.json.Decoder(Unsubscribe)


class CassandraUnsubscribes:
    """The wishes of one deployment."""

    def __init__(self, session: CassandraSession) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session

    async def ask(self, wish: Unsubscribe) -> Unsubscribe:
        values = (wish.user_id, wish.email_id, msgspec.json.encode(wish))
        [[is_first, *_]] = await self._session.execute(_ASK, values)
        kept = None if is_first else await self.find(wish.user_id, wish.email_id)
        return kept or wish

    async def find(self, user_id: str, email_id: str) -> Unsubscribe | None:
        rows = await self._session.execute(_FIND, (user_id, email_id))
        return _wish.decode(rows[0][0]) if rows else None

    async def of(self, user_id: str) -> Sequence[Unsubscribe]:
        return [_wish.decode(row[0]) for row in await self._session.execute(_ALL, (user_id,))]

    async def note(self, wish: Unsubscribe) -> None:
        await self._session.execute(_NOTE, (msgspec.json.encode(wish), wish.user_id, wish.email_id))

    async def erase(self, user_id: str) -> None:
        await self._session.execute(_ERASE, (user_id,))
