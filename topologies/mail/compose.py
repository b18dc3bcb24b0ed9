"""A message that one of our users writes, as bytes: RFC 5322 and MIME, in 7-bit lines.

Reads what was checked before (no control characters in header texts, valid addresses); decides
how it is encoded. Nothing is drawn or read from a clock: the same draft is the same message, so
that a repeated request sends no other mail. Bcc is never written.
"""

import email.policy
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.utils import format_datetime

from topologies.events import Address
from topologies.mail import mailbox_address

_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
MOST_REFERENCES = 50  # the first and the nearest; long threads would outgrow any line


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to attach."""

    name: str
    content_type: str  # type/subtype
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a message is made of; who gets it unseen is not part of it."""

    message_id: str  # without <>
    date: datetime
    sender: Address
    to: Sequence[Address] = ()
    cc: Sequence[Address] = ()
    subject: str = ""
    text: str = ""
    html: str | None = None
    files: Sequence[File] = ()
    in_reply_to: str = ""  # without <>
    references: Sequence[str] = ()  # of the mail that is answered, oldest first


def compose(draft: Draft) -> bytes:
    """Return the message with CRLF line ends.

    Raises:
        ValueError: A header text holds a control character, or an address can't be written.
    """
    people = (draft.sender, *draft.to, *draft.cc)
    is_ascii = all(person.address.isascii() for person in people)
    # RFC 6532 only where it must be: an address beyond ASCII has no other form.
    policy = email.policy.SMTP if is_ascii else email.policy.SMTPUTF8
    policy = policy.clone(cte_type="7bit")
    message = EmailMessage(policy)
    message["From"] = _header_address(draft.sender)
    for name, addresses in (("To", draft.to), ("Cc", draft.cc)):
        if addresses:
            message[name] = tuple(_header_address(address) for address in addresses)
    message["Subject"] = _checked(draft.subject)
    message["Date"] = format_datetime(draft.date)
    message["Message-ID"] = f"<{draft.message_id}>"
    if draft.in_reply_to:
        message["In-Reply-To"] = f"<{draft.in_reply_to}>"
        message["References"] = _references(draft)
    message.set_content(draft.text, charset="utf-8")
    if draft.html is not None:
        message.add_alternative(draft.html, subtype="html", charset="utf-8")
    for file in draft.files:
        _attach(message, file)
    _name_boundaries(message, draft.message_id)
    return message.as_bytes()


def is_content_type(text: str) -> bool:
    """Tell whether *text* is a type and a subtype (RFC 2045 §5.1) that a file may have."""
    return _TYPE.fullmatch(text) is not None


def has_controls(text: str) -> bool:
    """Tell whether *text* holds what must not stand in a header: line ends first of all."""
    return _CONTROLS.search(text) is not None


def _attach(message: EmailMessage, file: File) -> None:
    maintype, _, subtype = file.content_type.lower().partition("/")
    if maintype in ("multipart", "message"):  # RFC 2046 §5: those must not be in base64
        maintype, subtype = "application", "octet-stream"
    message.add_attachment(
        file.content, maintype=maintype, subtype=subtype, cte="base64", filename=_checked(file.name)
    )


def _header_address(address: Address) -> HeaderAddress:
    # Not as one text: its reader takes no local part beyond ASCII (RFC 6531).
    parsed = mailbox_address.parse(_checked(address.address))
    name = _checked(address.name)
    return HeaderAddress(display_name=name, username=parsed.local, domain=parsed.domain)


def _references(draft: Draft) -> str:
    ids = list(dict.fromkeys((*draft.references, draft.in_reply_to)))
    if len(ids) > MOST_REFERENCES:
        ids = [ids[0], *ids[-(MOST_REFERENCES - 1) :]]
    return " ".join(f"<{each}>" for each in ids)


def _checked(text: str) -> str:
    if has_controls(text):
        raise ValueError("a control character in a header")
    return text


def _name_boundaries(message: EmailMessage, seed: str) -> None:
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            digest = hashlib.sha256(f"{seed}\0{number}".encode()).hexdigest()[:32]
            part.set_boundary(f"=_{digest}")
