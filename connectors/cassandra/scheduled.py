"""Mail that waits to be sent, in Cassandra: a user's is one partition, and goes by itself."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from connectors.cassandra.session import CassandraSession
from topologies.events import MailHeld
from topologies.mail import ids
from topologies.ports.clock import Clock
from topologies.ports.scheduled import KEPT_AFTER, MAX_SCHEDULED_PAGE

_PUT = "INSERT INTO scheduled (user_id, email_id, mail) VALUES (?, ?, ?) USING TTL ?"
_PAGE = "SELECT mail FROM scheduled WHERE user_id = ? AND email_id > ? LIMIT ?"
_REMOVE = "DELETE FROM scheduled WHERE user_id = ? AND email_id = ?"
_ERASE = "DELETE FROM scheduled WHERE user_id = ?"
_mails = msgspec.json.Decoder(MailHeld)


class CassandraScheduled:
    """What waits in one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock

    async def put(self, mail: MailHeld) -> None:
        left_s = (mail.due_at + KEPT_AFTER - self._clock.now()) // timedelta(seconds=1)
        email_id = ids.email_id(mail.mail_id, mail.user_id)
        row = mail.user_id, email_id, msgspec.json.encode(mail)
        await self._session.execute(_PUT, (*row, max(1, left_s)))

    async def page(
        self, user_id: str, *, after: str = "", limit: int = MAX_SCHEDULED_PAGE
    ) -> Sequence[MailHeld]:
        over = self._clock.now() - KEPT_AFTER
        rows = await self._session.execute(_PAGE, (user_id, after, limit))
        # Those that are over go by themselves: here is left out what a test's clock says is.
        return [each for (mail,) in rows if (each := _mails.decode(mail)).due_at > over]

    async def remove(self, user_id: str, email_id: str) -> None:
        await self._session.execute(_REMOVE, (user_id, email_id))

    async def erase(self, user_id: str) -> None:
        await self._session.execute(_ERASE, (user_id,))
