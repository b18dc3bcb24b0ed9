"""Bounce: the sender of a mail is told that it failed, is late, or was passed on (RFC 3464).

Reads `delivery.outcomes`; writes a report to the reverse-path of the mail: `MailReceived` if that
is here, else `MailOutgoing`. It has no reverse-path itself, and nobody is told of what has none
(RFC 5321 §6.1), so reports never answer reports. One report tells all recipients of an attempt
who fared alike. Ids and texts are derived from the attempt: however often this runs, the sender
has one. Whether an address is written to again is not decided here.
"""

from collections.abc import Sequence
from datetime import datetime

from topologies.errors import BlobMissing
from topologies.events import (
    RAW_INLINE_BYTES,
    DeliveryAttempted,
    Event,
    MailOutgoing,
    MailReceived,
)
from topologies.mail import dsn, ids, reporting
from topologies.mail.dsn import Report
from topologies.mail.raw import read_raw
from topologies.mail.reporting import Told
from topologies.ports.blobs import Blobs
from topologies.ports.deliveries import Deliveries, Delivery
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.policy import ReportPolicy
from topologies.stage import stage


@stage(reads=DeliveryAttempted, writes=[MailReceived, MailOutgoing])
async def bounce(
    attempted: DeliveryAttempted,
    *,
    deliveries: Deliveries,
    directory: Directory,
    mailboxes: Mailboxes,
    blobs: Blobs,
    policy: ReportPolicy,
) -> Sequence[Event]:
    """Return the reports that the sender is to get."""
    if not attempted.mail_from or attempted.kind == "report" or attempted.is_late:
        return []
    known = await deliveries.find(attempted.delivery_id)
    if known is not None and known.order == "cancel":  # who cancels knows
        return []
    at = _first_made_at(attempted, known)
    reports: dict[Told, Report] = {
        told: report
        for told in reporting.TOLD
        if (told != "delayed" or policy.is_delay_told)
        and (report := reporting.about(attempted, told, reporting_mta=policy.hostname, at=at))
    }
    if not reports:
        return []
    original = await _original(attempted, mailboxes, blobs)
    is_here = (await directory.resolve(attempted.mail_from)).status in ("local", "unknown")
    written: list[Event] = []
    for told, report in reports.items():
        mail_id = _id_of(attempted, told, at)
        reported_at = ids.time_of(mail_id)
        raw = dsn.build(
            report,
            to=attempted.mail_from,
            message_id=f"{mail_id}@{policy.hostname}",
            date=at,
            original=original,
            is_whole=reporting.wants_whole(attempted, told),
        )
        [blob] = [None] if len(raw) <= RAW_INLINE_BYTES else await blobs.put([raw])
        make = _received if is_here else _outgoing
        written.append(make(attempted, mail_id, reported_at, raw, blob))
    return written


def _first_made_at(attempted: DeliveryAttempted, known: Delivery | None) -> datetime:
    """Return when the attempt was made; one that is handed in twice was made the first time."""
    if known is not None:
        for each in known.recipients:
            if each.attempt == attempted.attempt and each.attempted_at is not None:
                return each.attempted_at
    return attempted.attempted_at


def _id_of(attempted: DeliveryAttempted, told: Told, at: datetime) -> str:
    if told == "delayed":  # one for all attempts that tell of it
        since = attempted.submitted_at + reporting.DELAY_TOLD_AFTER
        return ids.derived_id(since, "report", attempted.delivery_id, told)
    return ids.derived_id(at, "report", attempted.delivery_id, told, str(attempted.attempt))


async def _original(attempted: DeliveryAttempted, mailboxes: Mailboxes, blobs: Blobs) -> bytes:
    """Return the message as the sender has it; nothing if they deleted it or never had it."""
    if not attempted.user_id:
        return b""
    email_id = ids.email_id(attempted.mail_id, attempted.user_id)
    email = await mailboxes.email(attempted.user_id, email_id)
    if email is None:
        return b""
    try:
        return await read_raw(blobs, email.raw_ref)
    except BlobMissing:
        return b""


def _received(
    attempted: DeliveryAttempted, mail_id: str, at: datetime, raw: bytes, blob: str | None
) -> Event:
    return MailReceived(
        mail_id=mail_id,
        received_at=at,
        origin="local",
        mail_from="",
        recipients=(attempted.mail_from,),
        size_bytes=len(raw),
        raw=raw if blob is None else None,
        raw_blob=blob,
        body_type="8BITMIME",
    )


def _outgoing(
    attempted: DeliveryAttempted, mail_id: str, at: datetime, raw: bytes, blob: str | None
) -> Event:
    return MailOutgoing(
        mail_id=mail_id,
        submitted_at=at,
        mail_from="",
        recipients=(attempted.mail_from,),
        size_bytes=len(raw),
        raw=raw if blob is None else None,
        raw_blob=blob,
        kind="report",
        smtputf8=not attempted.mail_from.isascii(),
    )
