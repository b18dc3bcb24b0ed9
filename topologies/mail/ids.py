"""Identifiers that sort by time (UUIDv7 layout, RFC 9562 §5.7).

Derived, not drawn, wherever a replay must come to the same one.
"""

import hashlib
import secrets
import uuid
from datetime import UTC, datetime

_STAGES = uuid.UUID("5f0c2f7e-9a53-5d0e-8a3c-2f6f0d1c7b11")  # namespace of event ids


def new_id(at: datetime) -> str:
    """Return a fresh UUIDv7 for the moment *at*."""
    return _uuid7(_milliseconds(at), secrets.token_bytes(10))


def derived_id(at: datetime, *parts: str | bytes) -> str:
    """Return the UUIDv7 whose time is *at* and whose rest is a hash of *parts*."""
    return _uuid7(_milliseconds(at), _digest(parts)[:10])


def email_id(mail_id: str, user_id: str) -> str:
    """Return the id of *user_id*'s copy of a mail: same time, so same order, as the mail."""
    return _uuid7(uuid.UUID(mail_id).int >> 80, _digest((mail_id, user_id))[:10])


def local_id(submitted_at: datetime, mail_id: str) -> str:
    """Return the id of the mail that recipients here get of one that a user here sent."""
    return derived_id(submitted_at, "local", mail_id)


def command_id(*parts: str) -> str:
    """Return the id of a command that a stage derives from *parts*."""
    return _uuid(int.from_bytes(_digest(parts)[:16], "big"), version=8)


def event_id(stage: str, input_event_id: str, index: int) -> str:
    """Return the id of the *index*-th event that *stage* wrote for one input."""
    return str(uuid.uuid5(_STAGES, f"{stage}\0{input_event_id}\0{index}"))


def time_of(identifier: str) -> datetime:
    """Return the moment in a UUIDv7, to the millisecond.

    Raises:
        ValueError: It is no UUID.
    """
    return datetime.fromtimestamp((uuid.UUID(identifier).int >> 80) / 1000, UTC)


def _milliseconds(at: datetime) -> int:
    return max(0, int(at.timestamp() * 1000))


def _digest(parts: tuple[str | bytes, ...]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def _uuid7(milliseconds: int, random: bytes) -> str:
    return _uuid((milliseconds & (2**48 - 1)) << 80 | int.from_bytes(random, "big"), version=7)


def _uuid(value: int, version: int) -> str:
    # By hand, since Python 3.11's UUID() knows no versions beyond 5.
    value = value & ~(0xF000 << 64) | version << 76
    value = value & ~(0xC000 << 48) | 0x8000 << 48  # variant of RFC 9562
    return str(uuid.UUID(int=value))
