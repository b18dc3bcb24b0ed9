"""Reverse-paths that say of which delivery a bounce is: variable envelope return paths.

Pure. There is no RFC; the idea is D. J. Bernstein's (VERP, 1997). What is written is

    bounces+ID-HASH@domain

with the id of a delivery to one recipient, in the domain of its sender, so that SPF and DMARC come
to what they came to before. A hash by a key of ours says that we made it: who has not seen the
mail can make none. Its time is in the id, and says for how long it is good.
"""

import base64
import hashlib
import hmac
import re
import uuid
from datetime import datetime, timedelta

from topologies.mail import ids, mailbox_address

MOST_AGE = timedelta(days=30)  # some report after days; most within minutes
HASH_CHARACTERS = 16

_ONE = re.compile(
    rf"bounces\+(?P<id>[a-z2-7]{{26}})-(?P<hash>[a-z2-7]{{{HASH_CHARACTERS}}})", re.IGNORECASE
)


class NotOurs(ValueError):
    """It was not made by us, or too long ago."""


def key_of(secret: bytes) -> bytes:
    """Return the key for these addresses, made of *secret*, which is for other things, too."""
    return hmac.digest(secret, b"bounces to us", "sha256")


def is_one(local: str) -> bool:
    """Tell whether a local part looks like one that stands for a delivery."""
    return _ONE.fullmatch(local) is not None


def made(delivery_id: str, mail_from: str, key: bytes) -> str:
    """Return the reverse-path of a delivery that *mail_from* sends; empty: there can be none."""
    try:
        number = uuid.UUID(delivery_id).bytes
        domain = mailbox_address.parse(mail_from).domain
    except ValueError:
        return ""
    name = base64.b32encode(number).decode().rstrip("=").lower()
    return f"bounces+{name}-{_hash(key, name)}@{domain}"


def delivery_of(local: str, key: bytes, now: datetime) -> str:
    """Return the id of the delivery that *local* stands for.

    Raises:
        NotOurs: Its hash is wrong, or it is too old.
    """
    match = _ONE.fullmatch(local)
    if match is None:
        raise NotOurs("it is none")
    name = match["id"].lower()  # some hosts change the case of a local part
    if not hmac.compare_digest(match["hash"].lower(), _hash(key, name)):
        raise NotOurs("its hash is wrong")
    delivery_id = str(uuid.UUID(bytes=base64.b32decode(f"{name.upper()}======")))
    if now - ids.time_of(delivery_id) > MOST_AGE:
        raise NotOurs("it is too old")
    return delivery_id


def _hash(key: bytes, name: str) -> str:
    digest = hmac.digest(key, name.encode(), hashlib.sha256)
    return base64.b32encode(digest).decode().lower()[:HASH_CHARACTERS]
