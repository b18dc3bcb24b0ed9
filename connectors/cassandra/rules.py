"""Rules of users, and what was answered by them, in Cassandra.

Both are changed by lightweight transactions: of two who change the same rules one is told to look
again, and of two mails of one sender one is answered. Neither is on the way of most mail.
"""

from dataclasses import replace
from datetime import datetime

import msgspec

from connectors.cassandra.session import CassandraSession
from connectors.recent import Recent
from topologies.ports.clock import Clock
from topologies.ports.rules import UserRules

_READ = "SELECT rules FROM rules WHERE user_id = ?"
_FIRST = "INSERT INTO rules (user_id, version, rules) VALUES (?, ?, ?) IF NOT EXISTS"
_NEXT = "UPDATE rules SET version = ?, rules = ? WHERE user_id = ? IF version = ?"
_ERASE = "DELETE FROM rules WHERE user_id = ? IF EXISTS"  # as all changes of them
_CLAIM = "INSERT INTO answers (user_id, handle, mail_id) VALUES (?, ?, ?) IF NOT EXISTS USING TTL ?"
_CLAIMED = "SELECT mail_id FROM answers WHERE user_id = ? AND handle = ?"

_rules: msgspec.json.Decoder[UserRules] = msgspec.json.Decoder(UserRules)


class CassandraRules:
    """The rules of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock
        self._recent: Recent[str, UserRules] = Recent(clock)
        self._changes = 0

    async def of(self, user_id: str) -> UserRules:
        known = self._recent.get(user_id)
        if known is None:
            changes, now = self._changes, self._clock.now()
            known = (await self.read(user_id)).in_use
            if changes == self._changes:
                self._recent.put(user_id, known, now)
        return known

    async def read(self, user_id: str) -> UserRules:
        for [rules] in await self._session.execute(_READ, (user_id,)):
            return _rules.decode(rules) if rules else UserRules()
        return UserRules()

    async def erase(self, user_id: str) -> None:
        try:
            await self._session.execute(_ERASE, (user_id,))
        finally:
            self._changes += 1
            self._recent.clear()

    async def write(self, user_id: str, rules: UserRules) -> bool:
        kept = replace(rules, version=rules.version + 1)
        written = msgspec.json.encode(kept)
        try:
            if rules.version == 0:
                statement, values = _FIRST, (user_id, kept.version, written)
            else:
                statement, values = _NEXT, (kept.version, written, user_id, rules.version)
            [[is_done, *_]] = await self._session.execute(statement, values)
            # The driver may have asked twice, and the first time done it.
            return bool(is_done) or await self.read(user_id) == kept
        finally:
            self._changes += 1
            self._recent.clear()


class CassandraAnswers:
    """The answers of one deployment. Periods are by the cluster's clock."""

    def __init__(self, session: CassandraSession) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session

    async def claim(
        self,
        user_id: str,
        handle: str,
        mail_id: str,
        *,
        at: datetime,  # noqa: ARG002  the rows go by themselves
        period_s: int,
    ) -> bool:
        [[is_first, *_]] = await self._session.execute(
            _CLAIM, (user_id, handle, mail_id, max(1, period_s))
        )
        if is_first:
            return True
        rows = await self._session.execute(_CLAIMED, (user_id, handle))
        return any(answered == mail_id for [answered] in rows)
