"""Restraints in Cassandra: in a few partitions, since few users are restrained."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from connectors.cassandra.sending_times import micros, moment
from connectors.cassandra.session import CassandraSession
from connectors.recent import Recent
from topologies.ports.clock import Clock
from topologies.ports.restraints import Restraint

BUCKETS = 16

_COLUMNS = "user_id, kind, since_us, reason, until_us"
_ONE = f"SELECT {_COLUMNS} FROM restraints WHERE bucket = ? AND user_id = ?"  # noqa: S608  constants
_ALL = f"SELECT {_COLUMNS} FROM restraints WHERE bucket = ?"  # noqa: S608
_PUT = f"INSERT INTO restraints (bucket, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608
_LIFT = "DELETE FROM restraints WHERE bucket = ? AND user_id = ?"


class CassandraRestraints:
    """The restraints of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock
        self._known: Recent[str, tuple[Restraint, ...]] = Recent(clock)

    async def of(self, user_id: str) -> Restraint | None:
        known = self._known.get(user_id)
        if known is None:
            known = await self._kept(user_id)
            self._known.put(user_id, known)
        now = self._clock.now()
        return next((each for each in known if each.holds_at(now)), None)

    async def put(self, restraint: Restraint) -> None:
        now = self._clock.now()
        kept = await self._kept(restraint.user_id)
        # Two at once may let a throttling win; the next bad mail of that user puts it right.
        if any(each.kind == "suspended" and each.holds_at(now) for each in kept):
            return
        until = None if restraint.until is None else micros(restraint.until)
        user_id = restraint.user_id
        values = (user_id, restraint.kind, micros(restraint.since), restraint.reason, until)
        try:
            await self._session.execute(_PUT, (_bucket(user_id), *values))
        finally:
            self._known.clear()

    async def lift(self, user_id: str) -> bool:
        now = self._clock.now()
        kept = await self._kept(user_id)
        try:
            await self._session.execute(_LIFT, (_bucket(user_id), user_id))
        finally:
            self._known.clear()
        return any(each.holds_at(now) for each in kept)

    async def all(self) -> Sequence[Restraint]:
        now = self._clock.now()
        asked = [(_ALL, (bucket,)) for bucket in range(BUCKETS)]
        found = await self._session.execute_all(asked)
        kept = [_restraint(row) for rows in found for row in rows]
        return sorted((k for k in kept if k.holds_at(now)), key=lambda each: each.user_id)

    async def _kept(self, user_id: str) -> tuple[Restraint, ...]:
        rows = await self._session.execute(_ONE, (_bucket(user_id), user_id))
        return tuple(_restraint(row) for row in rows)


def _bucket(user_id: str) -> int:
    return crc32(user_id.encode()) % BUCKETS


def _restraint(row: Sequence[Any]) -> Restraint:
    user_id, kind, since_us, reason, until_us = row
    return Restraint(
        user_id=user_id,
        kind=kind,
        since=moment(since_us),
        reason=reason,
        until=None if until_us is None else moment(until_us),
    )
