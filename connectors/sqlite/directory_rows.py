"""The rows of `directory.db`: what each question and change is in SQL.

Every function takes the connection, so that it runs in a read or in a transaction.
Addresses are stored as keys of ``topologies.mail.mailbox_address``, times as ISO 8601 in
UTC with microseconds, which sort as text.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

from connectors.sqlite import session_rows
from topologies.mail import local_names
from topologies.mail.local_names import POSTMASTER, Held
from topologies.ports.directory import Scope, Session, User

MIGRATIONS = (
    """
    CREATE TABLE domains (domain TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE users (
        user_id TEXT PRIMARY KEY,
        address TEXT NOT NULL UNIQUE,
        domain TEXT NOT NULL,
        name TEXT NOT NULL,
        password TEXT NOT NULL,  -- argon2id, with its salt and costs
        quota_bytes INTEGER,  -- NULL: no limit
        is_admin INTEGER NOT NULL,
        is_suspended INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX users_of_domain ON users (domain, address);
    CREATE INDEX admins ON users (address) WHERE is_admin;
    CREATE TABLE aliases (
        alias TEXT,
        position INTEGER,  -- of the target, as the admin named them
        domain TEXT NOT NULL,
        target TEXT NOT NULL,
        PRIMARY KEY (alias, position)
    ) WITHOUT ROWID;
    CREATE INDEX aliases_of_domain ON aliases (domain, alias);
    CREATE INDEX aliases_by_target ON aliases (target);
    CREATE TABLE tokens (
        token BLOB PRIMARY KEY,  -- SHA-256
        user_id TEXT NOT NULL,
        scopes TEXT NOT NULL,
        expires_at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX tokens_of_user ON tokens (user_id);
    CREATE INDEX tokens_by_end ON tokens (expires_at);
    """,
    """
    CREATE TABLE domain_aliases (
        alias TEXT PRIMARY KEY,
        domain TEXT NOT NULL  -- of ours, that it stands for
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE users ADD COLUMN deletes_at TEXT;  -- NULL: nobody wants that
    CREATE INDEX users_leaving ON users (deletes_at) WHERE deletes_at IS NOT NULL;
    """
    + session_rows.MIGRATION,
)

_USER = "user_id, address, name, quota_bytes, is_admin, is_suspended, created_at, deletes_at"
_BY_ID = f"SELECT {_USER} FROM users WHERE user_id = ?"  # noqa: S608  constants, here and below
_BY_ADDRESS = f"SELECT {_USER}, password FROM users WHERE address = ?"  # noqa: S608
_USERS = f"SELECT {_USER} FROM users ORDER BY address"  # noqa: S608
_USERS_OF = f"SELECT {_USER} FROM users WHERE domain = ? ORDER BY address"  # noqa: S608
_PAGE = f"SELECT {_USER} FROM users WHERE address > ? ORDER BY address LIMIT ?"  # noqa: S608
_PAGE_OF = f"SELECT {_USER} FROM users WHERE domain = ? AND address > ? ORDER BY address LIMIT ?"  # noqa: S608
_DUE = f"SELECT {_USER} FROM users WHERE deletes_at <= ? ORDER BY address"  # noqa: S608
_ADD = f"INSERT INTO users ({_USER}, domain, password) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_SESSION = (
    f"SELECT {_USER}, scopes, expires_at, session_id,"  # noqa: S608
    " (SELECT seen_on FROM sessions WHERE session_id = tokens.session_id)"
    " FROM tokens JOIN users USING (user_id) WHERE token = ?"
)
_ALIASES = "SELECT alias, target FROM aliases ORDER BY alias, position"
_ALIASES_OF = "SELECT alias, target FROM aliases WHERE domain = ? ORDER BY alias, position"


def held(connection: sqlite3.Connection, names: Collection[str]) -> dict[str, Held]:
    """Return what is held under those of *names* that exist."""
    found = {name: _held(connection, name) for name in names}
    return {name: entry for name, entry in found.items() if entry is not None}


def leading_to(connection: sqlite3.Connection, name: str) -> dict[str, tuple[str, ...]]:
    """Return the aliases that have *name*, or it with a plus-tag, among their targets."""
    aliases = {
        a for [a] in connection.execute("SELECT alias FROM aliases WHERE target = ?", [name])
    }
    local, _, _ = name.rpartition("@")
    # "," follows "+" in ASCII, so the index finds what begins with "bo+".
    aliases |= {
        alias
        for alias, target in connection.execute(
            "SELECT alias, target FROM aliases WHERE target > ? AND target < ?",
            [f"{local}+", f"{local},"],
        )
        if local_names.untagged(target) == name
    }
    return {alias: _targets(connection, alias) for alias in aliases}


def user(connection: sqlite3.Connection, user_id: str) -> User | None:
    """Return the user, or None."""
    row = connection.execute(_BY_ID, [user_id]).fetchone()
    return _user(row) if row else None


def user_and_password(connection: sqlite3.Connection, key: str) -> tuple[User, str] | None:
    """Return the user at the address *key* and the hash of their password, or None."""
    row = connection.execute(_BY_ADDRESS, [key]).fetchone()
    return (_user(row[:-1]), row[-1]) if row else None


def users(connection: sqlite3.Connection, domain: str | None) -> list[User]:
    """Return the users of *domain*, or all, by address."""
    query, values = (_USERS, []) if domain is None else (_USERS_OF, [domain])
    rows = connection.execute(query, values)
    return [_user(row) for row in rows]


def users_page(
    connection: sqlite3.Connection, domain: str | None, after: str, limit: int
) -> list[User]:
    """Return at most *limit* users of *domain*, or of all, by address, after an address."""
    asked = (_PAGE, [after, limit]) if domain is None else (_PAGE_OF, [domain, after, limit])
    return [_user(row) for row in connection.execute(*asked)]


def domains(connection: sqlite3.Connection) -> list[str]:
    """Return our domains, sorted."""
    return [name for [name] in connection.execute("SELECT domain FROM domains ORDER BY domain")]


def aliases(
    connection: sqlite3.Connection, domain: str | None
) -> list[tuple[str, tuple[str, ...]]]:
    """Return the aliases of *domain*, or all, by address."""
    query, values = (_ALIASES, []) if domain is None else (_ALIASES_OF, [domain])
    grouped = groupby(connection.execute(query, values), key=itemgetter(0))
    return [(alias, local_names.shown([target for _, target in group])) for alias, group in grouped]


def session(connection: sqlite3.Connection, token: bytes) -> Session | None:
    """Return what the token with this hash stands for, expired or not; None if unknown."""
    row = connection.execute(_SESSION, [token]).fetchone()
    if row is None:
        return None
    return Session(
        user=_user(row[:-4]),
        scopes=cast("frozenset[Scope]", frozenset(row[-4].split())),
        expires_at=datetime.fromisoformat(row[-3]),
        session_id=row[-2] or "",
        seen_on=date.fromisoformat(row[-1]) if row[-1] else None,
    )


def add_domain(connection: sqlite3.Connection, domain: str) -> bool:
    """Add a domain; return False if it was there."""
    local_names.check_domain(domain, held(connection, [f"@{domain}"]))
    added = connection.execute("INSERT OR IGNORE INTO domains VALUES (?)", [domain])
    return added.rowcount == 1


def add_user(connection: sqlite3.Connection, user: User, password: str) -> None:
    """Add a user whose address is free; *password* is a hash."""
    connection.execute(
        _ADD,
        [
            user.user_id,
            user.address,
            user.name,
            user.quota_bytes,
            user.is_admin,
            user.is_suspended,
            _text_of(user.created_at),
            None,
            _domain_of(user.address),
            password,
        ],
    )


def change_user(
    connection: sqlite3.Connection,
    user_id: str,
    *,
    password: str | None,
    quota_bytes: int | None,
    is_suspended: bool | None,
    keep_session: str,
) -> User | None:
    """Change what is not None, and return the user as they are then; a quota of 0 is none."""
    connection.execute(
        "UPDATE users SET password = coalesce(?1, password),"
        " quota_bytes = nullif(coalesce(?2, quota_bytes), 0),"
        " is_suspended = coalesce(?3, is_suspended),"
        " deletes_at = iif(?3 = 0, NULL, deletes_at) WHERE user_id = ?4",
        [password, quota_bytes, is_suspended, user_id],
    )
    if password is not None or is_suspended:
        session_rows.end_all(connection, user_id, "" if is_suspended else keep_session)
    return user(connection, user_id)


def delete_later(connection: sqlite3.Connection, user_id: str, at: datetime) -> User | None:
    """Suspend a user who is to be deleted *at*, and return them as they are then."""
    connection.execute(
        "UPDATE users SET is_suspended = 1, deletes_at = ? WHERE user_id = ?",
        [_text_of(at), user_id],
    )
    session_rows.end_all(connection, user_id)
    return user(connection, user_id)


def due(connection: sqlite3.Connection, now: datetime) -> list[User]:
    """Return the users whose time to be deleted has come."""
    return [_user(row) for row in connection.execute(_DUE, [_text_of(now)])]


def rehash(connection: sqlite3.Connection, user_id: str, before: str, after: str) -> None:
    """Put one hash of a password in place of another, unless it was changed meanwhile."""
    connection.execute(
        "UPDATE users SET password = ? WHERE user_id = ? AND password = ?",
        [after, user_id, before],
    )


def delete_user(connection: sqlite3.Connection, user_id: str) -> bool:
    """Remove the user, aliases that lead only there, and sessions."""
    if (gone := user(connection, user_id)) is None:
        return False
    connection.execute("DELETE FROM users WHERE user_id = ?", [user_id])
    session_rows.end_all(connection, user_id)
    changed = local_names.without(
        gone.address,
        lambda name: leading_to(connection, name),
        lambda names: held(connection, names),
    )
    for alias, targets in changed.items():
        set_alias(connection, alias, targets)
    return True


def set_alias(connection: sqlite3.Connection, alias: str, targets: Iterable[str]) -> None:
    """Let *alias* lead to *targets* alone; without any it is gone."""
    connection.execute("DELETE FROM aliases WHERE alias = ?", [alias])
    connection.executemany(
        "INSERT INTO aliases (alias, position, domain, target) VALUES (?, ?, ?, ?)",
        [(alias, n, _domain_of(alias), target) for n, target in enumerate(targets)],
    )


def _held(connection: sqlite3.Connection, name: str) -> Held | None:
    if name == POSTMASTER:
        rows = connection.execute("SELECT address FROM users WHERE is_admin ORDER BY address")
        targets = tuple(address for [address] in rows)
        return Held(targets=targets) if targets else None
    if name.startswith("@"):
        row = connection.execute("SELECT 1 FROM domains WHERE domain = ?", [name[1:]]).fetchone()
        if row:
            return Held()
        row = connection.execute(
            "SELECT domain FROM domain_aliases WHERE alias = ?", [name[1:]]
        ).fetchone()
        return Held(targets=(f"@{row[0]}",)) if row else None
    row = connection.execute("SELECT user_id FROM users WHERE address = ?", [name]).fetchone()
    if row:
        return Held(user_id=row[0])
    targets = _targets(connection, name)
    return Held(targets=targets) if targets else None


def _targets(connection: sqlite3.Connection, alias: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT target FROM aliases WHERE alias = ? ORDER BY position", [alias]
    )
    return tuple(target for [target] in rows)


def _user(row: Sequence[Any]) -> User:
    user_id, address, name, quota_bytes, is_admin, is_suspended, created_at, deletes_at = row
    return User(
        user_id=user_id,
        address=address,
        name=name,
        quota_bytes=quota_bytes,
        is_admin=bool(is_admin),
        is_suspended=bool(is_suspended),
        created_at=datetime.fromisoformat(created_at),
        deletes_at=datetime.fromisoformat(deletes_at) if deletes_at else None,
    )


def _domain_of(key: str) -> str:
    return key.rpartition("@")[2]


def _text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
