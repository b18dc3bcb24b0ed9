"""Read aggregate: what other systems saw of our domains comes into the view of the administrators.

Reads `mail.reports`: mails to where reports on our domains are to be sent. Tells ``DomainReports``
of each report in them, by domain and day. Writes no event. The mail itself lies in a mailbox as
any other.

Anybody can write a report, so each row says whether DMARC proves where it comes from; one that is
proved is never mistaken for one that is not, whatever it calls itself. What can't be read, makes
no sense, or is about others' domains is logged, and nothing more.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from topologies.errors import BlobMissing
from topologies.events import AggregateArrived, Attachment, Event
from topologies.mail import aggregate, dmarc_report, tls_report
from topologies.mail.aggregate import Kind, key_of
from topologies.mail.dmarc_report import DmarcReport
from topologies.mail.tls_report import TlsReport
from topologies.mail.unpack import unpacked
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.ports.domain_reports import KEPT_FOR, DomainReports, TlsRow
from topologies.stage import stage

PACKED_BYTES = 4 * 1024 * 1024
XML_BYTES = 16 * 1024 * 1024
JSON_BYTES = 4 * 1024 * 1024  # it becomes values at once, all of it
AHEAD = timedelta(days=2)  # as far as clocks may differ
MOST_UNPROVED = 500  # rows of a report that anybody may have made up: those of most mails

_logger = structlog.get_logger("reports")


@stage(reads=AggregateArrived, writes=[], timeout=timedelta(seconds=120))
async def read_aggregate(
    arrived: AggregateArrived, *, reports: DomainReports, directory: Directory, blobs: Blobs
) -> Sequence[Event]:
    """Keep what the files of a mail report of our domains."""
    for attachment in arrived.message.attachments[: aggregate.MOST_FILES]:
        try:
            packed = await _content(attachment, blobs)
            # What is small may unpack to a lot.
            report = await asyncio.to_thread(_read, packed)
            _check_time(report, arrived.received_at)
        except (ValueError, BlobMissing) as error:
            _logger.warning(
                "report.unreadable",
                mail_id=arrived.mail_id,
                attachment_id=attachment.attachment_id,
                reason=str(error),
            )
            continue
        is_kept = await _keep(report, arrived, reports, directory)
        _logger.info(
            "report.read" if is_kept else "report.not-kept",
            mail_id=arrived.mail_id,
            kind=_kind_of(report),
            reporter=report.reporter,
            report_id=report.report_id,
            reason="" if is_kept else "it is known already, or is about none of our domains",
        )
    return []


async def _content(attachment: Attachment, blobs: Blobs) -> bytes:
    if attachment.size_bytes > PACKED_BYTES:
        raise ValueError(f"it has more than {PACKED_BYTES} bytes")
    end = min(attachment.size_bytes, PACKED_BYTES)
    return b"".join([chunk async for chunk in blobs.stream(attachment.blob, 0, end)])


def _read(packed: bytes) -> DmarcReport | TlsReport:
    content = unpacked(packed, XML_BYTES)
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        return dmarc_report.read(content)
    if len(content) > JSON_BYTES:
        raise ValueError(f"it has more than {JSON_BYTES} bytes of JSON")
    return tls_report.read(content.removeprefix(b"\xef\xbb\xbf"))


def _check_time(report: DmarcReport | TlsReport, at: datetime) -> None:
    """Raise ValueError if the report is about days that nothing is kept of, or that are to come."""
    if not at - KEPT_FOR < report.begin <= at + AHEAD:
        raise ValueError(f"it is about {report.begin:%Y-%m-%d}")


async def _keep(
    report: DmarcReport | TlsReport,
    arrived: AggregateArrived,
    reports: DomainReports,
    directory: Directory,
) -> bool:
    """Keep what is about domains of ours; return whether there was anything new."""
    known = arrived.authentication
    is_proved = known is not None and known.dmarc == "pass"
    submitter = known.from_domain if known is not None else ""
    # What nobody proves never takes the place of what somebody does.
    proof = submitter if is_proved else "?"
    if isinstance(report, DmarcReport):
        domain = await aggregate.domain_of(report.policy_domain, directory)
        if domain is None:
            return False
        # Some number their reports anew for each domain.
        key = key_of("dmarc", proof, report.reporter, report.report_id, report.policy_domain)
        rows = [
            replace(row, domain=domain, submitter=submitter, is_proved=is_proved)
            for row in report.rows
        ]
        if not is_proved:
            rows = sorted(rows, key=lambda row: -row.count)[:MOST_UNPROVED]
        return await reports.keep_dmarc(key, rows)
    of_ours: list[TlsRow] = []
    for row in report.rows:
        domain = await aggregate.domain_of(row.policy_domain, directory)
        if domain is not None:
            of_ours.append(replace(row, domain=domain, submitter=submitter, is_proved=is_proved))
    key = key_of("tls", proof, report.reporter, report.report_id)
    return bool(of_ours) and await reports.keep_tls(key, of_ours)


def _kind_of(report: DmarcReport | TlsReport) -> Kind:
    return "dmarc" if isinstance(report, DmarcReport) else "tls"
