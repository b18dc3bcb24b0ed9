"""What MAIL, RCPT and BDAT say: addresses, parameters and sizes, read and checked.

Decides by the text of a command alone; whether somebody is known here is asked elsewhere
(``topologies.edge``). Sources: RFC 5321 §4.1.1, RFC 1870, RFC 6152, RFC 3030, RFC 6531,
RFC 3461, RFC 8689.
"""

import re
from dataclasses import dataclass
from typing import Literal

from connectors.smtp_in import dsn, paths, replies
from topologies.events.inbound import BodyType, RecipientWish

_DIGITS = re.compile(r"[0-9]{1,20}")  # RFC 1870 §3, RFC 3030 §2
_BODIES: dict[str, BodyType] = {
    "7BIT": "7BIT",
    "8BITMIME": "8BITMIME",
    "BINARYMIME": "BINARYMIME",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What MAIL said."""

    path: str  # without <>; empty for bounces
    size_bytes: int = 0  # as declared, 0 if it was not
    body: BodyType = "7BIT"
    is_utf8: bool = False
    returned: Literal["", "FULL", "HDRS"] = ""
    envelope_id: str = ""
    requires_tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What RCPT said."""

    path: str  # without <> and a source route
    wish: RecipientWish | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """What BDAT said."""

    size_bytes: int
    is_last: bool


def read_sender(
    text: str | None,
    *,
    is_extended: bool,
    max_bytes: int,
    is_signed_in: bool = False,
    is_secure: bool = False,
) -> Sender | str:
    """Return what the argument of MAIL says, or the reply that refuses it.

    Args:
        text: The argument.
        is_extended: The client said EHLO.
        max_bytes: Of the largest message that is taken.
        is_signed_in: Whose mail it is is known.
        is_secure: The session is in TLS.
    """
    argument = paths.read("FROM:", text)
    if argument is None:
        return replies.MAIL_SYNTAX
    path, parameters = argument.path, argument.parameters
    if parameters and not is_extended:
        return replies.UNKNOWN_PARAMETER  # HELO promised none
    size = parameters.pop("SIZE", "0")
    body = _BODIES.get(parameters.pop("BODY", "7BIT").upper())
    utf8 = parameters.pop("SMTPUTF8", None)
    returned, envelope_id = parameters.pop("RET", None), parameters.pop("ENVID", None)
    requires_tls = parameters.pop("REQUIRETLS", None)
    if is_signed_in:
        parameters.pop("AUTH", None)  # RFC 4954 §5: whoever else was meant, it is our user's mail
    if parameters:
        return replies.UNKNOWN_PARAMETER
    if argument.is_repeated or body is None or utf8 or not _DIGITS.fullmatch(size):
        return replies.BAD_PARAMETER
    if requires_tls:
        return replies.BAD_PARAMETER  # RFC 8689 §2: it has no value
    if requires_tls is not None and not is_secure:
        return replies.NEEDS_TLS  # what was said in clear text is known to others already
    if int(size) > max_bytes:
        return replies.TOO_BIG.format(max_bytes=max_bytes)
    if not path.isascii() and utf8 is None:
        return replies.NEEDS_SMTPUTF8  # RFC 6531 §3.5
    if path and not paths.is_sender(path):
        return replies.BAD_SENDER
    try:
        return Sender(
            path=path,
            size_bytes=int(size),
            body=body,
            is_utf8=utf8 is not None,
            returned="" if returned is None else dsn.ret(returned),
            envelope_id="" if envelope_id is None else dsn.envid(envelope_id),
            requires_tls=requires_tls is not None,
        )
    except ValueError:
        return replies.BAD_PARAMETER


def read_recipient(text: str | None, *, is_extended: bool, is_utf8: bool) -> Recipient | str:
    """Return what the argument of RCPT says, or the reply that refuses it."""
    argument = paths.read("TO:", text)
    if argument is None:
        return replies.RCPT_SYNTAX
    path, parameters = argument.path, argument.parameters
    if parameters and not is_extended:
        return replies.UNKNOWN_PARAMETER
    notify, original = parameters.pop("NOTIFY", None), parameters.pop("ORCPT", None)
    if parameters:
        return replies.UNKNOWN_PARAMETER
    if argument.is_repeated:
        return replies.BAD_PARAMETER
    if not path.isascii() and not is_utf8:
        return replies.NEEDS_SMTPUTF8
    if notify is None and original is None:
        return Recipient(path=path)
    try:
        wish = RecipientWish(
            recipient=path,
            notify=() if notify is None else tuple(dsn.notify(notify)),
            original="" if original is None else dsn.orcpt(original),
        )
    except ValueError:
        return replies.BAD_PARAMETER
    return Recipient(path=path, wish=wish)


def read_chunk(text: str | None) -> Chunk | None:
    """Return what the argument of BDAT says; None if that can't be told (RFC 3030 §2)."""
    size, *rest = (text or "").upper().split()[:3] or [""]
    if not _DIGITS.fullmatch(size) or rest not in ([], ["LAST"]):
        return None
    return Chunk(int(size), is_last=bool(rest))
