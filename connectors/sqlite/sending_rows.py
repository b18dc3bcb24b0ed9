"""The schema of `sending.db`: keys, app passwords, second factors, restraints.

The file holds private keys and secrets, so its owner alone may read it: ``private_file`` makes it
so before it is opened, and SQLite gives its companions the same mode. Times are microseconds since
1970.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE dkim_keys (
        domain TEXT,
        selector TEXT,
        algorithm TEXT NOT NULL,
        private_key TEXT NOT NULL,  -- PEM
        created_us INTEGER NOT NULL,
        signs_from_us INTEGER NOT NULL,
        signs_until_us INTEGER,  -- NULL: no end is set
        PRIMARY KEY (domain, selector)
    ) WITHOUT ROWID;
    CREATE TABLE app_passwords (
        user_id TEXT,
        password BLOB,  -- SHA-256
        password_id TEXT NOT NULL,
        name TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        PRIMARY KEY (user_id, password)
    ) WITHOUT ROWID;
    CREATE TABLE restraints (
        user_id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        since_us INTEGER NOT NULL,
        reason TEXT NOT NULL,
        until_us INTEGER  -- NULL: until it is lifted
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE second_factors (
        user_id TEXT PRIMARY KEY,
        secret BLOB NOT NULL,  -- what codes are made from
        is_on INTEGER NOT NULL,
        last_step INTEGER NOT NULL,  -- whose code was used
        created_us INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE recovery_codes (
        user_id TEXT,
        code BLOB,  -- SHA-256
        PRIMARY KEY (user_id, code)
    ) WITHOUT ROWID;
    """,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def private_file(path: Path) -> Path:
    """Make *path* a file that its owner alone may read, if it is not there; return it."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    return path


def micros(at: datetime) -> int:
    """Return *at* as it is kept."""
    return (at - _EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """Return what is kept as *micros*."""
    return _EPOCH + micros * _MICROSECOND
