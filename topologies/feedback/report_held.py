"""Report held: the sender of a mail is told that it was refused for what it holds (RFC 3464).

Reads `mail.exceptions`; writes a report to the reverse-path: `MailReceived` if that is here, else
`MailOutgoing`. The mail was accepted before anybody looked into it, so this is all the refusal
there can be; who is told was decided with it. The report gives nothing of the mail back, and has
no reverse-path itself. Its id and its text are derived from the mail: however often this runs,
the sender has one.
"""

from collections.abc import Sequence

from topologies.events import (
    RAW_INLINE_BYTES,
    Event,
    MailOutgoing,
    MailQuarantined,
    MailReceived,
)
from topologies.mail import dsn, ids
from topologies.mail.dsn import RecipientReport, Report
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.ports.policy import ReportPolicy
from topologies.stage import stage

STATUS = "5.7.1"  # RFC 3463 §3.8: delivery not authorized, message refused
REASON = "the message was refused for what it holds"


@stage(reads=MailQuarantined, writes=[MailReceived, MailOutgoing])
async def report_held(
    held: MailQuarantined, *, directory: Directory, blobs: Blobs, policy: ReportPolicy
) -> Sequence[Event]:
    """Return the report that the sender is to get."""
    if not held.report_to:
        return []
    at = held.quarantined_at
    mail_id = ids.derived_id(at, "report", held.mail_id, "held")
    raw = dsn.build(
        _report(held, policy.hostname),
        to=held.report_to,
        message_id=f"{mail_id}@{policy.hostname}",
        date=at,
    )
    [blob] = [None] if len(raw) <= RAW_INLINE_BYTES else await blobs.put([raw])
    inline = raw if blob is None else None
    if (await directory.resolve(held.report_to)).status in ("local", "unknown"):
        return [
            MailReceived(
                mail_id=mail_id,
                received_at=at,
                origin="local",
                mail_from="",
                recipients=(held.report_to,),
                size_bytes=len(raw),
                raw=inline,
                raw_blob=blob,
                body_type="8BITMIME",
                tls_required=held.tls_required,
            )
        ]
    return [
        MailOutgoing(
            mail_id=mail_id,
            submitted_at=at,
            mail_from="",
            recipients=(held.report_to,),
            size_bytes=len(raw),
            raw=inline,
            raw_blob=blob,
            kind="report",
            smtputf8=not held.report_to.isascii(),
            tls_required=held.tls_required,
        )
    ]


def _report(held: MailQuarantined, hostname: str) -> Report:
    what = " in ".join(filter(None, (held.virus.name, held.virus.part)))
    return Report(
        reporting_mta=hostname,
        arrived_at=held.quarantined_at,
        recipients=tuple(
            RecipientReport(
                recipient=recipient,
                action="failed",
                status=STATUS,
                diagnostic=f"{REASON}: {what}" if what else REASON,
                attempted_at=held.quarantined_at,
                is_ours=True,
            )
            for recipient in held.report_about
        ),
    )
