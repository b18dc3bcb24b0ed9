"""`rillmail user erased`: what is left of a user who was deleted."""

from collections.abc import Mapping

import click

from api.cli.output import as_json, examples, print_json, print_table, printable
from api.cli.stores import Stores, with_stores
from topologies.erasure import Keepers, remains


@click.command(
    epilog=examples(
        "rillmail user delete bo@example.com --now -y --json   # tells the id",
        "rillmail user erased 0198c2f4-7d5e-7c31-9a53-2f6f0d1c7b11",
    )
)
@click.argument("user")
@as_json
def erased(user: str, as_json: bool) -> None:
    """Tell what each store still holds of USER, the id of one who was deleted.

    All is taken away soon after a deletion, and a service has to run for it. This fails while
    something is left, and for an id under which nobody was erased. Blobs that nobody else
    refers to go with `rillmail sweep`.
    """

    async def work(stores: Stores) -> tuple[Mapping[str, int], bool]:
        found = await stores.directory.user_by_address(user) if "@" in user else None
        if "@" in user and found is None:
            raise click.ClickException(
                f"there is no user {printable(user)}: of one who was deleted, say the id"
            )
        user_id = found.user_id if found else user
        left = await remains(user_id, Keepers.of(stores))
        # Of an id that is mistyped nothing is left either: what proves it is the mark.
        mailbox = await stores.mailboxes.mailbox(user_id)
        return left, mailbox.is_erased and not any(left.values())

    left, is_erased = with_stores(work)
    if as_json:
        print_json({"is_erased": is_erased, "left": left})
    else:
        print_table(["STORE", "LEFT"], [[name, count] for name, count in left.items()], "")
        click.echo("Nothing is left." if is_erased else _not_erased(left))
    if not is_erased:
        raise click.exceptions.Exit(1)


def _not_erased(left: Mapping[str, int]) -> str:
    if any(left.values()):
        return "Something is left."
    return (
        "Nothing is here, but nobody was erased under this id: mistyped, or the service has not"
        " come to it yet."
    )
