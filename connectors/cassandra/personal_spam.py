"""What users taught us about their mail, in Cassandra: one row a user, of at most some 24 KB.

The number of the change that it was learnt from is the row's timestamp, so that a worker that
lost its partition can't undo what the next one learnt.
"""

from connectors.cassandra.session import CassandraSession
from connectors.learnt import decoded, encoded
from connectors.recent import Recent
from topologies.ports.clock import Clock
from topologies.ports.personal_spam import Learnt

_READ = "SELECT learnt FROM personal_spam WHERE user_id = ?"
_KEEP = "INSERT INTO personal_spam (user_id, learnt) VALUES (?, ?) USING TIMESTAMP ?"
_ERASE = "DELETE FROM personal_spam USING TIMESTAMP ? WHERE user_id = ?"
_LATER_THAN_ALL = 2**60  # numbers of changes


class CassandraPersonalSpam:
    """What was learnt in one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock
        self._recent: Recent[str, Learnt] = Recent(clock)

    async def of(self, user_id: str) -> Learnt:
        known = self._recent.get(user_id)
        if known is None:
            now = self._clock.now()
            known = await self.read(user_id)
            self._recent.put(user_id, known, now)
        return known

    async def read(self, user_id: str) -> Learnt:
        for [learnt] in await self._session.execute(_READ, (user_id,)):
            return decoded(learnt)
        return Learnt()

    async def erase(self, user_id: str) -> None:
        try:
            await self._session.execute(_ERASE, (_LATER_THAN_ALL, user_id))
        finally:
            self._recent.forget(user_id)

    async def keep(self, user_id: str, learnt: Learnt) -> None:
        try:
            await self._session.execute(_KEEP, (user_id, encoded(learnt), learnt.seq))
        finally:
            self._recent.forget(user_id)
