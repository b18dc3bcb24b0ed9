"""`rillmail user delete`, `restore` and `purge`: users go in two steps, and may be kept between."""

import sys
from datetime import timedelta

import click

from api.cli.at_work import administration
from api.cli.output import as_json, examples, print_json
from api.cli.stores import Stores, errors_for_people, with_stores
from api.cli.user_account import known
from connectors.settings import load
from topologies.ports.directory import User


@click.command(
    epilog=examples(
        "rillmail user delete bo@example.com",
        "rillmail user delete bo@example.com --grace-days 7 -y",
        "rillmail user delete bo@example.com --now -y",
    )
)
@click.argument("address")
@click.option("--grace-days", type=click.IntRange(0, 3_650), help="As is set, without it.")
@click.option("--now", is_flag=True, help="At once and for good: nothing can be restored.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask. Nobody is asked in a script.")
@as_json
def delete(address: str, grace_days: int | None, now: bool, yes: bool, as_json: bool) -> None:
    """Take the mailbox of ADDRESS away when a time of grace is over.

    Until then nobody signs in to it, mail still comes in, and `rillmail user restore` undoes it.
    After that nothing reaches it, and aliases that lead only there go too. Whoever gets the
    address later is somebody else and sees none of its mail.
    """
    if now and grace_days:
        raise click.UsageError("take one of --now and --grace-days")
    with errors_for_people():
        days = load().delete_grace_days if grace_days is None else grace_days
    grace = timedelta() if now else timedelta(days=days)
    if not yes and sys.stdin.isatty():
        when = f"in {grace.days} days" if grace else "for good, at once"
        click.confirm(f"Take the mailbox of {address} away {when}?", abort=True)

    async def work(stores: Stores) -> User:
        user, working = await known(stores, address), administration(stores)
        if not grace:
            await working.delete(user)
            return user
        return await working.delete_later(user, grace) or user

    gone = with_stores(work)
    if as_json:
        print_json(gone)
    elif not grace:
        click.echo(
            f"{gone.address} is deleted; what is left of it: rillmail user erased {gone.user_id}"
        )
    else:
        click.echo(
            f"{gone.address} is suspended, and deleted after {gone.deletes_at:%Y-%m-%d %H:%M} UTC;"
            f" undo it by: rillmail user restore {gone.address}"
        )


@click.command(epilog=examples("rillmail user restore bo@example.com"))
@click.argument("address")
@as_json
def restore(address: str, as_json: bool) -> None:
    """Let ADDRESS stay, who was to be deleted."""

    async def work(stores: Stores) -> User:
        user = await known(stores, address)
        if user.deletes_at is None:
            raise click.ClickException(f"nobody wants to delete {address}")
        return await administration(stores).resume(user) or user

    stays = with_stores(work)
    if as_json:
        print_json(stays)
    else:
        click.echo(f"{stays.address} stays, and may sign in")


@click.command(epilog=examples("rillmail user purge", "rillmail user purge --json"))
@as_json
def purge(as_json: bool) -> None:
    """Delete for good whose time of grace is over.

    The embedded service does so by itself; in a cluster, let this run each day.
    """

    async def work(stores: Stores) -> list[User]:
        return list(await administration(stores).delete_due())

    gone = with_stores(work)
    if as_json:
        print_json(gone)
    else:
        click.echo("\n".join(f"{u.address} is deleted" for u in gone) or "Nobody is due")
