"""Whether a mail goes round in circles (RFC 5321 §6.3).

Pure. Every host adds a Received line, and whoever forwards for a mailbox a Delivered-To with its
address; a mail that has too many of the first, or comes to an address of the second again, is
never forwarded.
"""

import hashlib
from collections.abc import Collection, Iterable

from topologies.mail import mailbox_address

MOST_HOPS = 50
REASON = "5.4.6 the mail goes round in circles"  # RFC 3463 §3.5


def hops(names: Iterable[str]) -> int:
    """Return how many hosts a mail went through, by the *names* of its header fields."""
    return sum(name == "received" for name in names)


def is_loop(fields: Collection[tuple[str, bytes]], address: str) -> bool:
    """Tell whether a mail must not be forwarded for *address*.

    Args:
        fields: Of its header, names in lower case.
        address: Of the mailbox or alias that it came to.
    """
    if hops(name for name, _ in fields) > MOST_HOPS:
        return True
    ours = _shown(address)
    return any(
        name == "delivered-to" and _shown(value.decode("utf-8", "replace").strip()) == ours
        for name, value in fields
    )


def delivered_to(address: str) -> bytes:
    """Return the field that says that a mail went through *address*."""
    return f"Delivered-To: {_shown(address)}\r\n".encode()


def _shown(address: str) -> str:
    """Return *address* as it is compared, in ASCII: what is forwarded needs no SMTPUTF8 for us."""
    try:
        parsed = mailbox_address.parse(address)
    except ValueError:
        return ascii(address)[1:-1].lower()
    if parsed.key.isascii():
        return parsed.key
    digest = hashlib.sha256(parsed.key.encode()).hexdigest()[:16]
    return f"{digest}@{parsed.domain}"
