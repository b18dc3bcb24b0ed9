"""Delivery status notifications, built (RFC 3464, in a multipart/report of RFC 6522).

Reads what is to be told; who is told it, and when, is decided elsewhere. Nothing is drawn or
read from a clock: the same report is the same message.
"""

import hashlib
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Literal

from topologies.events import Address
from topologies.mail import header_words, status
from topologies.mail.header_lines import address_field, id_field, text_field

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
MOST_EXPLAINED = 100  # recipients in the part for people; machines are told all
MOST_ORIGINAL_BYTES = 64 * 1024  # of a message that comes back whole; of larger ones the header
MOST_HEADER_BYTES = 32 * 1024
LONGEST_TEXT = 800  # characters of a peer's words

_REPLY = re.compile(r"[2-5][0-9]{2} ")  # begins what a peer said; what we say ourselves is none
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_SUBJECTS: dict[Action, str] = {
    "failed": "Your mail could not be delivered",
    "delayed": "Your mail is delayed",
    "delivered": "Your mail was delivered",
    "relayed": "Your mail was passed on",
    "expanded": "Your mail was passed on to a list",
}
_INTRODUCTIONS: dict[Action, str] = {
    "failed": "could not be delivered, and will not be tried again:",
    "delayed": "could not be delivered yet. You need do nothing: it is tried again.",
    "delivered": "was delivered:",
    "relayed": "was passed on to a system that does not tell what becomes of it:",
    "expanded": "was passed on to all members of a list:",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReport:
    """What is told about one recipient (RFC 3464 §2.3).

    Attributes:
        original: The address as the sender wrote it, with its type: ``rfc822;bo@x.example``.
        status: RFC 3463.
        remote_mta: Who said so.
        diagnostic: What it said, with its code, or what we say; empty: nobody said anything.
        is_ours: We refused it ourselves, and `diagnostic` says why in words for people.
        retry_until: For delays: when it is given up.
    """

    recipient: str
    action: Action
    status: str
    original: str = ""
    remote_mta: str = ""
    diagnostic: str = ""
    attempted_at: datetime | None = None
    retry_until: datetime | None = None
    is_ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A delivery status notification (RFC 3464 §2.2)."""

    reporting_mta: str
    recipients: tuple[RecipientReport, ...]
    envelope_id: str = ""
    arrived_at: datetime | None = None


def build(
    report: Report,
    *,
    to: str,
    message_id: str,
    date: datetime,
    original: bytes = b"",
    is_whole: bool = False,
) -> bytes:
    """Return the message that tells *report*, with CRLF line ends.

    Args:
        report: All recipients failed, all are late, or all have it, however it was handed on.
        to: Who is told.
        message_id: Without <>.
        date: When it was found out.
        original: The message that it is about; empty: it is not there any more.
        is_whole: Give it back whole, not its header alone.
    """
    actions: list[Action] = [each.action for each in report.recipients]
    # It promises no more than is known.
    action: Action = "relayed" if "relayed" in actions else actions[0]
    is_utf8 = not (to.isascii() and all(each.recipient.isascii() for each in report.recipients))
    boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:32]
    subject = _original_subject(original)
    parts = [
        _text_part(_for_people(report, subject)),
        (
            "message/global-delivery-status" if is_utf8 else "message/delivery-status",
            "8bit" if is_utf8 else "7bit",
            _for_machines(report, is_utf8).encode(),
        ),
    ]
    if original:
        parts.append(_returned(original, is_whole=is_whole))
    head = (
        address_field(
            "From",
            [Address(address=f"mailer-daemon@{report.reporting_mta}", name="Mail delivery")],
        )
        + address_field("To", [Address(address=to)])
        + text_field("Subject", f"{_SUBJECTS[action]}: {subject}" if subject else _SUBJECTS[action])
        + text_field("Date", format_datetime(date.replace(microsecond=0)))
        + id_field("Message-ID", [message_id])
        + "Auto-Submitted: auto-replied\r\n"  # RFC 3834 §5: nothing answers it
        + "MIME-Version: 1.0\r\n"
        + "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        + f' boundary="{boundary}"\r\n\r\n'
    )
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for kind, encoding, content in parts
    )
    return head.encode() + body + f"--{boundary}--\r\n".encode()


def one_line(text: str) -> str:
    """Return *text* as it can stand in a field: no line ends, nothing that acts, not too long."""
    clean = _CONTROLS.sub(" ", text).strip()
    return clean if len(clean) <= LONGEST_TEXT else clean[:LONGEST_TEXT] + " …"


def _text_part(text: str) -> tuple[str, str, bytes]:
    if text.isascii():
        return "text/plain; charset=us-ascii", "7bit", text.encode()
    content = quopri.encodestring(text.replace("\r\n", "\n").encode())
    return "text/plain; charset=utf-8", "quoted-printable", content.replace(b"\n", b"\r\n")


def _for_people(report: Report, subject: str) -> str:
    what = f'Your mail "{subject}"' if subject else "Your mail"
    lines: list[str] = []
    told = ""
    for each in sorted(report.recipients, key=lambda each: each.action)[:MOST_EXPLAINED]:
        if each.action != told:
            told = each.action
            lines += [f"{what} {_INTRODUCTIONS[each.action]}", ""]
        lines.append(f"  {one_line(each.recipient)}")
        if each.action in ("failed", "delayed") and not each.is_ours:
            lines.append(f"    {status.in_words(each.status)}")
        if each.diagnostic and each.action in ("failed", "delayed"):
            said = one_line(each.diagnostic)
            host = one_line(each.remote_mta)
            if not host:
                lines.append(f"    {said}")
            else:
                lines.append(
                    f"    {host} said: {said}" if _is_reply(said) else f"    {host}: {said}"
                )
        if each.retry_until is not None:
            lines.append(f"    It is tried until {each.retry_until:%d %B %Y %H:%M} UTC.")
        lines.append("")
    if len(report.recipients) > MOST_EXPLAINED:
        lines += [f"  and {len(report.recipients) - MOST_EXPLAINED} more", ""]
    return "\r\n".join(lines)


def _for_machines(report: Report, is_utf8: bool) -> str:
    blocks = [list(_of_message(report))]
    blocks += [list(_of_recipient(each, is_utf8)) for each in report.recipients]
    return "\r\n".join("".join(f"{line}\r\n" for line in block) for block in blocks)


def _of_message(report: Report) -> Iterator[str]:
    if report.envelope_id:
        yield f"Original-Envelope-Id: {_ascii(report.envelope_id)}"
    yield f"Reporting-MTA: dns; {report.reporting_mta}"
    if report.arrived_at is not None:
        yield f"Arrival-Date: {format_datetime(report.arrived_at.replace(microsecond=0))}"


def _of_recipient(each: RecipientReport, is_utf8: bool) -> Iterator[str]:
    if each.original:
        yield f"Original-Recipient: {_kept(each.original, is_utf8)}"
    kind = "rfc822" if each.recipient.isascii() else "utf-8"
    yield f"Final-Recipient: {kind}; {_kept(each.recipient, is_utf8)}"
    yield f"Action: {each.action}"
    yield f"Status: {each.status}"
    if each.remote_mta:
        yield f"Remote-MTA: dns; {_ascii(each.remote_mta)}"
    if each.diagnostic:
        # ASCII, as RFC 3464 has it; who reads them loses no more than letters. §2.3.6, §9.2:
        # of the type smtp are replies alone.
        said = _ascii(each.diagnostic)
        yield f"Diagnostic-Code: {'smtp' if _is_reply(said) else 'x-rillmail'}; {said}"
    if each.attempted_at is not None:
        yield f"Last-Attempt-Date: {format_datetime(each.attempted_at.replace(microsecond=0))}"
    if each.retry_until is not None:
        yield f"Will-Retry-Until: {format_datetime(each.retry_until.replace(microsecond=0))}"


def _is_reply(said: str) -> bool:
    """Tell whether a peer said so, and not we."""
    return _REPLY.match(said) is not None


def _kept(text: str, is_utf8: bool) -> str:
    return one_line(text) if is_utf8 else _ascii(text)


def _ascii(text: str) -> str:
    return one_line(text).encode("ascii", "replace").decode()


def _returned(original: bytes, *, is_whole: bool) -> tuple[str, str, bytes]:
    if is_whole and len(original) <= MOST_ORIGINAL_BYTES:
        return "message/rfc822", "7bit" if original.isascii() else "8bit", original
    header = original.partition(b"\r\n\r\n")[0][:MOST_HEADER_BYTES]
    if len(header) == MOST_HEADER_BYTES:
        header = header.rpartition(b"\r\n")[0]
    kind = "text/rfc822-headers" if header.isascii() else "message/global-headers"  # RFC 6533 §5
    return kind, "7bit" if header.isascii() else "8bit", header + b"\r\n"


def _original_subject(original: bytes) -> str:
    match = re.search(
        rb"^subject:[ \t]*(.{0,2000}?)\r\n(?![ \t])",
        original.partition(b"\r\n\r\n")[0][:MOST_HEADER_BYTES] + b"\r\n",
        re.IGNORECASE | re.MULTILINE | re.DOTALL,
    )
    return one_line(header_words.text_of(match[1]))[:200] if match else ""
