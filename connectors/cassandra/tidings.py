"""What senders are to be told, in Cassandra: rows of a mail that are added and never changed.

Whoever comes late writes what is there already, so no clock decides which of two writes counts.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.cassandra.session import CassandraSession
from topologies.events import DeliveryAttempted
from topologies.ports.tidings import Round

NEWS, CLOSED = "news", "closed"  # what a row is

_KEEP = "INSERT INTO tidings (mail_id, kind, name, round, since_us, told) VALUES (?, ?, ?, ?, ?, ?)"
_OF_MAIL = "SELECT kind, name, round, since_us FROM tidings WHERE mail_id = ?"
_NEWS = "SELECT round, told FROM tidings WHERE mail_id = ? AND kind = ?"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class CassandraTidings:
    """The tidings of one deployment."""

    def __init__(self, session: CassandraSession) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session

    async def gather(self, name: str, news: DeliveryAttempted) -> Round:
        rows = await self._session.execute(_OF_MAIL, (news.mail_id,))
        closed = {each for kind, each, _, _ in rows if kind == CLOSED}
        rounds = {each: Round(begun, _at(us)) for kind, each, begun, us in rows if kind == NEWS}
        if name in rounds:
            return rounds[name]
        opened = [each for each in rounds.values() if each.name not in closed]
        begun = min(opened, key=lambda each: each.name, default=Round(name, news.attempted_at))
        since_us = (begun.since - _EPOCH) // _MICROSECOND
        value = msgspec.json.encode(news)
        await self._session.execute(_KEEP, (news.mail_id, NEWS, name, begun.name, since_us, value))
        return begun

    async def close(self, mail_id: str, round_name: str) -> Sequence[DeliveryAttempted]:
        await self._session.execute(_KEEP, (mail_id, CLOSED, round_name, round_name, 0, b""))
        rows = await self._session.execute(_NEWS, (mail_id, NEWS))
        return [
            msgspec.json.decode(told, type=DeliveryAttempted)
            for kept_in, told in rows
            if kept_in == round_name
        ]


def _at(us: int) -> datetime:
    return _EPOCH + us * _MICROSECOND
