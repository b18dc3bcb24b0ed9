"""For administrators: what other systems reported of our domains."""

from datetime import date, timedelta
from typing import TypeVar

import msgspec
from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import invalid_parameter, not_found
from api.shapes_domains import (
    DmarcReportsOut,
    DmarcRowOut,
    ReportsQuery,
    TlsFailureOut,
    TlsReportsOut,
    TlsRowOut,
)
from topologies.mail import aggregate, mailbox_address
from topologies.ports.domain_reports import DmarcRow, TlsFailure, TlsRow

USUAL_DAYS = 30
MOST_DAYS = 366
NO_DOMAIN = "it is none of our domains"

T = TypeVar("T", DmarcRowOut, TlsRowOut, TlsFailureOut)


async def dmarc(call: Call) -> Response:
    """Answer what was seen of mail in the name of a domain."""
    asked: ReportsQuery = call.query(ReportsQuery)
    domain = await _domain(call, asked.domain)
    first, last = _days(call, asked)
    reports = call.context.domain_reports
    try:
        page = await reports.dmarc(domain, first, last, limit=asked.limit, cursor=asked.cursor)
    except ValueError:
        raise _no_cursor() from None
    return json_answer(
        DmarcReportsOut(
            rows=tuple(_told(DmarcRowOut, row) for row in page.rows),
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
    )


async def tls(call: Call) -> Response:
    """Answer what was seen of TLS on the way to a domain."""
    asked: ReportsQuery = call.query(ReportsQuery)
    domain = await _domain(call, asked.domain)
    first, last = _days(call, asked)
    reports = call.context.domain_reports
    try:
        page = await reports.tls(domain, first, last, limit=asked.limit, cursor=asked.cursor)
    except ValueError:
        raise _no_cursor() from None
    return json_answer(
        TlsReportsOut(
            rows=tuple(_told(TlsRowOut, row) for row in page.rows),
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
    )


async def _domain(call: Call, name: str) -> str:
    try:
        domain = mailbox_address.domain_in_ascii(name)
    except ValueError as error:
        raise invalid_parameter("domain", str(error)) from None
    if await aggregate.domain_of(domain, call.context.directory) != domain:
        raise not_found(NO_DOMAIN)
    return domain


def _days(call: Call, asked: ReportsQuery) -> tuple[date, date]:
    last = asked.to or call.context.clock.now().date()
    if asked.from_ is not None:
        first = asked.from_
    else:
        first = date.fromordinal(max(1, last.toordinal() - USUAL_DAYS + 1))
    if first > last:
        raise invalid_parameter("from", "it comes after `to`")
    if last - first >= timedelta(days=MOST_DAYS):
        raise invalid_parameter("from", f"at most {MOST_DAYS} days are told at once")
    return first, last


def _told(kind: type[T], row: DmarcRow | TlsRow | TlsFailure) -> T:
    return msgspec.convert(row, kind, from_attributes=True)


def _no_cursor() -> Exception:
    return invalid_parameter("cursor", "it is no next_cursor of this listing")
