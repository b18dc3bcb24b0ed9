"""`rillmail alias`: addresses that lead to users, or to other aliases."""

import click

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
    )
)
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@as_json
def add(address: str, targets: tuple[str, ...], as_json: bool) -> None:
    """Let ADDRESS lead to TARGETS, and no longer to where it led before."""

    async def work(stores: Stores) -> list[tuple[str, Resolved]]:
        with refusals():
            await stores.directory.add_alias(address, targets)
        return [(target, await stores.directory.resolve(target)) for target in targets]

    resolved = with_stores(work)
    nowhere = [target for target, found in resolved if not found.targets]
    if as_json:
        print_json({"alias": parse(address).key, "targets": targets, "nowhere": nowhere})
    else:
        click.echo(f"{parse(address).key} leads to {', '.join(targets)}")
    for target in nowhere:
        click.echo(f"Note: nobody has {target} yet, so mail for it is refused", err=True)


@alias.command(
    "list",
    epilog=examples("rillmail alias list", "rillmail alias list --domain example.com --json"),
)
@click.option("--domain", help="Only of this one.")
@as_json
def list_(domain: str | None, as_json: bool) -> None:
    """List aliases and where they lead; * stands for all that nobody else has."""

    async def work(stores: Stores) -> list[tuple[str, tuple[str, ...]]]:
        with refusals():
            return list(await stores.directory.aliases(domain))

    aliases = with_stores(work)
    if as_json:
        print_json([{"alias": name, "targets": targets} for name, targets in aliases])
    else:
        print_table(
            ["ALIAS", "LEADS TO"],
            [[name, ", ".join(targets)] for name, targets in aliases],
            "There is no alias yet: rillmail alias add sales@example.com bo@example.com",
        )
