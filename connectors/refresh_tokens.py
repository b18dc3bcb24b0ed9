"""Refresh tokens: each good for one turn, and each known again when it is shown a second time.

A token names its session and holds a secret of 256 bits, which is kept as a hash alone. The next
turn's secret is derived from this one's and the session's salt, which no client knows: so who asks
again because the answer was lost is given the same one, and nothing has to be remembered of turns
that are over. A mark shows that a token was made here, so that nobody can end a session by making
one up.
"""

import base64
import binascii
import hmac
import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

PREFIX = "rr_"
AGAIN = timedelta(seconds=60)  # what a client takes to give up on an answer and ask once more
SECRET_BYTES = 32
MARK_BYTES = 16
_BYTES = 2 * 16 + SECRET_BYTES + MARK_BYTES
_CHARACTERS = 107  # of them in base64url without padding

Verdict = Literal["turn", "again", "reused", "foreign"]


@dataclass(frozen=True, slots=True)
class Presented:
    """What stands in a token that somebody shows."""

    user_id: str
    session_id: str
    secret: bytes
    mark: bytes


@dataclass(frozen=True, slots=True)
class Family:
    """What is kept of a session's refresh tokens.

    Attributes:
        salt: Drawn once.
        turn: The hash of the secret that is good now.
        turned_at: Since when.
    """

    salt: bytes
    turn: bytes
    turned_at: datetime


def first(at: datetime) -> tuple[Family, bytes]:
    """Return what to keep of a new session, and its first secret."""
    secret = secrets.token_bytes(SECRET_BYTES)
    salt = secrets.token_bytes(SECRET_BYTES)
    return Family(salt=salt, turn=_kept(secret), turned_at=at), secret


def text_of(user_id: str, session_id: str, secret: bytes, salt: bytes) -> str:
    """Return the token that holds *secret*."""
    named = uuid.UUID(user_id).bytes + uuid.UUID(session_id).bytes + secret
    return PREFIX + base64.urlsafe_b64encode(named + _mark(salt, named)).decode().rstrip("=")


def read(token: str) -> Presented | None:
    """Return what stands in *token*, None if it can be none of ours."""
    if len(token) != len(PREFIX) + _CHARACTERS or not token.startswith(PREFIX):
        return None
    try:
        raw = base64.urlsafe_b64decode(token.removeprefix(PREFIX) + "=")
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _BYTES:
        return None
    user, session, secret, mark = raw[:16], raw[16:32], raw[32:-MARK_BYTES], raw[-MARK_BYTES:]
    return Presented(str(uuid.UUID(bytes=user)), str(uuid.UUID(bytes=session)), secret, mark)


def judge(shown: Presented, kept: Family, now: datetime) -> Verdict:
    """Tell what *shown* is to the session that it names.

    Returns:
        ``turn``: the one that is good now. ``again``: the one before, within ``AGAIN`` of its
        turn. ``reused``: an earlier one. ``foreign``: it was not made here.
    """
    named = uuid.UUID(shown.user_id).bytes + uuid.UUID(shown.session_id).bytes + shown.secret
    if not hmac.compare_digest(_mark(kept.salt, named), shown.mark):
        return "foreign"
    if hmac.compare_digest(_kept(shown.secret), kept.turn):
        return "turn"
    is_last = hmac.compare_digest(_kept(following(shown.secret, kept.salt)), kept.turn)
    return "again" if is_last and now <= kept.turned_at + AGAIN else "reused"


def turned(kept: Family, secret: bytes, now: datetime) -> Family:
    """Return what to keep when the turn of *secret* is over."""
    return replace(kept, turn=_kept(following(secret, kept.salt)), turned_at=now)


def following(secret: bytes, salt: bytes) -> bytes:
    """Return the secret of the turn after that of *secret*."""
    return hmac.digest(salt, b"next" + secret, "sha256")


def successor(shown: Presented, salt: bytes) -> str:
    """Return the token of the turn after that of *shown*."""
    return text_of(shown.user_id, shown.session_id, following(shown.secret, salt), salt)


def _kept(secret: bytes) -> bytes:
    # A plain hash is enough: there is nothing to guess about 256 random bits.
    return sha256(secret).digest()


def _mark(salt: bytes, named: bytes) -> bytes:
    return hmac.digest(salt, b"mark" + named, "sha256")[:MARK_BYTES]
