"""Access tokens: 256 random bits that only whoever was given them knows."""

import hashlib
import secrets

PREFIX = "rm_"  # so that people and secret scanners see what it is
LENGTH = len(PREFIX) + 43  # 32 bytes in base64url without padding


def new_token() -> str:
    """Return a fresh token."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes | None:
    """Return what is kept of *token*, None if it can be none of ours.

    A plain hash is enough: there is nothing to guess about 256 random bits.
    """
    if len(token) != LENGTH or not token.isascii() or not token.startswith(PREFIX):
        return None
    return hashlib.sha256(token.encode()).digest()
