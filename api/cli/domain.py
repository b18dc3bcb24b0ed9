"""`rillmail domain`: the domains whose mail this deployment takes."""

import click

from api.cli.at_work import administration
from api.cli.domain_alias import alias
from api.cli.domain_dns import check, dns, keys
from api.cli.domain_mta_sts import mta_sts_
from api.cli.domain_reports import reports
from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, refusals, with_stores
from topologies.mail.mailbox_address import domain_in_ascii


@click.group()
def domain() -> None:
    """The domains whose mail is taken here."""


domain.add_command(alias)
domain.add_command(dns)
domain.add_command(check)
domain.add_command(keys)
domain.add_command(mta_sts_)
domain.add_command(reports)


@domain.command(
    epilog=examples("rillmail domain add example.com", "rillmail domain add bücher.example --json")
)
@click.argument("name")
@as_json
def add(name: str, as_json: bool) -> None:
    """Take mail for NAME from now on; adding it again changes nothing.

    Keys are made that its mail is signed with: `rillmail domain dns` tells what to publish.
    """

    async def work(stores: Stores) -> bool:
        with refusals():
            return await administration(stores).add_domain(name)

    is_new = with_stores(work, is_first=True)
    in_ascii = domain_in_ascii(name)
    if as_json:
        print_json({"domain": in_ascii, "added": is_new})
    else:
        click.echo(f"{in_ascii} is added" if is_new else f"{in_ascii} was there already")


@domain.command(epilog=examples("rillmail domain remove example.com"))
@click.argument("name")
@as_json
def remove(name: str, as_json: bool) -> None:
    """Take no more mail for NAME, which must hold no users and no aliases any more.

    Its keys stay, since mail that was written in its name may still be on its way.
    """

    async def work(stores: Stores) -> bool:
        with refusals():
            return await administration(stores).remove_domain(name)

    if not with_stores(work):
        raise click.ClickException(
            f"there is no domain {name}; `rillmail domain list` shows which there are"
        )
    in_ascii = domain_in_ascii(name)
    if as_json:
        print_json({"domain": in_ascii, "removed": True})
    else:
        click.echo(f"{in_ascii} is removed: mail for it is refused")


@domain.command("list", epilog=examples("rillmail domain list", "rillmail domain list --json"))
@as_json
def list_(as_json: bool) -> None:
    """List all domains."""

    async def work(stores: Stores) -> list[str]:
        return list(await stores.directory.domains())

    names = with_stores(work)
    if as_json:
        print_json([{"domain": name} for name in names])
    else:
        print_table(
            ["DOMAIN"],
            [[name] for name in names],
            "There is no domain yet: rillmail domain add example.com",
        )
