"""`rillmail alias`: addresses that lead to users, or to other aliases."""

import click

from api.cli.at_work import administration
from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, refusals, with_stores
from topologies.mail.mailbox_address import parse
from topologies.ports.directory import Resolved


@click.group()
def alias() -> None:
    """Addresses that lead to users, or to other aliases."""


@alias.command(
    epilog=examples(
        "rillmail alias add sales@example.com bo@example.com ann@example.com",
        "rillmail alias add '*@example.com' bo@example.com     # all that nobody else has",
        "rillmail alias add team@example.com bo@example.com zoe@far.example --members-only",
    )
)
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@click.option("--members-only", is_flag=True, help="Only those it leads to may write to it.")
@as_json
def add(address: str, targets: tuple[str, ...], members_only: bool, as_json: bool) -> None:
    """Let ADDRESS lead to TARGETS, and no longer to where it led before.

    Mail for a target at another system is forwarded there.
    """

    async def work(stores: Stores) -> list[tuple[str, Resolved]]:
        with refusals():
            await administration(stores).add_alias(address, targets, members_only=members_only)
        return [(target, await stores.directory.resolve(target)) for target in targets]

    resolved = with_stores(work)
    nowhere = [target for target, found in resolved if found.status == "unknown"]
    elsewhere = [target for target, found in resolved if found.status == "foreign"]
    if as_json:
        print_json(
            {
                "alias": parse(address).key,
                "targets": targets,
                "nowhere": nowhere,
                "elsewhere": elsewhere,
                "members_only": members_only,
            }
        )
    else:
        click.echo(f"{parse(address).key} leads to {', '.join(targets)}")
    for target in nowhere:
        click.echo(f"Note: {target} leads to nobody yet, so mail for it is refused", err=True)
    for target in elsewhere:
        click.echo(f"Note: {target} is at another system: mail is forwarded there", err=True)


@alias.command(epilog=examples("rillmail alias remove sales@example.com"))
@click.argument("address")
def remove(address: str) -> None:
    """Let ADDRESS lead nowhere: mail for it is refused, unless there is a catch-all."""

    async def work(stores: Stores) -> bool:
        with refusals():
            return await administration(stores).remove_alias(address)

    if not with_stores(work):
        raise click.ClickException(f"there is no alias {address}")
    click.echo(f"{parse(address).key} leads nowhere any more")


@alias.command(
    "list",
    epilog=examples("rillmail alias list", "rillmail alias list --domain example.com --json"),
)
@click.option("--domain", help="Only of this one.")
@as_json
def list_(domain: str | None, as_json: bool) -> None:
    """List aliases and where they lead; * stands for all that nobody else has."""

    async def work(stores: Stores) -> list[tuple[str, tuple[str, ...], bool]]:
        directory = stores.directory
        with refusals():
            return [
                (name, targets, (await directory.resolve(name)).members_only)
                for name, targets in await directory.aliases(domain)
            ]

    aliases = with_stores(work)
    if as_json:
        print_json(
            [
                {"alias": name, "targets": targets, "members_only": members_only}
                for name, targets, members_only in aliases
            ]
        )
    else:
        print_table(
            ["ALIAS", "LEADS TO", "WHO MAY WRITE"],
            [
                [name, ", ".join(targets), "members" if members_only else "anyone"]
                for name, targets, members_only in aliases
            ],
            "There is no alias yet: rillmail alias add sales@example.com bo@example.com",
        )
