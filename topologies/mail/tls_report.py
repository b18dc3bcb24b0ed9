"""Reports on TLS, read (RFC 8460 §4).

Reads the JSON of any quality, bounded; what does not fit is refused as a whole. Fields that are
not known are read over.
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from topologies.mail.aggregate import clean
from topologies.ports.domain_reports import PolicyType, TlsFailure, TlsRow

MOST_POLICIES = 100
MOST_DETAILS = 100  # of one policy that are kept: those with most failures
LONGEST = timedelta(days=62)  # that a report is about; a day is usual
_RESULT_TYPE = re.compile(r"[a-z0-9-]{1,64}")

_Count = Annotated[int, Meta(ge=0, le=2**53)]


# Each has something that it must have, so that no text of a few bytes becomes a heap of values.
class _DateRange(msgspec.Struct, rename="kebab"):
    start_datetime: datetime
    end_datetime: datetime


class _Policy(msgspec.Struct, rename="kebab"):
    policy_type: PolicyType
    policy_domain: str


class _Summary(msgspec.Struct, rename="kebab"):
    total_successful_session_count: _Count
    total_failure_session_count: _Count


class _Detail(msgspec.Struct, rename="kebab"):
    result_type: str
    failed_session_count: _Count
    receiving_mx_hostname: str | None = None


class _Told(msgspec.Struct, rename="kebab"):
    policy: _Policy
    summary: _Summary
    failure_details: list[_Detail] | None = None


class _Report(msgspec.Struct, rename="kebab"):
    organization_name: str
    date_range: _DateRange
    report_id: str
    policies: list[_Told]


_decoder = msgspec.json.Decoder(_Report)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsReport:
    """What a report says.

    Attributes:
        rows: One for each policy. ``domain`` is the policy's, ``submitter`` open.
    """

    reporter: str
    report_id: str
    begin: datetime
    end: datetime
    rows: tuple[TlsRow, ...]


def read(content: bytes) -> TlsReport:
    """Return what the report in *content* says.

    Raises:
        ValueError: It is none, or makes no sense; says why.
    """
    try:
        report = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no TLS report: {error}") from error
    begin, end = _in_utc(report.date_range.start_datetime), _in_utc(report.date_range.end_datetime)
    if not begin <= end <= begin + LONGEST:
        raise ValueError("date-range: it begins after its end, or is too long")
    reporter, report_id = clean(report.organization_name), clean(report.report_id)
    if not reporter or not report_id:
        raise ValueError("it has no organization-name or no report-id")
    if not 0 < len(report.policies) <= MOST_POLICIES:
        raise ValueError(f"it has no policy, or more than {MOST_POLICIES}")
    return TlsReport(
        reporter=reporter,
        report_id=report_id,
        begin=begin,
        end=end,
        rows=tuple(
            TlsRow(
                domain=clean(told.policy.policy_domain).lower(),
                policy_domain=clean(told.policy.policy_domain).lower(),
                day=begin.date(),
                reporter=reporter,
                report_id=report_id,
                policy_type=told.policy.policy_type,
                successes=told.summary.total_successful_session_count,
                failures=told.summary.total_failure_session_count,
                details=_details(told.failure_details or ()),
            )
            for told in report.policies
        ),
    )


def _details(told: "list[_Detail] | tuple[()]") -> tuple[TlsFailure, ...]:
    """Return the failures by what failed and where, most first."""
    counts: Counter[tuple[str, str]] = Counter()
    for each in told:
        kind = each.result_type.lower()
        if _RESULT_TYPE.fullmatch(kind) is None:
            raise ValueError(f"result-type: {kind[:64]!r} is none")
        host = clean(each.receiving_mx_hostname or "").lower().rstrip(".")
        counts[kind, host] += each.failed_session_count
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return tuple(
        TlsFailure(result_type=kind, receiving_mx=host, failures=count)
        for (kind, host), count in ordered[:MOST_DETAILS]
    )


def _in_utc(at: datetime) -> datetime:
    try:
        # RFC 8460 §4.4 asks for RFC 3339; some leave the zone out.
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("date-range: it is no time of ours") from error
