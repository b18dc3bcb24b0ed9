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
from email.message import EmailMessage
from email.utils import format_datetime

from topologies.events import Address
from topologies.mail import mailbox_address
from topologies.mail.header_lines import address_field, id_field, text_field

_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_POLICY = email.policy.SMTP.clone(cte_type="7bit")
_NO_LINE = re.compile(rb"[\r\n\0]")
LONGEST_LINE = 998  # octets without CRLF (RFC 5322 §2.1.1)
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
    reply_to: Sequence[Address] = ()
    fields: Sequence[tuple[str, str]] = ()  # further ones, name and text


def compose(draft: Draft) -> bytes:
    """Return the message with CRLF line ends.

    Raises:
        ValueError: A header text holds a control character, or an address can't be written.
    """
    message = EmailMessage(_POLICY)
    message.set_content(draft.text, charset="utf-8")
    if draft.html is not None:
        message.add_alternative(draft.html, subtype="html", charset="utf-8")
    for file in draft.files:
        _attach(message, file)
    _name_boundaries(message, draft.message_id)
    return _header(draft) + message.as_bytes()


def is_content_type(text: str) -> bool:
    """Tell whether *text* is a type and a subtype (RFC 2045 §5.1) that a file may have."""
    return _TYPE.fullmatch(text) is not None


def has_controls(text: str) -> bool:
    """Tell whether *text* holds what must not stand in a header: line ends first of all."""
    return _CONTROLS.search(text) is not None


def _attach(message: EmailMessage, file: File) -> None:
    if file.content_type.lower() == "message/rfc822" and _is_plain(file.content):
        _attach_mail(message, file)
        return
    maintype, _, subtype = file.content_type.lower().partition("/")
    if maintype in ("multipart", "message"):  # RFC 2046 §5: those must not be in base64
        maintype, subtype = "application", "octet-stream"
    message.add_attachment(
        file.content, maintype=maintype, subtype=subtype, cte="base64", filename=_checked(file.name)
    )


def _attach_mail(message: EmailMessage, file: File) -> None:
    # As it is, not by the standard library's parser, which would write it anew.
    message.add_attachment(b"", maintype="application", subtype="octet-stream", cte="base64")
    [*_, part] = message.iter_attachments()
    for name in ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"):
        del part[name]
    part["Content-Type"] = "message/rfc822"
    part["Content-Transfer-Encoding"] = "7bit"
    part.add_header("Content-Disposition", "attachment", filename=_checked(file.name))
    part.set_payload(file.content.decode("ascii"))


def _is_plain(content: bytes) -> bool:
    """Tell whether *content* can stand in a message of 7-bit lines as it is (RFC 2045 §2.7)."""
    lines = content.split(b"\r\n")
    is_in_lines = all(len(line) <= LONGEST_LINE and not _NO_LINE.search(line) for line in lines)
    return is_in_lines and content.isascii()


def _header(draft: Draft) -> bytes:
    # Not by the standard library: it encodes ids that are longer than a line, and breaks long
    # names so that their commas part addresses.
    known = list(dict.fromkeys((*draft.references, draft.in_reply_to)))
    if len(known) > MOST_REFERENCES:
        known = [known[0], *known[-(MOST_REFERENCES - 1) :]]
    people = (
        *(("From", (draft.sender,)), ("Reply-To", draft.reply_to)),
        *(("To", draft.to), ("Cc", draft.cc)),
    )
    lines = [
        *(address_field(name, [_valid(each) for each in given]) for name, given in people if given),
        text_field("Subject", _checked(draft.subject)),
        text_field("Date", format_datetime(draft.date)),
        id_field("Message-ID", [_checked(draft.message_id)]),
    ]
    if draft.in_reply_to:
        lines.append(id_field("In-Reply-To", [_checked(draft.in_reply_to)]))
        lines.append(id_field("References", [_checked(each) for each in known]))
    lines += [text_field(_checked(name), _checked(text)) for name, text in draft.fields]
    return "".join(lines).encode()


def _valid(given: Address) -> Address:
    address = str(mailbox_address.parse(_checked(given.address)))
    return Address(address=address, name=_checked(given.name))


def _checked(text: str) -> str:
    if has_controls(text):
        raise ValueError("a control character in a header")
    return text


def _name_boundaries(message: EmailMessage, seed: str) -> None:
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            digest = hashlib.sha256(f"{seed}\0{number}".encode()).hexdigest()[:32]
            part.set_boundary(f"=_{digest}")
