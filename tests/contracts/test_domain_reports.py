"""What every store of reports on our domains keeps to."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.domain_reports import MemoryDomainReports
from connectors.sqlite.database import Database
from connectors.sqlite.domain_reports import SqliteDomainReports
from connectors.sqlite.domain_rows import MIGRATIONS
from topologies.errors import Retryable
from topologies.ports.domain_reports import (
    KEPT_FOR,
    DmarcRow,
    DomainReports,
    TlsFailure,
    TlsRow,
)

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = AT.date()
LONG_AGO = TODAY - timedelta(days=90)


async def test_rows_come_back_as_they_were_kept(reports: DomainReports, shop: str) -> None:
    rows = [mails(shop), mails(shop, source="2001:db8::25", disposition="reject", count=2**53)]
    assert await reports.keep_dmarc(key(), rows)
    page = await reports.dmarc(shop, TODAY, TODAY)
    assert (list(page.rows), page.next_cursor) == (rows, None)
    assert await reports.keep_tls(key(), [sessions(shop)])
    tls = await reports.tls(shop, TODAY, TODAY)
    assert (list(tls.rows), tls.next_cursor) == ([sessions(shop)], None)


async def test_a_report_is_kept_once(reports: DomainReports, shop: str) -> None:
    report = key()
    assert await reports.keep_dmarc(report, [mails(shop)])
    assert not await reports.keep_dmarc(report, [mails(shop)])
    assert not await reports.keep_dmarc(report, [mails(shop, count=9), mails(shop)])
    assert (await reports.dmarc(shop, TODAY, TODAY)).rows == (mails(shop),)
    # Of TLS it is another one.
    assert await reports.keep_tls(report, [sessions(shop)])
    assert not await reports.keep_tls(report, [sessions(shop)])


async def test_domains_and_kinds_are_apart(reports: DomainReports, shop: str) -> None:
    report = key()
    await reports.keep_tls(report, [sessions(shop), sessions(f"more.{shop}", successes=7)])
    assert (await reports.dmarc(shop, TODAY, TODAY)).rows == ()
    assert [row.successes for row in (await reports.tls(shop, TODAY, TODAY)).rows] == [5]
    more = await reports.tls(f"more.{shop}", TODAY, TODAY)
    assert [row.successes for row in more.rows] == [7]


async def test_the_newest_day_comes_first_and_both_ends_are_included(
    reports: DomainReports, shop: str
) -> None:
    days = [TODAY - timedelta(days=back) for back in (3, 0, 2, 1, 40)]
    for day in days:
        await reports.keep_dmarc(key(), [mails(shop, day=day)])
    first, last = TODAY - timedelta(days=40), TODAY - timedelta(days=1)
    page = await reports.dmarc(shop, first, last)
    assert [(TODAY - row.day).days for row in page.rows] == [1, 2, 3, 40]
    assert (await reports.dmarc(shop, TODAY - timedelta(days=39), TODAY - timedelta(4))).rows == ()


@pytest.mark.parametrize("limit", [1, 4, 7, 500])
async def test_pages_hold_each_row_once(reports: DomainReports, shop: str, limit: int) -> None:
    wanted: set[tuple[date, int]] = set()
    for back, count in ((0, 3), (1, 1), (5, 9), (80, 2)):
        day = TODAY - timedelta(days=back)
        for report in range(2):
            numbers = [100 * report + number for number in range(count)]
            await reports.keep_dmarc(key(), [mails(shop, day=day, count=n) for n in numbers])
            wanted |= {(day, number) for number in numbers}
    found = [(row.day, row.count) for row in await everything(reports, shop, limit)]
    assert (len(found), set(found)) == (30, wanted)
    assert [day for day, _ in found] == sorted((day for day, _ in found), reverse=True)


async def test_a_long_time_without_rows_ends(reports: DomainReports, shop: str) -> None:
    assert await everything(reports, shop, 10, first=TODAY - timedelta(days=365)) == []


@pytest.mark.parametrize("cursor", ["", "x", "%%", "MjAyNjAzMDEuMC4", "é", "MjAyNi4wLmE"])
async def test_a_cursor_of_another_listing_is_refused(
    reports: DomainReports, shop: str, cursor: str
) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await reports.dmarc(shop, LONG_AGO, TODAY - timedelta(days=1), cursor=cursor)


async def test_a_cursor_of_other_days_is_refused(reports: DomainReports, shop: str) -> None:
    await reports.keep_dmarc(key(), [mails(shop), mails(shop, count=2)])
    page = await reports.dmarc(shop, TODAY, TODAY, limit=1)
    with pytest.raises(ValueError, match="cursor"):
        await reports.dmarc(shop, LONG_AGO, LONG_AGO, cursor=page.next_cursor)


async def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    clock = ManualClock(AT)
    with closing(Database(tmp_path / "domains.db", MIGRATIONS)) as database:
        reports = SqliteDomainReports(database, clock)
        await reports.keep_dmarc("old", [mails("shop.example")])
        clock.move(KEPT_FOR + timedelta(days=1))
        new = clock.now().date()
        await reports.keep_dmarc("new", [mails("shop.example", day=new)])
        page = await reports.dmarc("shop.example", TODAY, new)
        assert [row.day for row in page.rows] == [new]
        assert await reports.keep_dmarc("old", [mails("shop.example", day=new)])


@pytest.mark.live
async def test_who_stops_in_the_middle_of_a_report_does_it_again_to_the_same_rows(
    request: pytest.FixtureRequest, shop: str
) -> None:
    from connectors.cassandra.domain_reports import CassandraDomainReports
    from connectors.cassandra.session import CassandraSession  # which loads the driver

    class Stopping(CassandraSession):
        """A session that is lost before it is said that a report is known."""

        async def execute(self, statement: str, parameters: Any = ()) -> Any:
            if statement.startswith("INSERT INTO domain_reports "):
                raise Retryable("it is gone", outage=True)
            return await super().execute(statement, parameters)

    connected, clock = request.getfixturevalue("cassandra"), ManualClock(AT)
    rows = [mails(shop, count=number) for number in range(1, 200)]
    report = key()
    with pytest.raises(Retryable):
        await CassandraDomainReports(Stopping(connected), clock).keep_dmarc(report, rows)
    reports = CassandraDomainReports(CassandraSession(connected), clock)
    assert await reports.keep_dmarc(report, rows)
    assert await everything(reports, shop, 500) == rows
    assert not await reports.keep_dmarc(report, rows)


@pytest.fixture
def shop() -> str:
    return f"{secrets.token_hex(6)}.example"


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def reports(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[DomainReports]:
    if request.param == "memory":
        yield MemoryDomainReports()
        return
    if request.param == "cassandra":
        from connectors.cassandra.domain_reports import CassandraDomainReports
        from connectors.cassandra.session import CassandraSession  # which loads the driver

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield CassandraDomainReports(session, ManualClock(AT))
        return
    with closing(Database(tmp_path / "domains.db", MIGRATIONS)) as database:
        yield SqliteDomainReports(database, ManualClock(AT))


async def everything(
    reports: DomainReports, domain: str, limit: int, first: date = LONG_AGO
) -> Sequence[DmarcRow]:
    """Return all rows, page by page."""
    found: list[DmarcRow] = []
    cursor = None
    while True:
        page = await reports.dmarc(domain, first, TODAY, limit=limit, cursor=cursor)
        assert len(page.rows) <= limit
        found += page.rows
        if (cursor := page.next_cursor) is None:
            return found


def key() -> str:
    return secrets.token_hex(16)


def mails(domain: str, **given: Any) -> DmarcRow:
    return replace(
        DmarcRow(
            domain=domain,
            policy_domain=f"news.{domain}",
            day=TODAY,
            reporter="Müller & Söhne",
            report_id="4711",
            submitter="bigmail.example",
            is_proved=True,
            source="192.0.2.1",
            header_from=domain,
            count=1,
            disposition="none",
            spf="softfail",
            spf_domain="list.example",
            dkim="pass",
            dkim_domain=domain,
            dkim_selector="ed",
            is_spf_aligned=False,
            is_dkim_aligned=True,
        ),
        **given,
    )


def sessions(domain: str, **given: Any) -> TlsRow:
    return replace(
        TlsRow(
            domain=domain,
            policy_domain=domain,
            day=TODAY,
            reporter="Bigmail",
            report_id="4711",
            policy_type="sts",
            successes=5,
            failures=3,
            details=(
                TlsFailure(result_type="certificate-expired", receiving_mx="mx.x", failures=2),
                TlsFailure(result_type="validation-failure", failures=1),
            ),
        ),
        **given,
    )
