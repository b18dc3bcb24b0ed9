"""`rillmail queue`: mail that waits for other systems, and what becomes of it."""

from collections.abc import Sequence
from datetime import datetime

import click

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.queue_filter import Choice, filters, wanted_by
from api.cli.queue_orders import ORDERS
from api.cli.queue_trace import trace
from api.cli.queue_view import fields, print_delivery, reason_of, recipient_of, span
from api.cli.stores import Stores, with_stores
from topologies import queue as queues
from topologies.ports.deliveries import Delivery
from topologies.queue import QueueCounts


@click.group()
def queue() -> None:
    """Mail that waits for other systems: deferred, held or failed."""


@queue.command(
    "list",
    epilog=examples(
        "rillmail queue list",
        "rillmail queue list --to example.com --older-than 4h",
        "rillmail queue list --state failed --json",
    ),
)
@filters
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@as_json
def list_(choice: Choice, limit: int, as_json: bool) -> None:
    """List deliveries that wait, oldest first."""

    async def work(stores: Stores) -> tuple[Sequence[Delivery], datetime]:
        wanted = await wanted_by(choice, stores)
        found = [each async for each in queues.chosen(stores.deliveries, wanted, most=limit)]
        return found, stores.clock.now()

    found, now = with_stores(work)
    if as_json:
        print_json([fields(each) for each in found])
        return
    print_table(
        ["DELIVERY", "WAITS", "STATE", "TRIES", "NEXT", "FROM", "TO", "WHY"],
        [
            [
                each.delivery_id,
                span((now - each.submitted_at).total_seconds()),
                each.state,
                each.attempt,
                f"{each.next_try_at:%H:%M:%S}" if each.next_try_at else "",
                each.mail_from or "<>",
                recipient_of(each),
                reason_of(each),
            ]
            for each in found
        ],
        "Nothing waits.",
    )
    if len(found) == limit:
        click.echo(f"{limit} are shown; --limit shows more, `queue count` counts", err=True)


@queue.command(
    epilog=examples("rillmail queue count", "rillmail queue count --older-than 1d --json")
)
@filters
@as_json
def count(choice: Choice, as_json: bool) -> None:
    """Count what waits, by destination and age."""

    async def work(stores: Stores) -> QueueCounts:
        wanted = await wanted_by(choice, stores)
        return await queues.counted(stores.deliveries, wanted, stores.clock.now())

    counts = with_stores(work)
    if as_json:
        print_json(counts)
        return
    ages = [*queues.AGES, queues.OLDER]
    print_table(
        ["DESTINATION", "COUNT", "HELD", *(f"<{age}" for age in queues.AGES), "OLDER", "WHY"],
        [
            [
                each.destination,
                each.count,
                each.held,
                *(each.by_age[age] for age in ages),
                each.reason,
            ]
            for each in counts.destinations
        ],
        "Nothing waits.",
    )
    if not counts.is_complete:
        click.echo(f"more than {counts.count} wait; the first were counted", err=True)


@queue.command(
    epilog=examples("rillmail queue show DELIVERY", "rillmail queue show DELIVERY --json")
)
@click.argument("delivery")
@as_json
def show(delivery: str, as_json: bool) -> None:
    """Show one delivery with what was said about each recipient."""

    async def work(stores: Stores) -> Delivery:
        if (found := await stores.deliveries.find(delivery)) is None:
            raise click.ClickException(f"there is no delivery {delivery}: see rillmail queue list")
        return found

    found = with_stores(work)
    if as_json:
        print_json(fields(found))
        return
    print_delivery(found)


for command in (trace, *ORDERS):
    queue.add_command(command)
