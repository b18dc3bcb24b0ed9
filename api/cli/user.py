"""`rillmail user`: who has a mailbox here."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import IO, TypeVar

import click

from api.cli.app_password import app_password
from api.cli.at_work import administration
from api.cli.output import as_json, examples, print_json, print_table, size
from api.cli.quota import QUOTA
from api.cli.stores import Stores, refusals, with_stores
from api.cli.user_account import known, second_factor, sessions, usage
from api.cli.user_delete import delete, purge, restore
from api.cli.user_erased import erased
from topologies.ports.directory import User
from topologies.ports.restraints import Restraint

T = TypeVar("T")

password_file = click.option(
    "--password-file",
    type=click.File(encoding="utf-8"),
    help="A file that holds the password, 8 characters at least; - is stdin. Asked for without.",
)


@click.group()
def user() -> None:
    """Who has a mailbox here."""


for command in (app_password, delete, restore, purge, erased, sessions, second_factor, usage):
    user.add_command(command)


@user.command(
    epilog=examples(
        "rillmail user add bo@example.com",
        "rillmail user add bo@example.com --password-file - < pw.txt",
        "rillmail user add ann@example.com --password-file pw.txt --name 'Ann Li' --quota 5GB",
    )
)
@click.argument("address")
@password_file
@click.option("--name", default="", help="Display name.")
@click.option("--admin", is_flag=True, help="May do what others may not; gets postmaster's mail.")
@click.option("--quota", type=QUOTA, help="Such as 500MB or 5GB; 0: no limit.")
@as_json
def add(
    address: str,
    password_file: IO[str] | None,
    name: str,
    admin: bool,
    quota: int | None,
    as_json: bool,
) -> None:
    """Give ADDRESS, of one of our domains, a mailbox."""
    password = _password(password_file)

    async def work(stores: Stores) -> User:
        with refusals():
            return await administration(stores).add_user(
                address, password, name=name, quota_bytes=quota, is_admin=admin
            )

    added = with_stores(work)
    _print(added, f"{added.address} has a mailbox", as_json)


@user.command(
    "list",
    epilog=examples("rillmail user list", "rillmail user list --domain example.com --json"),
)
@click.option("--domain", help="Only of this one.")
@as_json
def list_(domain: str | None, as_json: bool) -> None:
    """List users by address."""

    async def work(stores: Stores) -> tuple[list[User], dict[str, Restraint]]:
        restraints = {each.user_id: each for each in await stores.restraints.all()}
        with refusals():
            return list(await stores.directory.users(domain)), restraints

    users, restraints = with_stores(work)
    if as_json:
        print_json([{**asdict(u), "sending": _sending(u, restraints)} for u in users])
        return
    print_table(
        ["ADDRESS", "NAME", "QUOTA", "STATE", "SINCE", "ID"],
        [
            [
                u.address,
                u.name,
                size(u.quota_bytes),
                _state(u, restraints),
                f"{u.created_at:%Y-%m-%d}",
                u.user_id,
            ]
            for u in users
        ],
        f"There is no user of {domain} yet: rillmail user add bo@{domain}"
        if domain
        else "There is no user yet: rillmail user add bo@example.com",
    )


@user.command(epilog=examples("rillmail user suspend bo@example.com"))
@click.argument("address")
@as_json
def suspend(address: str, as_json: bool) -> None:
    """Let ADDRESS sign in no more; their mail still comes in. Ends their sessions."""
    changed = _on_user(address, lambda s, u: administration(s).suspend(u))
    _print(changed, f"{changed.address} is suspended and signed out", as_json)


@user.command(epilog=examples("rillmail user resume bo@example.com"))
@click.argument("address")
@as_json
def resume(address: str, as_json: bool) -> None:
    """Let ADDRESS sign in and send again; who was to be deleted stays."""
    changed = _on_user(address, lambda s, u: administration(s).resume(u))
    _print(changed, f"{changed.address} may sign in", as_json)


@user.command(
    epilog=examples(
        "rillmail user password bo@example.com",
        "rillmail user password bo@example.com --password-file - < pw.txt",
    )
)
@click.argument("address")
@password_file
@as_json
def password(address: str, password_file: IO[str] | None, as_json: bool) -> None:
    """Give ADDRESS another password, and end their sessions."""
    new = _password(password_file)
    changed = _on_user(address, lambda s, u: administration(s).set_password(u, new))
    _print(changed, f"{changed.address} has another password and is signed out", as_json)


@user.command(epilog=examples("rillmail user quota bo@example.com 5GB"))
@click.argument("address")
@click.argument("quota", type=QUOTA)
@as_json
def quota(address: str, quota: int, as_json: bool) -> None:
    """Let the mailbox of ADDRESS hold QUOTA, such as 500MB or 5GB; 0 is no limit."""
    changed = _on_user(address, lambda s, u: administration(s).set_quota(u, quota))
    _print(changed, f"{changed.address} may hold {size(changed.quota_bytes)}", as_json)


def _on_user(address: str, change: Callable[[Stores, User], Awaitable[T | None]]) -> T:
    """Find the user and *change* them; that there is none is an error."""

    async def work(stores: Stores) -> T:
        user = await known(stores, address)
        with refusals():
            changed = await change(stores, user)
        if changed is None:
            raise click.ClickException(f"{address} was deleted by somebody else meanwhile")
        return changed

    return with_stores(work)


def _password(file: IO[str] | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise click.UsageError("say where the password is: --password-file FILE, - for stdin")
        entered: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return entered
    try:
        # An editor and `echo` end the line; that is not meant.
        return file.read(4_096).removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file.name}: the password is not in UTF-8") from None


def _print(user: User, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(user)
    else:
        click.echo(sentence)


def _state(user: User, restraints: Mapping[str, Restraint]) -> str:
    sending, leaves = _sending(user, restraints), user.deletes_at
    states = [
        (f"deleted after {leaves:%Y-%m-%d}" if leaves else "", leaves is not None),
        ("suspended", user.is_suspended and leaves is None),
        (f"sending {sending}", sending != "allowed"),
        ("admin", user.is_admin),
    ]
    return ", ".join(name for name, is_so in states if is_so) or "active"


def _sending(user: User, restraints: Mapping[str, Restraint]) -> str:
    restraint = restraints.get(user.user_id)
    return restraint.kind if restraint is not None else "allowed"
