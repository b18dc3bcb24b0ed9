"""`rillmail domain reports`: what other systems saw of a domain, as they reported it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import click

from api.cli.domain_dns import our_domain
from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, with_stores
from topologies.ports.domain_reports import MAX_REPORTS_PAGE, DmarcRow, TlsRow

USUAL_DAYS = 30
MOST_DAYS = 366
_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command(
    epilog=examples(
        "rillmail domain reports example.com",
        "rillmail domain reports example.com --from 2026-03-01 --to 2026-03-07",
        "rillmail domain reports example.com --tls --json",
    )
)
@click.argument("name")
@click.option("--tls", "is_tls", is_flag=True, help="Of TLS on the way to it, not of mail.")
@click.option("--from", "first", type=_DAY, help="The first day, in UTC. [default: 30 days]")
@click.option("--to", "last", type=_DAY, help="The last day. [default: today]")
@click.option("--limit", type=click.IntRange(1, 100_000), default=500, show_default=True)
@as_json
def reports(
    name: str,
    is_tls: bool,
    first: datetime | None,
    last: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show what other systems reported of NAME, the newest day first.

    Of mail in its name: from where, how much, whether it passed SPF and DKIM, what became of it
    (DMARC). With --tls: of connections to our hosts, and why some failed (TLS-RPT).
    A report that nothing proves may be made up by anybody; it is marked with a question mark.
    """

    async def work(stores: Stores) -> Sequence[DmarcRow | TlsRow]:
        domain = await our_domain(stores, name)
        to = last.date() if last else stores.clock.now().date()
        since = first.date() if first else to - timedelta(days=USUAL_DAYS - 1)
        if not timedelta(0) <= to - since < timedelta(days=MOST_DAYS):
            raise click.UsageError(f"--from comes before --to, and at most {MOST_DAYS} days")
        return await _found(stores, domain, since, to, limit, is_tls=is_tls)

    found = with_stores(work)
    if as_json:
        print_json(found)
    elif is_tls:
        _print_tls([row for row in found if isinstance(row, TlsRow)])
    else:
        _print_dmarc([row for row in found if isinstance(row, DmarcRow)])


async def _found(
    stores: Stores, domain: str, first: date, last: date, limit: int, *, is_tls: bool
) -> Sequence[DmarcRow | TlsRow]:
    listed = stores.domain_reports.tls if is_tls else stores.domain_reports.dmarc
    found: list[DmarcRow | TlsRow] = []
    cursor: str | None = None
    while len(found) < limit:
        page = await listed(
            domain, first, last, limit=min(MAX_REPORTS_PAGE, limit - len(found)), cursor=cursor
        )
        found += page.rows
        if (cursor := page.next_cursor) is None:
            break
    return found


def _print_dmarc(rows: Sequence[DmarcRow]) -> None:
    print_table(
        ["DAY", "REPORTER", "SOURCE", "FROM", "MAILS", "DMARC", "SPF", "DKIM", "WHAT BECAME"],
        [
            [
                row.day,
                _reporter(row),
                row.source,
                row.header_from,
                row.count,
                "pass" if row.is_aligned else "FAIL",
                _verdict(row.spf, row.spf_domain, row.is_spf_aligned),
                _verdict(row.dkim, row.dkim_domain, row.is_dkim_aligned),
                _BECAME[row.disposition],
            ]
            for row in rows
        ],
        "Nobody has reported anything of these days.",
    )
    if rows:
        mails = sum(row.count for row in rows)
        passed = sum(row.count for row in rows if row.is_aligned)
        click.echo(f"{mails} mails, {passed} of them passed DMARC")


def _print_tls(rows: Sequence[TlsRow]) -> None:
    print_table(
        ["DAY", "REPORTER", "POLICY", "SUCCEEDED", "FAILED", "WHY"],
        [
            [
                row.day,
                _reporter(row),
                row.policy_type,
                row.successes,
                row.failures,
                ", ".join(
                    f"{each.failures} {each.result_type}"
                    + (f" at {each.receiving_mx}" if each.receiving_mx else "")
                    for each in row.details
                ),
            ]
            for row in rows
        ],
        "Nobody has reported anything of these days.",
    )
    if rows:
        succeeded, failed = (sum(r.successes for r in rows), sum(r.failures for r in rows))
        click.echo(f"{succeeded} sessions succeeded, {failed} failed")


_BECAME = {
    "none": "nothing done",
    "pass": "passed",
    "quarantine": "quarantined",
    "reject": "rejected",
}


def _reporter(row: DmarcRow | TlsRow) -> str:
    return row.reporter if row.is_proved else f"{row.reporter} ?"


def _verdict(result: str, domain: str, is_aligned: bool) -> str:
    """Return a verdict in words: where it passed and does not count, for whom it passed."""
    return f"{result} of {domain}" if result == "pass" and domain and not is_aligned else result
