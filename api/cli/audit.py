"""`rillmail audit`: is every accepted mail accounted for, and is each mailbox as its log says?"""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import click
from rich.progress import Progress

from api.cli.output import as_json, examples, print_json, printable
from api.cli.progress import counting
from api.cli.stores import Stores, with_stores
from connectors.memory.mailboxes import MemoryMailboxes
from topologies.audit import Account, account_for_mails, compare_with_replay

SHOWN = 50  # differences told to people; --json tells all


@click.command(
    epilog=examples(
        "rillmail audit",
        "rillmail audit --hours 24",
        "rillmail audit --replay --json",
        "rillmail audit --hours 24 --mend",
    )
)
@click.option("--hours", type=click.FloatRange(min=0), help="Only what was accepted since then.")
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds in which a mail may be under way.",
)
@click.option(
    "--replay", is_flag=True, help="Also apply the log's commands anew, and compare mailboxes."
)
@click.option("--mend", is_flag=True, help="Hand what is missing in again; nobody gets it twice.")
@as_json
def audit(hours: float | None, grace_s: float, replay: bool, mend: bool, as_json: bool) -> None:
    """Look up what became of each mail that the log holds, and name what is not as it should be.

    A mail is accounted for when all whom it is for have a copy, or the quarantine, a notice that
    it is undeliverable or a dead letter tells what became of it. The exit code is 1 if one is not.

    With --replay, mailboxes are made anew in memory from the log; one that is older than what
    the log still holds can't be compared, and is counted as such. Let nothing be under way then.
    """
    account = with_stores(
        lambda stores: _audit(stores, hours, grace_s, replay, mend, is_quiet=as_json)
    )
    if as_json:
        print_json(account)
    else:
        _print(account)
    if account.differences:
        raise SystemExit(1)


async def _audit(
    stores: Stores,
    hours: float | None,
    grace_s: float,
    replay: bool,
    mend: bool,
    *,
    is_quiet: bool,
) -> Account:
    account = Account()
    now = datetime.now(UTC)
    with counting(is_quiet=is_quiet) as progress:
        mails = account_for_mails(
            stores.reader,
            stores.dead_letters,
            stores.directory,
            stores.mailboxes,
            since=now - timedelta(hours=hours) if hours is not None else None,
            now=now,
            grace=timedelta(seconds=grace_s),
            account=account,
            mend=stores.log if mend else None,
        )
        await _shown(progress, "Mails", mails)
        if replay:
            scratch = MemoryMailboxes(stores.clock)
            compared = compare_with_replay(stores.reader, stores.mailboxes, scratch, account)
            await _shown(progress, "Commands", compared)
    return account


async def _shown(progress: Progress, what: str, steps: AsyncGenerator[int]) -> None:
    task = progress.add_task(what, total=None)
    async for done in steps:
        progress.update(task, completed=done)


def _print(account: Account) -> None:
    click.echo(
        f"{account.mails:,} mails: {account.delivered:,} delivered, {account.quarantined:,} in"
        f" quarantine, {account.undeliverable:,} undeliverable, {account.dead:,} dead letters,"
        f" {account.under_way:,} under way"
    )
    if account.released:
        click.echo(f"{account.released:,} of them were let out of the quarantine")
    if account.mailboxes:
        click.echo(
            f"{account.mailboxes:,} mailboxes compared with their log,"
            f" {account.beyond_the_log:,} of them older than it"
        )
    for difference in account.differences[:SHOWN]:
        click.echo(f"{difference.kind}  {difference.about}  {printable(difference.detail)}")
    if len(account.differences) > SHOWN:
        click.echo(f"… and {len(account.differences) - SHOWN:,} more: see --json")
    if account.handed_in_again:
        click.echo(f"{account.handed_in_again:,} were handed in again")
    click.echo("Not everything is accounted for." if account.differences else "All accounted for.")
