"""rillmail domain reports: what others saw of a domain, as a table and as JSON."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from api.cli.domain import domain
from tests.cli.stores_in_memory import MemoryStores, in_json
from tests.reports import DAY, dmarc, tls
from topologies.mail import dmarc_report, tls_report


def test_reports_on_mail_are_a_table_and_json() -> None:
    stores = shop()
    shown = stores.run(domain, "reports", "shop.example").output.splitlines()
    assert [line.split() for line in shown] == [
        "DAY REPORTER SOURCE FROM MAILS DMARC SPF DKIM WHAT BECAME".split(),
        "2026-02-28 bigmail.example 192.0.2.1 shop.example 42 pass pass pass nothing done".split(),
        (
            "2026-02-28 bigmail.example 198.51.100.77 shop.example 6 FAIL"
            " pass of bulk.other.example none quarantined"
        ).split(),
        (
            "2026-02-28 bigmail.example 2001:db8::25 news.shop.example 2 pass"
            " softfail pass nothing done"
        ).split(),
        "50 mails, 44 of them passed DMARC".split(),
    ]
    rows = in_json(stores.run(domain, "reports", "shop.example", "--json"))
    assert [row["count"] for row in rows] == [42, 6, 2]
    assert rows[0]["is_proved"]


def test_reports_on_tls_tell_what_failed_where() -> None:
    stores = shop()
    shown = stores.run(domain, "reports", "shop.example", "--tls").output
    assert "Bigmail Inc. ?" in shown  # nothing proves it
    assert "200 starttls-not-supported at mx2.shop.example" in shown
    assert shown.endswith("5326 sessions succeeded, 303 failed\n")
    [row] = in_json(stores.run(domain, "reports", "shop.example", "--tls", "--json"))
    assert row["details"][2] == {
        "result_type": "validation-failure",
        "receiving_mx": "",
        "failures": 2,
    }


def test_days_are_chosen_and_rows_limited() -> None:
    stores = shop()
    before = str(DAY - timedelta(days=1))
    nothing = stores.run(domain, "reports", "shop.example", "--from", before, "--to", before)
    assert nothing.output == "Nobody has reported anything of these days.\n"
    rows = in_json(stores.run(domain, "reports", "shop.example", "--limit", "2", "--json"))
    assert len(rows) == 2


def test_what_can_not_be_asked_is_refused_with_a_reason() -> None:
    stores = shop()
    for arguments, reason in (
        (("far.example",), "none of our domains"),
        (("shop.example", "--from", "2026-03-02", "--to", "2026-03-01"), "--from comes before"),
        (("shop.example", "--from", "2020-03-02"), "at most 366 days"),
        (("shop.example", "--from", "yesterday"), "'--from'"),
    ):
        done = stores.run(domain, "reports", *arguments)
        assert done.exit_code != 0
        assert reason in done.stderr


def test_what_a_reporter_writes_does_not_steer_the_terminal() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    report = dmarc_report.read(dmarc())
    rows = [replace(row, reporter="\x1b[31mred") for row in report.rows]
    asyncio.run(stores.domain_reports.keep_dmarc("key", rows))
    assert "\x1b" not in stores.run(domain, "reports", "shop.example").output


def shop() -> MemoryStores:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")

    async def fill() -> None:
        rows = [replace(row, is_proved=True) for row in dmarc_report.read(dmarc()).rows]
        await stores.domain_reports.keep_dmarc(
            "key", [replace(row, domain="shop.example") for row in rows]
        )
        await stores.domain_reports.keep_tls("key", tls_report.read(tls()).rows)

    asyncio.run(fill())
    return stores
