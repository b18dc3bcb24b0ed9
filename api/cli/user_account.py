"""`rillmail user sessions`, `second-factor` and `usage`: how people sign in, and what they have."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from api.cli.at_work import administration
from api.cli.output import as_json, examples, print_json, print_table, printable, size
from api.cli.stores import Stores, refusals, with_stores
from topologies.ports.directory import User
from topologies.ports.sessions import SignedIn

AT_ONCE = 100  # users whose mailboxes are looked at between two lines of questions


@click.group()
def sessions() -> None:
    """The programs that are signed in for a user."""


@sessions.command("list", epilog=examples("rillmail user sessions list bo@example.com"))
@click.argument("address")
@as_json
def list_sessions(address: str, as_json: bool) -> None:
    """List the programs that are signed in for ADDRESS."""

    async def work(stores: Stores) -> Sequence[SignedIn]:
        return await stores.directory.sessions.of((await known(stores, address)).user_id)

    found = with_stores(work)
    if as_json:
        print_json([{**asdict(each), "scopes": sorted(each.scopes)} for each in found])
        return
    print_table(
        ["PROGRAM", "MAY", "SINCE", "LAST SEEN", "ID"],
        [
            [
                printable(each.client) or "(no name)",
                " ".join(sorted(each.scopes)),
                f"{each.created_at:%Y-%m-%d}",
                f"{each.seen_on:%Y-%m-%d}",
                each.session_id,
            ]
            for each in found
        ],
        f"Nobody is signed in as {address}",
    )


@sessions.command("end", epilog=examples("rillmail user sessions end bo@example.com ID"))
@click.argument("address")
@click.argument("session_id")
def end_session(address: str, session_id: str) -> None:
    """Sign a program of ADDRESS out."""

    async def work(stores: Stores) -> bool:
        user = await known(stores, address)
        return await stores.directory.sessions.end(user.user_id, session_id)

    if not with_stores(work):
        raise click.ClickException(
            f"{address} has no such session; `rillmail user sessions list` shows them"
        )
    click.echo("It is signed out")


@click.group("second-factor")
def second_factor() -> None:
    """What is asked for besides a password."""


@second_factor.command(epilog=examples("rillmail user second-factor reset bo@example.com"))
@click.argument("address")
def reset(address: str) -> None:
    """Let ADDRESS sign in with the password alone, after losing the app and all codes.

    Make sure that it is them who ask: whoever has the password gets in then.
    """

    async def work(stores: Stores) -> bool:
        return await administration(stores).reset_second_factor(await known(stores, address))

    was_there = with_stores(work)
    click.echo(
        f"{address} signs in with the password alone now"
        if was_there
        else f"{address} has no second factor"
    )


@dataclass(frozen=True)
class Usage:
    """How much a user has here."""

    user_id: str
    address: str
    used_bytes: int
    quota_bytes: int | None
    mails: int
    unread: int


@click.command(
    epilog=examples("rillmail user usage", "rillmail user usage --domain example.com --json")
)
@click.option("--domain", help="Only of this one.")
@as_json
def usage(domain: str | None, as_json: bool) -> None:
    """Tell how many bytes and mails each user has."""

    async def work(stores: Stores) -> list[Usage]:
        lines: list[Usage] = []
        after = ""
        while True:
            with refusals():
                page = await stores.directory.users_page(domain=domain, after=after, limit=AT_ONCE)
            lines += [await _usage(stores, user) for user in page.users]
            if not (after := page.after):
                return lines

    lines = with_stores(work)
    if as_json:
        print_json(lines)
        return
    print_table(
        ["ADDRESS", "USED", "QUOTA", "MAILS", "UNREAD"],
        [
            [line.address, size(line.used_bytes), size(line.quota_bytes), line.mails, line.unread]
            for line in lines
        ],
        "There is no user yet: rillmail user add bo@example.com",
    )


async def known(stores: Stores, address: str) -> User:
    """Return the user; that there is none is an error."""
    found = await stores.directory.user_by_address(address)
    if found is None:
        raise click.ClickException(
            f"there is no user {address}; `rillmail user list` shows who there is"
        )
    return found


async def _usage(stores: Stores, user: User) -> Usage:
    mailbox = await stores.mailboxes.mailbox(user.user_id)
    folders = await stores.mailboxes.folders(user.user_id)
    return Usage(
        user_id=user.user_id,
        address=user.address,
        used_bytes=mailbox.used_bytes,
        quota_bytes=user.quota_bytes,
        mails=sum(folder.total_count for folder in folders),
        unread=sum(folder.unread_count for folder in folders),
    )
