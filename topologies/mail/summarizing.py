"""When a day of a domain is reported, and how its report is called. Pure: the same each time."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta

from topologies.events.base import as_kind
from topologies.events.summary import SUMMARY_WAITS, SummaryDue
from topologies.mail import ids
from topologies.mail.report_mail import Heading
from topologies.ports.summaries import Window

# After the end of the day: what came late is counted, and not all domains are told at once.
EARLIEST = timedelta(hours=1)
SPREAD_S = 3 * 3600
MOST_TRIES = 48  # of half an hour: a day


def day_of(at: datetime) -> date:
    """Return the day, in UTC, that *at* is in."""
    return at.astimezone(UTC).date()


def due(window: Window) -> SummaryDue:
    """Return what ends *window*."""
    end = datetime.combine(window.day, time(), UTC) + timedelta(days=1)
    spread_s = int.from_bytes(_digest(window)[:4], "big") % SPREAD_S
    return SummaryDue(
        kind=window.kind,
        domain=window.domain,
        day=window.day,
        due_at=end + EARLIEST + timedelta(seconds=spread_s),
    )


def later(due: SummaryDue, left: timedelta, *, tries: int = 0) -> SummaryDue:
    """Return *due* as it waits, for no longer than *left* where that can be."""
    wait = max((each for each in SUMMARY_WAITS if each <= left), default=min(SUMMARY_WAITS))
    return as_kind(due, SUMMARY_WAITS[wait], tries=tries)


def window_of(due: SummaryDue) -> Window:
    """Return which window *due* ends."""
    return Window(kind=due.kind, domain=due.domain, day=due.day)


def heading(window: Window, sender: str) -> Heading:
    """Return the heading of the report on *window* by *sender*."""
    return Heading(
        kind=window.kind,
        domain=window.domain,
        day=window.day,
        sender=sender,
        report_id=f"{window.day:%Y%m%d}-{_digest(window).hex()[:16]}",
    )


def mail_id(due: SummaryDue) -> str:
    """Return the id of the mail that brings the report: a day of a domain has but one."""
    return ids.derived_id(due.due_at, "summary", due.kind, due.domain, due.day.isoformat())


def _digest(window: Window) -> bytes:
    parts = (window.kind, window.domain, window.day.isoformat())
    return hashlib.sha256("\0".join(parts).encode()).digest()
