"""Reports on our domains that other systems send once a day: which mails may carry some.

Of mail in a domain's name (RFC 7489 §7.2, RFC 9990), and of TLS on the way to it (RFC 8460).
Recognised by where they go; what is in them is read by ``dmarc_report`` and ``tls_report``, and
whether they are believed is decided there.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from topologies.events import AggregateArrived, Attachment, MailParsed, MailScored
from topologies.mail import mailbox_address
from topologies.ports.directory import Directory

Kind = Literal["dmarc", "tls"]
MOST_FILES = 4  # of one mail
TEXT_CHARACTERS = 255
_LOCAL_PART = "postmaster"  # which every domain has, and whose mail leads to its administrators
_MOST_LABELS = 10
# As they are declared; many are application/octet-stream, so names count as well.
_TYPES = frozenset(
    {
        "application/gzip",
        "application/x-gzip",
        "application/zip",
        "application/x-zip-compressed",
        "application/xml",
        "text/xml",
        "application/json",
        "application/tlsrpt+gzip",
        "application/tlsrpt+json",
    }
)
_ENDS = (".xml", ".xml.gz", ".zip", ".json", ".json.gz")


def report_address(domain: str) -> str:
    """Return where other systems are asked to send reports on *domain*."""
    return f"{_LOCAL_PART}@{domain}"


def arrived(mail: MailScored, unreached: Collection[str]) -> Sequence[AggregateArrived]:
    """Return that *mail* may carry reports, if it may.

    Args:
        mail: As it is routed.
        unreached: Those of its recipients that lead to nobody here.
    """
    found = tuple(each for each in mail.message.attachments if _may_be_one(each))
    asked = (each for each in mail.recipients if each not in unreached)
    if not found or not any(map(is_report_address, asked)):
        return []
    bare = msgspec.structs.replace(
        mail.message,
        snippet="",
        text="",
        text_blob=None,
        html=None,
        html_blob=None,
        attachments=found[:MOST_FILES],
    )
    return [
        AggregateArrived(
            mail_id=mail.mail_id,
            received_at=mail.received_at,
            message=bare,
            authentication=mail.authentication,
        )
    ]


def may_bring_some(mail: MailParsed) -> bool:
    """Tell whether *mail* may carry reports on a domain of ours, by what it holds and to whom."""
    return any(map(_may_be_one, mail.message.attachments)) and any(
        map(is_report_address, mail.recipients)
    )


async def domain_of(name: str, directory: Directory) -> str | None:
    """Return which domain of ours *name* is, or lies below; None: it is none of them."""
    try:
        name = mailbox_address.domain_in_ascii(name.rstrip("."))
    except ValueError:
        return None
    labels = name.split(".")
    for first in range(min(len(labels), _MOST_LABELS)):
        domain = ".".join(labels[first:])
        if (await directory.resolve(report_address(domain))).status in ("local", "unknown"):
            return domain
    return None


def key_of(kind: Kind, *parts: str) -> str:
    """Return the id of a report, whose *parts* say who made it and how they call it."""
    return hashlib.sha256("\0".join((kind, *parts)).encode()).hexdigest()[:32]


def clean(text: str) -> str:
    """Return *text* of a report on one line, without what can't be seen, and cut."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:TEXT_CHARACTERS]


def is_report_address(recipient: str) -> bool:
    """Tell whether reports on some domain are asked for at *recipient*."""
    try:
        return mailbox_address.parse(recipient).local.lower() == _LOCAL_PART
    except ValueError:
        return False


def _may_be_one(attachment: Attachment) -> bool:
    name = attachment.file_name.lower()
    return attachment.content_type in _TYPES or name.endswith(_ENDS)
