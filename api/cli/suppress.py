"""`rillmail suppress`: addresses and domains that are not written to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, refusals, with_stores
from topologies.mail import suppression as rules
from topologies.ports.suppressions import EVERYBODY, Suppression

owner = click.option(
    "--of",
    "owner",
    default=EVERYBODY,
    help="Whose list: a user's address, or @domain of senders. Without it: for all.",
)


@click.group()
def suppress() -> None:
    """Addresses and domains that are not written to."""


@suppress.command(
    "list", epilog=examples("rillmail suppress list", "rillmail suppress list --of ann@example.com")
)
@owner
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@as_json
def list_(owner: str, limit: int, as_json: bool) -> None:
    """List the entries of a list."""

    async def work(stores: Stores) -> Sequence[Suppression]:
        whose = await _owner(stores, owner)
        found: list[Suppression] = []
        cursor: str | None = None
        while len(found) < limit:
            page = await stores.suppressions.page(
                whose, limit=min(500, limit - len(found)), cursor=cursor
            )
            found += page.suppressions
            if (cursor := page.next_cursor) is None:
                break
        return found

    found = with_stores(work)
    if as_json:
        print_json([_fields(each) for each in found])
        return
    print_table(
        ["TARGET", "REASON", "SINCE", "UNTIL", "DETAIL"],
        [
            [
                each.target,
                each.reason,
                f"{each.since:%Y-%m-%d %H:%M}",
                f"{each.until:%Y-%m-%d %H:%M}" if each.until else "for good",
                each.detail,
            ]
            for each in found
        ],
        "Nobody is on this list.",
    )


@suppress.command(
    epilog=examples(
        "rillmail suppress add @spam.example",
        "rillmail suppress add bo@example.com --of ann@example.com --days 30 --why 'asked us'",
    )
)
@click.argument("target")
@owner
@click.option("--days", type=click.IntRange(1, 3650), help="For so long; without it for good.")
@click.option("--why", "detail", default="", help="Told to who writes to it all the same.")
@as_json
def add(target: str, owner: str, days: int | None, detail: str, as_json: bool) -> None:
    """Write to an address, or to all of @domain, no more."""

    async def work(stores: Stores) -> Suppression:
        with refusals():
            address = rules.target_of(target)
        now = stores.clock.now()
        return await stores.suppressions.add(
            Suppression(
                owner=await _owner(stores, owner),
                target=address,
                reason="manual",
                detail=detail,
                since=now,
                until=now + timedelta(days=days) if days else None,
            )
        )

    kept = with_stores(work)
    if as_json:
        print_json(_fields(kept))
    else:
        until = f"until {kept.until:%Y-%m-%d}" if kept.until else "for good"
        click.echo(f"{kept.target} is not written to, {until}")


@suppress.command(epilog=examples("rillmail suppress remove bo@example.com --of ann@example.com"))
@click.argument("target")
@owner
def remove(target: str, owner: str) -> None:
    """Write to it again."""

    async def work(stores: Stores) -> bool:
        with refusals():
            address = rules.target_of(target)
        return await stores.suppressions.remove(await _owner(stores, owner), address)

    if not with_stores(work):
        raise click.ClickException(f"{target} is not on this list: see rillmail suppress list")
    click.echo(f"{target} is written to again")


async def _owner(stores: Stores, given: str) -> str:
    if given == EVERYBODY:
        return given
    if given.startswith("@"):
        with refusals():
            return rules.target_of(given)
    user = await stores.directory.user_by_address(given)
    if user is None:
        raise click.ClickException(f"there is no user {given}")
    return user.user_id


def _fields(entry: Suppression) -> dict[str, Any]:
    return {
        "owner": entry.owner,
        "target": entry.target,
        "reason": entry.reason,
        "detail": entry.detail,
        "since": entry.since,
        "until": entry.until,
    }
