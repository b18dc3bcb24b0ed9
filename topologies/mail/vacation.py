"""The answer of somebody who is away (RFC 5230 §5, RFC 3834 §3).

Pure. Whether one may be sent is said by ``answerable``; how often, by whoever keeps count by
``handle``. The same mail gets the same answer, so that a replay makes no second one.
"""

import hashlib
import re
from datetime import datetime

from topologies.events import Address, Message
from topologies.mail import address_list, compose, header_lines, mailbox_address
from topologies.mail.compose import Draft
from topologies.mail.sieve_actions import Vacation

SUBJECT_CHARACTERS = 200

_PART_FIELD = re.compile(r"Content-[A-Za-z0-9-]{1,60}:", re.IGNORECASE)
_LAST_FIELD = b"MIME-Version: 1.0\r\n"


def handle(vacation: Vacation, sender: str) -> str:
    """Return what is counted: an answer of this kind to *sender* (RFC 5230 §4.2)."""
    key = mailbox_address.parse(sender).key
    # What variables stand for may be of the mail, its subject say: then each one would be answered.
    said = vacation.written or f"{vacation.reason}\0{vacation.subject}\0{vacation.sender}"
    what = vacation.handle or f"{said}\0{vacation.is_mime}"
    return hashlib.sha256(
        f"{key}\0{bool(vacation.handle)}\0{what}".encode("utf-8", "replace")
    ).hexdigest()


def answer(
    vacation: Vacation, message: Message, *, to: str, user: Address, mail_id: str, at: datetime
) -> bytes:
    """Return the message that answers *message*.

    Args:
        vacation: What is said.
        message: What came.
        to: Its envelope sender.
        user: Who is away.
        mail_id: Of the answer.
        at: When the mail came.
    """
    sender = _sender(vacation, user)
    domain = sender.address.rpartition("@")[2]
    draft = Draft(
        message_id=f"{mail_id}@{domain}",
        date=at,
        sender=sender,
        to=(Address(address=to),),
        subject=_clean(vacation.subject) or f"Auto: {_clean(message.subject)}"[:SUBJECT_CHARACTERS],
        text="" if vacation.is_mime else vacation.reason,
        in_reply_to=message.message_id if _is_plain(message.message_id) else "",
        references=tuple(each for each in message.references if _is_plain(each)),
    )
    raw = compose.compose(draft)
    marks = header_lines.text_field("Auto-Submitted", "auto-replied")  # RFC 5230 §5.8, RFC 3834 §5
    marks += header_lines.text_field("X-Auto-Response-Suppress", "All")
    if vacation.is_mime and (part := _part(vacation.reason)):
        header = raw.partition(b"MIME-Version:")[0]
        head = [line for line in header.split(b"\r\n") if not line.lower().startswith(b"content-")]
        return marks.encode() + b"\r\n".join(head) + _LAST_FIELD + part
    return marks.encode() + raw


def _sender(vacation: Vacation, user: Address) -> Address:
    """Return who answers: an address of the user, whatever the script says."""
    if not vacation.sender:
        return user
    found, _ = address_list.read(vacation.sender.encode())
    name = _clean(found[0].name) if found else ""
    # RFC 5230 §5.3 lets us refuse other addresses: a script must not send in another's name.
    return Address(address=user.address, name=name or user.name)


def _part(reason: str) -> bytes:
    """Return a MIME part with its header; empty if it is none."""
    header, empty, body = reason.replace("\r\n", "\n").partition("\n\n")
    fields = header.split("\n")
    is_one = all(_PART_FIELD.match(line) or line[:1] in (" ", "\t") for line in fields)
    if not empty or not is_one or not _PART_FIELD.match(fields[0]) or not header.isascii():
        return b""
    return "\r\n".join([*fields, "", *body.split("\n")]).encode("utf-8", "replace")


def _clean(text: str) -> str:
    return " ".join("".join(c if not compose.has_controls(c) else " " for c in text).split())


def _is_plain(message_id: str) -> bool:
    return message_id.isascii() and message_id.isprintable() and " " not in message_id
