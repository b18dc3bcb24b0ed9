"""The rows of `directory.db` for who is signed in: sessions, and the tokens of each.

Tokens are kept as hashes. A session that ends takes its tokens with it, in one transaction.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import cast

from connectors.refresh_tokens import Family
from topologies.ports.sessions import MOST_OF_USER, Scope, SignedIn

MIGRATION = """
    CREATE TABLE sessions (
        session_id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        scopes TEXT NOT NULL,
        client TEXT NOT NULL,
        created_at TEXT NOT NULL,
        seen_on TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        salt BLOB,  -- NULL, as the next two: it has no refresh token
        turn BLOB,  -- SHA-256 of the secret that is good now
        turned_at TEXT
    ) WITHOUT ROWID;
    CREATE INDEX sessions_of_user ON sessions (user_id, session_id);
    CREATE INDEX sessions_by_end ON sessions (expires_at);
    ALTER TABLE tokens ADD COLUMN session_id TEXT;  -- NULL: from before there were sessions
    CREATE INDEX tokens_of_session ON tokens (session_id);
    """

EXPIRED_AT_ONCE = 100  # tokens and sessions past their end that go when a new one begins

_COLUMNS = "session_id, scopes, client, created_at, seen_on, expires_at, salt, turn, turned_at"
_ONE = f"SELECT {_COLUMNS} FROM sessions WHERE user_id = ? AND session_id = ?"  # noqa: S608  constants, here and below
_OF = f"SELECT {_COLUMNS} FROM sessions WHERE user_id = ? ORDER BY session_id"  # noqa: S608
_ADD = (
    f"INSERT INTO sessions (user_id, {_COLUMNS})"  # noqa: S608
    " SELECT user_id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM users"
    " WHERE user_id = ? AND NOT is_suspended"
)
_TURN = (
    "UPDATE sessions SET seen_on = ?, expires_at = ?, turn = ?, turned_at = ? WHERE session_id = ?"
)
_TOO_MANY = (
    "SELECT session_id FROM sessions WHERE user_id = ? ORDER BY session_id DESC LIMIT -1 OFFSET ?"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept."""

    told: SignedIn
    family: Family | None


def one(connection: sqlite3.Connection, user_id: str, session_id: str) -> Kept | None:
    """Return a session of a user, expired or not."""
    row = connection.execute(_ONE, [user_id, session_id]).fetchone()
    return _kept(*row) if row else None


def of(connection: sqlite3.Connection, user_id: str) -> list[Kept]:
    """Return the sessions of a user, the oldest first, expired ones too."""
    return [_kept(*row) for row in connection.execute(_OF, [user_id])]


def begin(connection: sqlite3.Connection, user_id: str, kept: Kept, now: datetime) -> bool:
    """Keep a session, unless the user may not sign in; return whether it is kept."""
    told, family = kept.told, kept.family
    added = connection.execute(
        _ADD,
        [
            told.session_id,
            _scopes_of(told.scopes),
            told.client,
            _text_of(told.created_at),
            told.seen_on.isoformat(),
            _text_of(told.expires_at),
            family.salt if family else None,
            family.turn if family else None,
            _text_of(family.turned_at) if family else None,
            user_id,
        ],
    )
    if added.rowcount != 1:
        return False
    for [session_id] in connection.execute(_TOO_MANY, [user_id, MOST_OF_USER]).fetchall():
        end(connection, user_id, session_id)
    for table, key in (("tokens", "token"), ("sessions", "session_id")):
        connection.execute(
            f"DELETE FROM {table} WHERE {key} IN"  # noqa: S608  of two
            f" (SELECT {key} FROM {table} WHERE expires_at <= ? LIMIT ?)",
            [_text_of(now), EXPIRED_AT_ONCE],
        )
    return True


def turn(connection: sqlite3.Connection, told: SignedIn, family: Family) -> None:
    """Keep what changed of a session by its refresh token's turn."""
    values = [told.seen_on.isoformat(), _text_of(told.expires_at)]
    connection.execute(_TURN, [*values, family.turn, _text_of(family.turned_at), told.session_id])


def add_token(
    connection: sqlite3.Connection,
    token: bytes,
    user_id: str,
    session_id: str,
    scopes: Iterable[Scope],
    expires_at: datetime,
) -> None:
    """Keep the hash of an access token."""
    connection.execute(
        "INSERT INTO tokens (token, user_id, session_id, scopes, expires_at)"
        " VALUES (?, ?, ?, ?, ?)",
        [token, user_id, session_id, _scopes_of(scopes), _text_of(expires_at)],
    )


def see(connection: sqlite3.Connection, session_id: str, day: date) -> None:
    """Note that a session was seen on *day*."""
    connection.execute(
        "UPDATE sessions SET seen_on = ? WHERE session_id = ?", [day.isoformat(), session_id]
    )


def end(connection: sqlite3.Connection, user_id: str, session_id: str) -> bool:
    """End a session of a user; return False if there was none."""
    gone = connection.execute(
        "DELETE FROM sessions WHERE user_id = ? AND session_id = ?", [user_id, session_id]
    )
    if gone.rowcount != 1:
        return False
    connection.execute("DELETE FROM tokens WHERE session_id = ?", [session_id])
    return True


def end_of_token(connection: sqlite3.Connection, token: bytes) -> None:
    """End the session that an access token is of; one without a session goes alone."""
    row = connection.execute(
        "SELECT user_id, session_id FROM tokens WHERE token = ?", [token]
    ).fetchone()
    if row is not None and row[1] is not None:
        end(connection, row[0], row[1])
    connection.execute("DELETE FROM tokens WHERE token = ?", [token])


def end_all(connection: sqlite3.Connection, user_id: str, but: str = "") -> None:
    """End all sessions of a user, or all but one."""
    for table in ("tokens", "sessions"):
        connection.execute(
            f"DELETE FROM {table} WHERE user_id = ? AND session_id IS NOT ?",  # noqa: S608  of two
            [user_id, but],
        )


def _kept(
    session_id: str,
    scopes: str,
    client: str,
    created_at: str,
    seen_on: str,
    expires_at: str,
    salt: bytes | None,
    turn: bytes | None,
    turned_at: str | None,
) -> Kept:
    told = SignedIn(
        session_id=session_id,
        client=client,
        scopes=cast("frozenset[Scope]", frozenset(scopes.split())),
        created_at=datetime.fromisoformat(created_at),
        seen_on=date.fromisoformat(seen_on),
        expires_at=datetime.fromisoformat(expires_at),
    )
    if salt is None or turn is None or turned_at is None:
        return Kept(told, None)
    return Kept(told, Family(salt, turn, datetime.fromisoformat(turned_at)))


def _scopes_of(scopes: Iterable[Scope]) -> str:
    return " ".join(sorted(scopes))


def _text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
