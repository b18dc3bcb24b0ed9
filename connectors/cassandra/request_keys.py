"""Request keys in Cassandra: each a partition of its own, which goes after some days.

A key is claimed by a lightweight transaction, the only one on the way of a mail, and only
of mails whose sender asked for it: who claims must be told what all others are told. Plain
writes that are read back can't have that, however they are ordered: one claimer reads
before the other writes, and both are right. To agree takes a round of consensus.
"""

from datetime import UTC, datetime, timedelta

from connectors.cassandra.request_keys_schema import KEPT_S
from connectors.cassandra.session import CassandraSession
from topologies.errors import Retryable
from topologies.ports.request_keys import Claim

_FIND = "SELECT mail_id, submitted_us, digest FROM request_keys WHERE user_id = ? AND key = ?"
_CLAIM = (
    "INSERT INTO request_keys (user_id, key, mail_id, submitted_us, digest)"
    " VALUES (?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class CassandraRequestKeys:
    """The keys of one deployment."""

    def __init__(self, session: CassandraSession) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session

    async def find(self, user_id: str, key: str) -> Claim | None:
        for mail_id, submitted_us, digest in await self._session.execute(_FIND, (user_id, key)):
            submitted_at = _EPOCH + submitted_us * _MICROSECOND
            return Claim(mail_id=mail_id, submitted_at=submitted_at, digest=digest)
        return None

    async def claim(self, user_id: str, key: str, fresh: Claim) -> Claim:
        submitted_us = (fresh.submitted_at - _EPOCH) // _MICROSECOND
        [[is_first, *_]] = await self._session.execute(
            _CLAIM, (user_id, key, fresh.mail_id, submitted_us, fresh.digest, _lives_s(fresh))
        )
        if is_first:
            return fresh
        # The driver may have asked twice: then what is kept is *fresh* all the same.
        if (kept := await self.find(user_id, key)) is None:
            raise Retryable("the request key was forgotten just now")
        return kept


def _lives_s(claim: Claim) -> int:
    """Return for how long *claim* is kept: longer if it is about a mail that is sent later."""
    ahead = claim.submitted_at - datetime.now(UTC)
    return KEPT_S + max(0, int(ahead.total_seconds()))
