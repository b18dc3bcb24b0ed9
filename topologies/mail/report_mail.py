"""The mail that brings a report to the owner of a domain. Pure, and the same each time.

Of DMARC (RFC 7489 §7.2.1.1) and of TLS-RPT (RFC 8460 §5.3).
"""

import base64
import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime

from topologies.events import Address
from topologies.events.summary import SummaryKind
from topologies.mail.header_lines import address_field, id_field, text_field

_LINE = 76


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a report is, whatever it tells.

    Attributes:
        domain: On which it is.
        day: In UTC.
        sender: Our address.
    """

    kind: SummaryKind
    domain: str
    day: date
    sender: str
    report_id: str

    @property
    def submitter(self) -> str:
        """Our domain."""
        return self.sender.rpartition("@")[2]

    @property
    def begin(self) -> datetime:
        """When the day begins."""
        return datetime.combine(self.day, time(), UTC)

    @property
    def end(self) -> datetime:
        """Its last second."""
        return self.begin + timedelta(days=1, seconds=-1)

    @property
    def file_name(self) -> str:
        """What the file is called (RFC 7489 §7.2.1.1, RFC 8460 §5.1)."""
        begin, end = int(self.begin.timestamp()), int(self.end.timestamp())
        suffix = "json.gz" if self.kind == "tls" else "xml.gz"
        return f"{self.submitter}!{self.domain}!{begin}!{end}!{self.report_id}.{suffix}"


def packed(report: bytes) -> bytes:
    """Return *report* as it is sent: the same bytes each time."""
    return gzip.compress(report, mtime=0)


def build(heading: Heading, content: bytes, *, to: Sequence[str], at: datetime) -> bytes:
    """Return the message with CRLF line ends.

    Args:
        heading: What the report is.
        content: The report, packed.
        to: Who asked for it.
        at: The date that it has.
    """
    is_tls = heading.kind == "tls"
    message_id = f"{heading.report_id}.{heading.kind}@{heading.submitter}"
    seed = f"{message_id}\0{heading.domain}"
    boundary = "=_" + hashlib.sha256(seed.encode()).hexdigest()[:32]
    what = "TLS to your mail hosts" if is_tls else "mail in the name of your domain"
    subject = (
        f"Report Domain: {heading.domain} Submitter: {heading.submitter}"
        f" Report-ID: <{heading.report_id}>"
    )
    lines = [
        address_field("From", [Address(address=heading.sender)]),
        address_field("To", [Address(address=each) for each in to]),
        text_field("Subject", subject),
        text_field("Date", format_datetime(at.replace(microsecond=0))),
        id_field("Message-ID", [message_id]),
        "Auto-Submitted: auto-generated\r\n",
    ]
    if is_tls:
        lines += [
            text_field("TLS-Report-Domain", heading.domain),
            text_field("TLS-Report-Submitter", heading.submitter),
            "TLS-Required: No\r\n",  # RFC 8460 §3: it goes where TLS is broken; RFC 8689 §3
        ]
    kind = 'report; report-type="tlsrpt"' if is_tls else "mixed"
    file_type = "application/tlsrpt+gzip" if is_tls else "application/gzip"
    coded = base64.b64encode(content).decode()
    body = [
        *("MIME-Version: 1.0", f"Content-Type: multipart/{kind};", f' boundary="{boundary}"', ""),
        *(f"--{boundary}", "Content-Type: text/plain; charset=us-ascii", ""),
        *(f"{heading.submitter} reports on {what}", f"{heading.domain} of {heading.day} (UTC)."),
        *("", f"--{boundary}", f"Content-Type: {file_type}", "Content-Transfer-Encoding: base64"),
        f'Content-Disposition: attachment;\r\n filename="{heading.file_name}"',
        *("", *(coded[start : start + _LINE] for start in range(0, len(coded), _LINE))),
        *(f"--{boundary}--", ""),
    ]
    return ("".join(lines) + "\r\n".join(body)).encode("ascii")
