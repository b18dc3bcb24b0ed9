"""Codes that an authenticator app shows (RFC 6238), and codes for whoever has lost it.

Six digits, a new one every 30 seconds, by HMAC-SHA-1: what every app knows. A code is taken one
step early or late, for clocks that differ (RFC 6238 §5.2).
"""

import base64
import hashlib
import hmac
import re
import secrets
import struct
from datetime import datetime
from urllib.parse import quote

from connectors.app_password_text import ALPHABET

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20  # RFC 4226 §4: 160 bits
DRIFT_STEPS = 1
RECOVERY_CODES = 10
RECOVERY_LETTERS = 16  # of 32 signs: 80 bits, so that their hashes tell nothing
_GROUP = 4
_IGNORED = re.compile(r"[\s-]+")


def hotp(secret: bytes, counter: int) -> str:
    """Return the code of *counter* (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", counter), "sha1")
    offset = digest[-1] & 0xF
    number = struct.unpack_from(">I", digest, offset)[0] & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_at(moment: datetime) -> int:
    """Return the number of the step that *moment* lies in (RFC 6238 §4.2)."""
    return int(moment.timestamp()) // STEP_S


def step_of(secret: bytes, code: str, now: datetime, *, last_step: int) -> int | None:
    """Return the step after *last_step* that *code* is of; None if it is of none at this time."""
    digits = _IGNORED.sub("", code[:100])
    if len(digits) != DIGITS or not digits.isascii() or not digits.isdecimal():
        return None
    here = step_at(now)
    # All are compared, so that the time this takes tells nothing.
    fits = [
        step
        for step in range(here - DRIFT_STEPS, here + DRIFT_STEPS + 1)
        if hmac.compare_digest(hotp(secret, step), digits)
    ]
    return next((step for step in fits if step > last_step), None)


def new_secret() -> bytes:
    """Return a fresh secret."""
    return secrets.token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """Return *secret* as people type it into an app (RFC 4648 §6)."""
    return base64.b32encode(secret).decode()


def uri_of(secret: bytes, address: str, issuer: str) -> str:
    """Return what an app reads from a picture: an ``otpauth`` URI."""
    label = f"{quote(issuer, safe='')}:{quote(address, safe='')}"
    return (
        f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={quote(issuer, safe='')}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP_S}"
    )


def new_recovery_codes() -> tuple[str, ...]:
    """Return fresh recovery codes, as they are shown."""
    made = [
        "".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LETTERS))
        for _ in range(RECOVERY_CODES)
    ]
    return tuple(
        "-".join(letters[at : at + _GROUP] for at in range(0, RECOVERY_LETTERS, _GROUP))
        for letters in made
    )


def recovery_hash(code: str) -> bytes | None:
    """Return what is kept of a recovery code, None if it can be none of ours.

    A plain hash is enough: there is nothing to guess about 80 random bits.
    """
    letters = _IGNORED.sub("", code[:100]).lower()
    if len(letters) != RECOVERY_LETTERS or not set(letters) <= set(ALPHABET):
        return None
    return hashlib.sha256(letters.encode()).digest()
