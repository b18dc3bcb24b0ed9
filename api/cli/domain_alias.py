"""`rillmail domain alias`: domains whose addresses mean what they mean in another one."""

import click

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, refusals, with_stores
from topologies.mail.mailbox_address import domain_in_ascii


@click.group()
def alias() -> None:
    """Domains whose addresses mean what they mean in another one."""


@alias.command(
    epilog=examples("rillmail domain alias add example.net example.com   # bo@example.net is bo's")
)
@click.argument("name")
@click.argument("domain")
@as_json
def add(name: str, domain: str, as_json: bool) -> None:
    """Let every address of NAME mean what it means in DOMAIN, which is one of ours."""

    async def work(stores: Stores) -> bool:
        with refusals():
            return await stores.directory.add_domain_alias(name, domain)

    is_new = with_stores(work)
    told, other = domain_in_ascii(name), domain_in_ascii(domain)
    if as_json:
        print_json({"alias": told, "domain": other, "added": is_new})
    else:
        click.echo(f"{told} stands for {other}" + ("" if is_new else " already"))


@alias.command("list", epilog=examples("rillmail domain alias list --json"))
@as_json
def list_(as_json: bool) -> None:
    """List domains that stand for others."""

    async def work(stores: Stores) -> list[tuple[str, str]]:
        return list(await stores.directory.domain_aliases())

    found = with_stores(work)
    if as_json:
        print_json([{"alias": name, "domain": domain} for name, domain in found])
    else:
        print_table(
            ["DOMAIN", "STANDS FOR"],
            [list(each) for each in found],
            "No domain stands for another: rillmail domain alias add example.net example.com",
        )


@alias.command(epilog=examples("rillmail domain alias remove example.net"))
@click.argument("name")
def remove(name: str) -> None:
    """Take mail for NAME no more."""

    async def work(stores: Stores) -> bool:
        with refusals():
            return await stores.directory.remove_domain_alias(name)

    if not with_stores(work):
        raise click.ClickException(f"{name} stands for no domain")
    click.echo(f"{domain_in_ascii(name)} stands for nothing any more")
