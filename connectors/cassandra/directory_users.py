"""Users and their access tokens: the tables `users` and `sessions`.

A session holds the `sign_ins` that its user had when it began (``session_rows``). A new password
or a suspension draws that anew, in the same write, and so ends all sessions at once, also one
that is being issued at that moment. Users are changed by lightweight transactions, which is rare:
else a change that comes with a deletion would leave half a user.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

from connectors.cassandra.session import CassandraSession
from topologies.ports.directory import Scope, User

LONGEST_S = 20 * 365 * 86_400  # that Cassandra keeps anything for a time

_COLUMNS = "address, name, quota_bytes, is_admin, is_suspended, created_us, password, sign_ins"
_USER = f"SELECT {_COLUMNS}, deletes_us FROM users WHERE user_id = ?"  # noqa: S608  constants, here and below
# Before anybody knows the id, so it comes before all changes whatever the clocks say.
_ADD = (
    f"INSERT INTO users (user_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " USING TIMESTAMP 1"
)
_REHASH = "UPDATE users SET password = ? WHERE user_id = ? IF password = ?"
_DELETE = "DELETE FROM users WHERE user_id = ? IF EXISTS"
# A token is written once. With this timestamp its end comes after its beginning for sure.
_BEGIN = (
    "INSERT INTO sessions (token_hash, user_id, sign_ins, scopes, expires_us, session_id)"
    " VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP 1 AND TTL ?"
)
_SESSION = (
    "SELECT user_id, sign_ins, scopes, expires_us, session_id FROM sessions WHERE token_hash = ?"
)
_END = "DELETE FROM sessions WHERE token_hash = ?"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A user with what only the directory knows of them."""

    user: User
    password: str  # argon2id, with its salt and costs
    sign_ins: str


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept under the hash of a token; that of a session has no `sign_ins` of its own."""

    user_id: str
    sign_ins: str
    scopes: frozenset[Scope]
    expires_at: datetime
    session_id: str = ""


class Users:
    """The users of one deployment, always as they are now."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def get(self, user_id: str) -> Kept | None:
        """Return the user, or None."""
        rows = await self._session.execute(_USER, (user_id,))
        return _kept(user_id, *rows[0]) if rows else None

    async def get_all(self, user_ids: Iterable[str]) -> dict[str, Kept]:
        """Return those of *user_ids* that exist."""
        asked = list(user_ids)
        found = await self._session.execute_all([(_USER, (user_id,)) for user_id in asked])
        return {
            user_id: _kept(user_id, *rows[0])
            for user_id, rows in zip(asked, found, strict=True)
            if rows
        }

    async def add(self, user: User, password: str) -> None:
        """Keep a user whose id nobody knows yet; *password* is a hash."""
        created_us = (user.created_at - _EPOCH) // _MICROSECOND
        values = (user.user_id, user.address, user.name, user.quota_bytes, user.is_admin)
        await self._session.execute(
            _ADD, (*values, user.is_suspended, created_us, password, str(uuid4()))
        )

    async def change(
        self,
        user_id: str,
        *,
        password: str | None,
        quota_bytes: int | None,
        is_suspended: bool | None,
        sign_ins: str = "",
        deletes_at: datetime | None = None,
    ) -> bool:
        """Change what is not None; return False if there is no such user.

        A new password or suspension ends all sessions; *sign_ins* are those that are good then.
        """
        changes: dict[str, str | int | bool | None] = {}
        if password is not None:
            changes["password"] = password
        if quota_bytes is not None:
            changes["quota_bytes"] = quota_bytes or None
        if is_suspended is not None:
            changes["is_suspended"] = is_suspended
        if is_suspended is False:
            changes["deletes_us"] = None
        if deletes_at is not None:
            changes["deletes_us"] = (deletes_at - _EPOCH) // _MICROSECOND
        if password is not None or is_suspended:
            changes["sign_ins"] = sign_ins or str(uuid4())
        if not changes:
            return True
        columns = ", ".join(f"{column} = ?" for column in changes)
        [[is_there, *_]] = await self._session.execute(
            f"UPDATE users SET {columns} WHERE user_id = ? IF EXISTS",  # noqa: S608  of few kinds
            (*changes.values(), user_id),
        )
        return is_there

    async def rehash(self, user_id: str, before: str, after: str) -> None:
        """Keep a password in another way, if it is the same still."""
        await self._session.execute(_REHASH, (after, user_id, before))

    async def delete(self, user_id: str) -> bool:
        """Forget a user; return False if there was none."""
        [[is_done, *_]] = await self._session.execute(_DELETE, (user_id,))
        return is_done

    async def add_token(self, hashed: bytes, token: Token, now: datetime) -> None:
        """Keep a token until it expires."""
        left_s = -((now - token.expires_at) // timedelta(seconds=1))  # rounded up
        if left_s <= 0:
            return
        expires_us = (token.expires_at - _EPOCH) // _MICROSECOND
        scopes = " ".join(sorted(token.scopes))
        await self._session.execute(
            _BEGIN,
            (
                *(hashed, token.user_id, token.sign_ins, scopes, expires_us, token.session_id),
                min(left_s, LONGEST_S),
            ),
        )

    async def token(self, hashed: bytes) -> Token | None:
        """Return what is kept under a token's hash, or None."""
        rows = await self._session.execute(_SESSION, (hashed,))
        for user_id, sign_ins, scopes, expires_us, session_id in rows:
            return Token(
                user_id=user_id,
                sign_ins=sign_ins,
                scopes=cast("frozenset[Scope]", frozenset(scopes.split())),
                expires_at=_EPOCH + expires_us * _MICROSECOND,
                session_id=session_id or "",
            )
        return None

    async def end_token(self, hashed: bytes) -> None:
        """Forget a token."""
        await self._session.execute(_END, (hashed,))


def _kept(
    user_id: str,
    address: str,
    name: str,
    quota_bytes: int | None,
    is_admin: bool,
    is_suspended: bool,
    created_us: int,
    password: str,
    sign_ins: str,
    deletes_us: int | None,
) -> Kept:
    user = User(
        user_id=user_id,
        address=address,
        name=name,
        quota_bytes=quota_bytes,
        is_admin=is_admin,
        is_suspended=is_suspended,
        created_at=_EPOCH + created_us * _MICROSECOND,
        deletes_at=None if deletes_us is None else _EPOCH + deletes_us * _MICROSECOND,
    )
    return Kept(user, password, sign_ins)
