"""`rillmail rules`: what is done with the mail that comes to a user."""

from collections.abc import Awaitable, Callable
from typing import IO

import click

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, with_stores
from topologies.mail import rule_book
from topologies.mail.sieve import SieveError, compiled
from topologies.ports.rules import AwayNotice, Forwarding, UserRules

source_file = click.argument("file", type=click.File(encoding="utf-8"))
Change = Callable[[UserRules, Stores], UserRules]


@click.group()
def rules() -> None:
    """What is done with the mail that comes to a user: Sieve scripts and simple settings."""


@rules.command(
    epilog=examples("rillmail rules check mine.sieve", "echo 'keep;' | rillmail rules check -")
)
@source_file
@as_json
def check(file: IO[str], as_json: bool) -> None:
    """Tell whether the Sieve script in FILE could be run; needs no service."""
    try:
        script = compiled(_read(file))
    except SieveError as error:
        if as_json:
            print_json({"line": error.line, "column": error.column, "reason": error.reason})
            raise SystemExit(1) from error
        raise click.ClickException(f"{file.name}: {error}") from error
    extensions = sorted(script.extensions)
    if as_json:
        print_json({"extensions": extensions})
    else:
        click.echo(f"{file.name} can be run; it requires {', '.join(extensions) or 'nothing'}")


@rules.command("list", epilog=examples("rillmail rules list bo@example.com"))
@click.argument("address")
@as_json
def list_(address: str, as_json: bool) -> None:
    """List the scripts of ADDRESS, and what is set without one."""
    found = _read_rules(address)
    if as_json:
        print_json(
            {
                "scripts": [
                    {"name": each.name, "is_active": each.name == found.active}
                    for each in found.scripts
                ],
                "vacation": found.away,
                "forwarding": found.forwarding,
            }
        )
        return
    print_table(
        ["SCRIPT", "ACTIVE", "CHANGED"],
        [
            [each.name, "yes" if each.name == found.active else "", f"{each.changed_at:%F %R}"]
            for each in found.scripts
        ],
        "There is no script yet: rillmail rules put bo@example.com mine mine.sieve",
    )
    if found.away.is_on:
        click.echo(f"Whoever writes is answered: {found.away.text.strip().splitlines()[0]}")
    if found.forwarding.is_on:
        kept = "a copy is kept" if found.forwarding.keeps_copy else "no copy is kept"
        click.echo(f"Mail goes on to {', '.join(found.forwarding.addresses)}; {kept}")


@rules.command(epilog=examples("rillmail rules show bo@example.com mine > mine.sieve"))
@click.argument("address")
@click.argument("name")
def show(address: str, name: str) -> None:
    """Print the script NAME of ADDRESS."""
    script = _read_rules(address).script(name)
    if script is None:
        raise click.ClickException(f"{address} has no script {name!r}")
    click.echo(script.source, nl=not script.source.endswith("\n"))


@rules.command(
    epilog=examples(
        "rillmail rules put bo@example.com mine mine.sieve --activate",
        "rillmail rules put bo@example.com mine -              # from standard input",
    )
)
@click.argument("address")
@click.argument("name")
@source_file
@click.option("--activate", is_flag=True, help="Run it on each mail from now on.")
def put(address: str, name: str, file: IO[str], activate: bool) -> None:
    """Keep the script in FILE under NAME, in place of one that is there."""
    source = _read(file)

    def change(found: UserRules, stores: Stores) -> UserRules:
        kept = rule_book.name_of(name)
        changed = rule_book.with_script(found, kept, source, stores.clock.now())
        return rule_book.activated(changed, kept) if activate else changed

    _change(address, change)
    click.echo(f"{name} is kept" + (", and active" if activate else ""))


@rules.command(
    epilog=examples(
        "rillmail rules activate bo@example.com mine",
        "rillmail rules activate bo@example.com                # none",
    )
)
@click.argument("address")
@click.argument("name", default="")
def activate(address: str, name: str) -> None:
    """Run the script NAME on each mail that comes, or none."""
    _change(address, lambda found, _: rule_book.activated(found, name))
    click.echo(f"{name} is active" if name else "No script is active")


@rules.command(epilog=examples("rillmail rules delete bo@example.com old"))
@click.argument("address")
@click.argument("name")
def delete(address: str, name: str) -> None:
    """Delete the script NAME, which must not be active."""
    _change(address, lambda found, _: rule_book.without_script(found, name))
    click.echo(f"{name} is deleted")


@rules.command(
    epilog=examples(
        "rillmail rules vacation bo@example.com 'I am away until Monday.' --days 3",
        "rillmail rules vacation bo@example.com --off",
    )
)
@click.argument("address")
@click.argument("text", default="")
@click.option("--subject", default="", help="Of the answer; by default made of the mail's.")
@click.option("--days", default=7, help="No sender is answered again before that many.")
@click.option("--off", is_flag=True, help="Answer no more.")
def vacation(address: str, text: str, subject: str, days: int, off: bool) -> None:
    """Answer whoever writes to ADDRESS with TEXT."""
    away = AwayNotice(is_on=not off, text=text, subject=subject, days=days)
    _change(address, lambda found, _: rule_book.with_away(found, away))
    click.echo("Nobody is answered any more" if off else "Whoever writes is answered")


@rules.command(
    epilog=examples(
        "rillmail rules forward bo@example.com bo@elsewhere.example",
        "rillmail rules forward bo@example.com bo@elsewhere.example --no-copy",
        "rillmail rules forward bo@example.com                 # no more",
    )
)
@click.argument("address")
@click.argument("to", nargs=-1)
@click.option("--copy/--no-copy", default=True, help="Whether the user keeps one.")
def forward(address: str, to: tuple[str, ...], copy: bool) -> None:
    """Send mail for ADDRESS on TO other addresses."""
    wanted = Forwarding(is_on=bool(to), addresses=to, keeps_copy=copy)
    _change(address, lambda found, _: rule_book.with_forwarding(found, wanted, [address]))
    click.echo(f"Mail goes on to {', '.join(to)}" if to else "Mail goes on to nobody")


def _read(file: IO[str]) -> str:
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file.name} is not in UTF-8") from error


def _read_rules(address: str) -> UserRules:
    async def work(stores: Stores) -> UserRules:
        return await stores.rules.read(await _user_id(stores, address))

    return with_stores(work)


def _change(address: str, change: Change) -> None:
    async def work(stores: Stores) -> UserRules:
        user_id = await _user_id(stores, address)
        return await rule_book.changed(stores.rules, user_id, lambda r: change(r, stores))

    _told(work)


def _told(work: Callable[[Stores], Awaitable[UserRules]]) -> UserRules:
    try:
        return with_stores(work)
    except rule_book.Missing as error:
        raise click.ClickException(f"there is no script {error.args[0]!r}") from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error


async def _user_id(stores: Stores, address: str) -> str:
    user = await stores.directory.user_by_address(address)
    if user is None:
        raise click.ClickException(f"nobody has the address {address}")
    return user.user_id
