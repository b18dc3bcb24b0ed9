"""Suppression lists in Cassandra.

Of two who add the same address at once the later one wins, whichever holds for longer: what is
added is added again by the next mail that comes back.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from connectors.cassandra.session import CassandraSession, Row
from connectors.cassandra.suppressions_schema import BUCKETS, KEPT_AFTER_S
from topologies.mail import suppression as rules
from topologies.ports.clock import Clock
from topologies.ports.suppressions import Suppression, SuppressionPage

LONGEST_S = 20 * 365 * 86_400  # that Cassandra keeps anything for a time

_COLUMNS = "owner, target, reason, detail, since_us, until_us"
_ADD = (
    "INSERT INTO suppressions (owner, bucket, target, reason, detail, since_us, until_us)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL ?"
)
_REMOVE = "DELETE FROM suppressions WHERE owner = ? AND bucket = ? AND target = ?"
_FIND = (
    f"SELECT {_COLUMNS} FROM suppressions"  # noqa: S608  constants, here and below
    " WHERE owner = ? AND bucket = ? AND target = ?"
)
_PAGE = (
    f"SELECT {_COLUMNS} FROM suppressions"  # noqa: S608
    " WHERE owner = ? AND bucket = ? AND target > ? LIMIT ?"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class CassandraSuppressions:
    """The lists of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock

    async def add(self, suppression: Suppression) -> Suppression:
        kept = await self._find(suppression.owner, suppression.target)
        stays = rules.stronger(kept, suppression)
        left_s = 0  # for ever
        if stays.until is not None:
            left_s = KEPT_AFTER_S + (stays.until - self._clock.now()) // timedelta(seconds=1)
            if left_s <= 0:
                return stays
        await self._session.execute(
            _ADD,
            (
                stays.owner,
                _bucket(stays.target),
                stays.target,
                stays.reason,
                stays.detail,
                _us(stays.since),
                _us(stays.until) if stays.until else None,
                min(left_s, LONGEST_S),
            ),
        )
        return stays

    async def remove(self, owner: str, target: str) -> bool:
        if await self._find(owner, target) is None:
            return False
        await self._session.execute(_REMOVE, (owner, _bucket(target), target))
        return True

    async def among(
        self, owners: Sequence[str], targets: Sequence[str], at: datetime
    ) -> Mapping[str, Suppression]:
        asked = [
            (_FIND, (owner, _bucket(target), target)) for owner in owners for target in targets
        ]
        answers = await self._session.execute_all(asked) if asked else []
        return rules.first_that_holds([_entry(rows[0]) for rows in answers if rows], at)

    async def page(
        self, owner: str, *, limit: int = 100, cursor: str | None = None
    ) -> SuppressionPage:
        start = rules.target_after(cursor) if cursor is not None else ""
        found: list[Suppression] = []
        for bucket in range(_bucket(start) if start else 0, BUCKETS):
            left = limit + 1 - len(found)
            if left <= 0:
                break
            rows = await self._session.execute(_PAGE, (owner, bucket, start, left))
            found += map(_entry, rows)
            start = ""
        return rules.page_of(found, limit)

    async def _find(self, owner: str, target: str) -> Suppression | None:
        rows = await self._session.execute(_FIND, (owner, _bucket(target), target))
        return _entry(rows[0]) if rows else None


def _bucket(target: str) -> int:
    return hashlib.sha256(target.encode()).digest()[0] % BUCKETS


def _entry(row: Row) -> Suppression:
    owner, target, reason, detail, since_us, until_us = row
    return Suppression(
        owner=owner,
        target=target,
        reason=reason,
        detail=detail,
        since=_EPOCH + since_us * _MICROSECOND,
        until=None if until_us is None else _EPOCH + until_us * _MICROSECOND,
    )


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
