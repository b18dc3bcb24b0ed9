"""The table `user_sessions`: a partition for each user, a row for each program that is signed in.

A row holds the `sign_ins` that its user had when the session began, and is worth something only
while the user has the same. It is written once with timestamp 1, before anybody knows its key,
and changed by lightweight transactions after that: of two who trade one refresh token at once,
one does. A row goes by itself when its session expires.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import cast

from connectors.cassandra.session import CassandraSession
from connectors.refresh_tokens import Family
from topologies.ports.sessions import Scope, SignedIn

LONGEST_S = 20 * 365 * 86_400  # that Cassandra keeps anything for a time

_COLUMNS = "sign_ins, scopes, client, created_us, seen_day, expires_us, salt, turn, turned_us"
_ONE = f"SELECT session_id, {_COLUMNS} FROM user_sessions WHERE user_id = ? AND session_id = ?"  # noqa: S608  constants, here and below
_OF = f"SELECT session_id, {_COLUMNS} FROM user_sessions WHERE user_id = ?"  # noqa: S608
_BEGIN = (
    f"INSERT INTO user_sessions (user_id, session_id, {_COLUMNS})"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP 1 AND TTL ?"
)
_TURN = (
    "UPDATE user_sessions USING TTL ? SET sign_ins = ?, scopes = ?, client = ?, created_us = ?,"
    " seen_day = ?, expires_us = ?, salt = ?, turn = ?, turned_us = ?"
    " WHERE user_id = ? AND session_id = ? IF turn = ? AND sign_ins = ?"
)
_SEE = (
    "UPDATE user_sessions USING TTL ? SET seen_day = ?"
    " WHERE user_id = ? AND session_id = ? IF sign_ins = ?"
)
_KEEP = (
    "UPDATE user_sessions USING TTL ? SET sign_ins = ?"
    " WHERE user_id = ? AND session_id = ? IF sign_ins = ?"
)
_END = "DELETE FROM user_sessions WHERE user_id = ? AND session_id = ? IF EXISTS"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept."""

    told: SignedIn
    family: Family | None
    sign_ins: str


class SessionRows:
    """The sessions of one deployment, always as they are now."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def one(self, user_id: str, session_id: str) -> Kept | None:
        """Return a session of a user."""
        rows = await self._session.execute(_ONE, (user_id, session_id))
        return next((kept for kept in map(_kept, rows) if kept is not None), None)

    async def of(self, user_id: str) -> list[Kept]:
        """Return the sessions of a user, the oldest first, ended ones too."""
        rows = await self._session.execute(_OF, (user_id,))
        return [kept for kept in map(_kept, rows) if kept is not None]

    async def begin(self, user_id: str, kept: Kept, now: datetime) -> None:
        """Keep a session whose id nobody knows yet."""
        values = (user_id, kept.told.session_id, *_values(kept))
        await self._session.execute(_BEGIN, (*values, left_s(kept.told.expires_at, now)))

    async def turn(self, user_id: str, before: Kept, after: Kept, now: datetime) -> bool:
        """Keep *after* for *before*; return False if it is another by now."""
        if before.family is None:
            return False
        key = (user_id, before.told.session_id, before.family.turn, before.sign_ins)
        values = (left_s(after.told.expires_at, now), *_values(after), *key)
        [[is_done, *_]] = await self._session.execute(_TURN, values)
        return is_done

    async def see(self, user_id: str, kept: Kept, now: datetime) -> None:
        """Note that a session was seen today."""
        key = (user_id, kept.told.session_id, kept.sign_ins)
        left = left_s(kept.told.expires_at, now)
        await self._session.execute(_SEE, (left, now.date().toordinal(), *key))

    async def keep(self, user_id: str, kept: Kept, sign_ins: str, now: datetime) -> None:
        """Let a session outlive that its user's others end."""
        key = (user_id, kept.told.session_id, kept.sign_ins)
        await self._session.execute(_KEEP, (left_s(kept.told.expires_at, now), sign_ins, *key))

    async def end(self, user_id: str, session_id: str) -> bool:
        """Forget a session; return False if there was none."""
        [[is_done, *_]] = await self._session.execute(_END, (user_id, session_id))
        return is_done


def left_s(until: datetime, now: datetime) -> int:
    """Return how many seconds are left, rounded up, as Cassandra takes them."""
    return min(max(1, -((now - until) // timedelta(seconds=1))), LONGEST_S)


def scopes_of(scopes: Iterable[Scope]) -> str:
    """Return *scopes* as they are kept."""
    return " ".join(sorted(scopes))


def _values(kept: Kept) -> tuple[str | int | bytes | None, ...]:
    told, family = kept.told, kept.family
    return (
        kept.sign_ins,
        scopes_of(told.scopes),
        told.client,
        _micros(told.created_at),
        told.seen_on.toordinal(),
        _micros(told.expires_at),
        family.salt if family else None,
        family.turn if family else None,
        _micros(family.turned_at) if family else None,
    )


def _kept(row: Iterable[object]) -> Kept | None:
    session_id, sign_ins, scopes, client, created, day, expires, salt, turn, turned = row
    if not isinstance(scopes, str):
        return None  # what a late note of a session that has gone left there
    told = SignedIn(
        session_id=cast("str", session_id),
        client=cast("str", client),
        scopes=cast("frozenset[Scope]", frozenset(scopes.split())),
        created_at=_moment(cast("int", created)),
        seen_on=date.fromordinal(cast("int", day)),
        expires_at=_moment(cast("int", expires)),
    )
    family = None
    if isinstance(salt, bytes) and isinstance(turn, bytes):
        family = Family(salt, turn, _moment(cast("int", turned)))
    return Kept(told, family, cast("str", sign_ins))


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND
