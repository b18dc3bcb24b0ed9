"""`rillmail capacity`: what a deployment of a given size needs."""

import click

from api.capacity.inputs import Inputs, described, with_values
from api.capacity.measured import MEASURED
from api.capacity.model import computed
from api.capacity.node import SIZES, filled, most_users
from api.capacity.page import as_page, as_tables
from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import errors_for_people
from topologies.errors import Misconfigured


@click.command(
    epilog=examples(
        "rillmail capacity",
        "rillmail capacity --users 5000000 --set peak=4 --set core_price=30",
        "rillmail capacity --json | jq .needs.roles",
    )
)
@click.option("--users", type=click.FloatRange(min=1), help="Mailboxes. [default: 1e9]")
@click.option("--set", "changed", multiple=True, metavar="NAME=VALUE", help="Another input.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the page docs/capacity.md.")
@as_json
def capacity(
    users: float | None, changed: tuple[str, ...], as_markdown: bool, as_json: bool
) -> None:
    """Compute cores by role, partitions, storage by year, network and cost, and what breaks first.

    From what one mail costs, as measured, and from inputs that are listed with their values. It
    is a model: see what it leaves out in docs/capacity.md.
    """
    with errors_for_people():
        values: dict[str, str | float] = {} if users is None else {"users": users}
        inputs = with_values(values | dict(map(_pair, changed)))
    if as_json:
        print_json(_told(inputs))
    elif as_markdown:
        click.echo(as_page(inputs))
    else:
        for heading, (columns, rows) in as_tables(inputs):
            click.echo(click.style(heading, bold=True))
            print_table(columns, rows, "")
            click.echo()


def _pair(text: str) -> tuple[str, str]:
    name, is_there, value = text.partition("=")
    if not is_there:
        raise Misconfigured(f"--set {text}: write NAME=VALUE")
    return name.strip(), value.strip()


def _told(inputs: Inputs) -> dict[str, object]:
    return {
        "inputs": described(inputs),
        "measured": MEASURED,
        "needs": computed(inputs),
        "nodes": [filled(inputs, users) for users in SIZES],
        "users_a_node_at_most": most_users(inputs),
    }
