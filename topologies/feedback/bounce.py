"""Bounce: the sender of a mail is told that it failed, is late, or was passed on (RFC 3464).

Reads `delivery.outcomes`: what an attempt came to is gathered in ``Tidings``, with whatever else
is found out about the mail in these seconds, and when no more is to come one report is written for
all who fared alike. Writes `delivery.reports.5s`, by which it asks itself for that, and the report,
to the reverse-path of the mail: `MailReceived` if that is here, else `MailOutgoing`. It has no
reverse-path itself, and nobody is told of what has none (RFC 5321 §6.1), so reports never answer
reports. What is gathered is kept before anything is written, and ids and texts are derived from
it: however often this runs, the sender is told once of each recipient. Whether an address is
written to again is not decided here.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from topologies.errors import BlobMissing
from topologies.events import (
    RAW_INLINE_BYTES,
    DeliveryAttempted,
    Event,
    MailOutgoing,
    MailReceived,
    ReportDue,
    ReportDue5s,
)
from topologies.mail import dsn, ids, reporting
from topologies.mail.raw import read_raw
from topologies.mail.reporting import Told
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.deliveries import Deliveries, Delivery
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.policy import ReportPolicy
from topologies.ports.tidings import Tidings
from topologies.stage import stage

OVERDUE = timedelta(minutes=5)  # a round that old should have been told
MOST_LOOKS = 10  # five seconds and a look of the timer between them: a minute at most


@stage(reads=[DeliveryAttempted, ReportDue], writes=[ReportDue5s, MailReceived, MailOutgoing])
async def bounce(
    event: DeliveryAttempted | ReportDue,
    *,
    tidings: Tidings,
    deliveries: Deliveries,
    directory: Directory,
    mailboxes: Mailboxes,
    blobs: Blobs,
    clock: Clock,
    policy: ReportPolicy,
) -> Sequence[Event]:
    """Return the reports that the sender is to get, or by what they are asked for later."""
    if isinstance(event, DeliveryAttempted):
        return await _gathered(event, tidings, deliveries, is_delay_told=policy.is_delay_told)
    if event.looks < MOST_LOOKS:
        known = await deliveries.of_mail(event.mail_id)
        if reporting.is_more_to_come(known, clock.now()):
            return [_asked(event.mail_id, event.round_name, looks=event.looks + 1)]
    # Closed before anything else: if a report can't be made, what comes is told all the same.
    news = await tidings.close(event.mail_id, event.round_name)
    if not news:
        return []
    original = await _original(news[0], mailboxes, blobs)
    return [
        await _report(each, told, event.round_name, original, directory, blobs, policy)
        for (_, told), each in reporting.grouped(news).items()
    ]


async def _gathered(
    attempted: DeliveryAttempted, tidings: Tidings, deliveries: Deliveries, *, is_delay_told: bool
) -> Sequence[Event]:
    """Keep what is to be told, and return what asks for a report if that began a round."""
    if not attempted.mail_from or attempted.kind == "report" or attempted.is_late:
        return []
    if all(each.status == "delivered" for each in attempted.results) and not attempted.wishes:
        return []  # as nearly all: nothing has to be looked up
    known = await deliveries.find(attempted.delivery_id)
    if known is not None and known.order == "cancel":  # who cancels knows
        return []
    at = _first_made_at(attempted, known)
    news = reporting.news_of(attempted, at, is_delay_told=is_delay_told)
    rounds = {name: await tidings.gather(name, each) for name, each in news.items()}
    return [
        _asked(attempted.mail_id, begun.name)
        for name, begun in rounds.items()
        # Who began it has asked for the report. If that came to nothing, another does.
        if begun.name == name or at > begun.since + OVERDUE
    ]


def _asked(mail_id: str, round_name: str, *, looks: int = 0) -> ReportDue5s:
    return ReportDue5s(mail_id=mail_id, round_name=round_name, looks=looks)


async def _report(
    news: Sequence[DeliveryAttempted],
    told: Told,
    round_name: str,
    original: bytes,
    directory: Directory,
    blobs: Blobs,
    policy: ReportPolicy,
) -> Event:
    """Return the report on what some recipients fared alike in."""
    to = news[0].mail_from
    at = max(each.attempted_at for each in news)
    mail_id = ids.derived_id(at, "report", news[0].mail_id, told, round_name, to)
    raw = dsn.build(
        reporting.report(news, told, reporting_mta=policy.hostname),
        to=to,
        message_id=f"{mail_id}@{policy.hostname}",
        date=at,
        original=original,
        is_whole=reporting.wants_whole(news, told),
    )
    [blob] = [None] if len(raw) <= RAW_INLINE_BYTES else await blobs.put([raw])
    is_here = (await directory.resolve(to)).status in ("local", "unknown")
    written = (_received if is_here else _outgoing)(to, mail_id, at, raw, blob)
    # RFC 8689 §5, §6: what is told of a mail goes by TLS alone if the mail had to.
    return msgspec.structs.replace(written, tls_required=news[0].tls_required)


def _first_made_at(attempted: DeliveryAttempted, known: Delivery | None) -> datetime:
    """Return when the attempt was made; one that is handed in twice was made the first time."""
    if known is not None:
        for each in known.recipients:
            if each.attempt == attempted.attempt and each.attempted_at is not None:
                return each.attempted_at
    return attempted.attempted_at


async def _original(news: DeliveryAttempted, mailboxes: Mailboxes, blobs: Blobs) -> bytes:
    """Return the message as the sender has it; nothing if they deleted it or never had it."""
    if not news.user_id:
        return b""
    email_id = ids.email_id(news.mail_id, news.user_id)
    email = await mailboxes.email(news.user_id, email_id)
    if email is None:
        return b""
    try:
        return await read_raw(blobs, email.raw_ref)
    except BlobMissing:
        return b""


def _received(to: str, mail_id: str, at: datetime, raw: bytes, blob: str | None) -> MailReceived:
    return MailReceived(
        mail_id=mail_id,
        received_at=at,
        origin="local",
        mail_from="",
        recipients=(to,),
        size_bytes=len(raw),
        raw=raw if blob is None else None,
        raw_blob=blob,
        body_type="8BITMIME",
    )


def _outgoing(to: str, mail_id: str, at: datetime, raw: bytes, blob: str | None) -> MailOutgoing:
    return MailOutgoing(
        mail_id=mail_id,
        submitted_at=at,
        mail_from="",
        recipients=(to,),
        size_bytes=len(raw),
        raw=raw if blob is None else None,
        raw_blob=blob,
        kind="report",
        smtputf8=not to.isascii(),
    )
