"""The text of an app password: twenty letters that can be typed on a phone, 100 random bits."""

import hashlib
import re
import secrets

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 signs that nobody takes for each other
LETTERS = 20
GROUP = 4

_IGNORED = re.compile(r"[\s-]+")


def new_text() -> str:
    """Return a fresh password."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    return "-".join(letters[at : at + GROUP] for at in range(0, LETTERS, GROUP))


def hash_of(text: str) -> bytes | None:
    """Return what is kept of *text*, None if it can be no password of ours.

    A plain hash is enough: there is nothing to guess about 100 random bits.
    """
    letters = _IGNORED.sub("", text[:200]).lower()
    if len(letters) != LETTERS or not set(letters) <= set(ALPHABET):
        return None
    return hashlib.sha256(letters.encode()).digest()
