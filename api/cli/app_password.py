"""`rillmail user app-password`: passwords that mail clients send with."""

import click

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, refusals, with_stores
from topologies.ports.app_passwords import AppPassword
from topologies.ports.directory import User


@click.group("app-password")
def app_password() -> None:
    """Passwords that mail clients send with, one for each."""


@app_password.command(
    epilog=examples(
        "rillmail user app-password add bo@example.com phone",
        "rillmail user app-password add bo@example.com phone --json",
    )
)
@click.argument("address")
@click.argument("name")
@as_json
def add(address: str, name: str, as_json: bool) -> None:
    """Make a password for ADDRESS and a program called NAME; it is shown this once."""

    async def work(stores: Stores) -> tuple[AppPassword, str]:
        user = await _user(stores, address)
        with refusals():
            return await stores.app_passwords.add(user.user_id, name, stores.clock.now())

    made, text = with_stores(work)
    if as_json:
        print_json({"password_id": made.password_id, "name": made.name, "password": text})
    else:
        click.echo(text)


@app_password.command("list", epilog=examples("rillmail user app-password list bo@example.com"))
@click.argument("address")
@as_json
def list_(address: str, as_json: bool) -> None:
    """List the passwords of ADDRESS, without their texts."""

    async def work(stores: Stores) -> list[AppPassword]:
        user = await _user(stores, address)
        return list(await stores.app_passwords.of(user.user_id))

    kept = with_stores(work)
    if as_json:
        print_json(kept)
        return
    print_table(
        ["NAME", "SINCE", "ID"],
        [[each.name, f"{each.created_at:%Y-%m-%d}", each.password_id] for each in kept],
        f"There is none yet: rillmail user app-password add {address} phone",
    )


@app_password.command(epilog=examples("rillmail user app-password remove bo@example.com ID"))
@click.argument("address")
@click.argument("password_id")
@as_json
def remove(address: str, password_id: str, as_json: bool) -> None:
    """Make a password of ADDRESS worthless."""

    async def work(stores: Stores) -> None:
        user = await _user(stores, address)
        if not await stores.app_passwords.remove(user.user_id, password_id):
            raise click.ClickException(
                f"{address} has no such password; `rillmail user app-password list` shows them"
            )

    with_stores(work)
    if as_json:
        print_json({"password_id": password_id, "removed": True})
    else:
        click.echo("It is removed")


async def _user(stores: Stores, address: str) -> User:
    found = await stores.directory.user_by_address(address)
    if found is None:
        raise click.ClickException(
            f"there is no user {address}; `rillmail user list` shows who there is"
        )
    return found
