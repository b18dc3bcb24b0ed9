"""What the API takes and answers about our domains: what other systems reported of them."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.shapes import ListQuery, Out


class ReportsQuery(ListQuery, frozen=True, kw_only=True):
    """Of which domain and days; of the last 30 days if nothing is said."""

    domain: Annotated[str, Meta(min_length=1, max_length=255)]
    from_: date | None = msgspec.field(name="from", default=None)  # in UTC, included
    to: date | None = None  # included, at most 366 days later


class ReportedOut(Out, frozen=True, kw_only=True):
    """Who reported what."""

    domain: str
    policy_domain: str  # the same, or one below it
    day: date  # in UTC
    reporter: str  # as they call themselves
    report_id: str
    submitter: str  # the domain that sent the report
    is_proved: bool  # by DMARC; else anybody may have made it up


class DmarcRowOut(ReportedOut, frozen=True, kw_only=True):
    """Mails from one address that fared alike."""

    source: str  # IP address
    header_from: str
    count: int
    disposition: Literal["none", "pass", "quarantine", "reject"]
    is_aligned: bool  # they passed DMARC: by SPF, DKIM, or both
    spf: str  # the verdict, of whatever domain
    spf_domain: str
    is_spf_aligned: bool
    dkim: str
    dkim_domain: str
    dkim_selector: str
    is_dkim_aligned: bool


class DmarcReportsOut(Out, frozen=True, kw_only=True):
    """Rows of reports, the newest day first; maybe none on this page, with more to come."""

    rows: tuple[DmarcRowOut, ...]
    has_more: bool
    next_cursor: str | None


class TlsFailureOut(Out, frozen=True, kw_only=True):
    """Sessions that failed in one way."""

    result_type: str  # RFC 8460 §4.3
    receiving_mx: str  # our host; empty: nobody said
    failures: int


class TlsRowOut(ReportedOut, frozen=True, kw_only=True):
    """Sessions under one policy."""

    policy_type: Literal["sts", "tlsa", "no-policy-found"]
    successes: int
    failures: int
    details: tuple[TlsFailureOut, ...]


class TlsReportsOut(Out, frozen=True, kw_only=True):
    """The same of TLS."""

    rows: tuple[TlsRowOut, ...]
    has_more: bool
    next_cursor: str | None
