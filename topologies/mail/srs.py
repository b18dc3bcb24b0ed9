"""Reverse-paths of forwarded mail: the Sender Rewriting Scheme.

Pure. A host that forwards is not in the SPF record of the sender's domain, so it sends under an
address of its own that holds the sender's. What bounces there is decoded and goes on. There is no
RFC; what is written is as the scheme was published (Meng Weng Wong, Shevek, 2003):

    SRS0=HASH=DAY=host=local@forwarder         by whoever forwards first
    SRS1=HASH=first=OPAQUE@forwarder           by whoever forwards such a mail on

A hash by a key of ours says that we made it, and the day in it for how long it is good: else we
would relay for everybody. Whoever forwards on leaves the first one's part as it is, and sends what
bounces to that one alone, so that addresses don't grow with each hop.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime

from topologies.mail import mailbox_address

MOST_AGE_DAYS = 21
HASH_CHARACTERS = 6
_DAYS = 32 * 32  # two characters of base32, after which days begin anew
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_FLAGS = re.IGNORECASE | re.DOTALL
_SRS0 = re.compile(
    r"srs0[=+-](?P<hash>[^=]{4,64})=(?P<day>[a-z2-7]{2})=(?P<host>[^=]+)=(?P<local>.+)", _FLAGS
)
_SRS1 = re.compile(r"srs1[=+-](?P<hash>[^=]{4,64})=(?P<host>[^=]+)=(?P<opaque>[=+-].+)", _FLAGS)
_ANY = re.compile(r"srs[01][=+-]", re.IGNORECASE)


class NotOurs(ValueError):
    """It was not made by us, or too long ago."""


def key_of(secret: bytes) -> bytes:
    """Return the key for these addresses, made of *secret*, which is for other things, too."""
    return hmac.digest(secret, b"sender rewriting", "sha256")


def is_one(local: str) -> bool:
    """Tell whether a local part looks like one that stands for another's address."""
    return _ANY.match(local) is not None


def rewritten(mail_from: str, domain: str, key: bytes, now: datetime) -> str | None:
    """Return the reverse-path under which mail of *mail_from* is forwarded by *domain*.

    None: there is no such address, since it would be too long (RFC 5321 §4.5.3.1.1), or
    *mail_from* is no address itself.
    """
    local, _, host = mail_from.rpartition("@")
    if match := _SRS1.fullmatch(local):
        first, opaque = match["host"], match["opaque"]
        made = f"SRS1={_hash(key, first, opaque)}={first}={opaque}"
    elif _SRS0.fullmatch(local):
        opaque = local[4:]  # with its separator
        made = f"SRS1={_hash(key, host, opaque)}={host}={opaque}"
    else:
        day = _day(now)
        made = f"SRS0={_hash(key, day, host, local)}={day}={host}={local}"
    try:
        mailbox_address.parse(mail_from)
        return str(mailbox_address.parse(f"{made}@{domain}"))
    except ValueError:
        return None


def original(local: str, key: bytes, now: datetime) -> str:
    """Return the address that *local* stands for.

    Raises:
        NotOurs: Its hash is wrong, or it is too old.
    """
    if match := _SRS0.fullmatch(local):
        day, host, name = match["day"], match["host"], match["local"]
        _check(match["hash"], _hash(key, day, host, name))
        if (_number(_day(now)) - _number(day)) % _DAYS > MOST_AGE_DAYS:
            raise NotOurs("it is too old")
        return _address(f"{name}@{host}")
    if match := _SRS1.fullmatch(local):
        host, opaque = match["host"], match["opaque"]
        _check(match["hash"], _hash(key, host, opaque))
        return _address(f"SRS0{opaque}@{host}")
    raise NotOurs("it is none")


def _address(text: str) -> str:
    try:
        return str(mailbox_address.parse(text))
    except ValueError as error:
        raise NotOurs(str(error)) from None


def _check(given: str, expected: str) -> None:
    # Some hosts change the case of a local part.
    if not hmac.compare_digest(given.lower().encode(), expected.encode()):
        raise NotOurs("its hash is wrong")


def _hash(key: bytes, *parts: str) -> str:
    text = "\0".join(parts).lower().encode("utf-8", "surrogatepass")
    digest = hmac.digest(key, text, hashlib.sha256)
    return base64.b32encode(digest).decode().lower()[:HASH_CHARACTERS]


def _day(now: datetime) -> str:
    number = int(now.timestamp()) // 86_400 % _DAYS
    return _DIGITS[number // 32] + _DIGITS[number % 32]


def _number(day: str) -> int:
    return _DIGITS.index(day[0].lower()) * 32 + _DIGITS.index(day[1].lower())
