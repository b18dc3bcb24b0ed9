"""`rillmail queue`: mail that waits for other systems, and what becomes of it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

import click

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.queue_filter import Choice, filters, wanted_by
from api.cli.queue_view import fields, print_delivery, reason_of, recipient_of, span
from api.cli.stores import Stores, with_stores
from topologies import queue as queues
from topologies.ports.deliveries import Delivery, Order
from topologies.queue import QueueCounts

F = TypeVar("F", bound=Callable[..., Any])
Word = Literal["hold", "release", "retry", "cancel", "bounce"]

_KEPT: dict[Word, Order | None] = {
    "hold": "hold",
    "release": "go",
    "retry": None,
    "cancel": "cancel",
    "bounce": "bounce",
}
_DONE: dict[Word, str] = {
    "hold": "held",
    "release": "released",
    "retry": "tried now",
    "cancel": "cancelled",
    "bounce": "given up",
}


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


@queue.command(epilog=examples("rillmail queue trace MAIL", "rillmail queue trace MAIL --json"))
@click.argument("mail")
@as_json
def trace(mail: str, as_json: bool) -> None:
    """Show what became of all recipients of a mail, also those delivered to."""

    async def work(stores: Stores) -> Sequence[Delivery]:
        if not (found := await stores.deliveries.of_mail(mail)):
            raise click.ClickException(
                f"nothing of a mail {mail} went to other systems, or it is too long ago"
            )
        return found

    found = with_stores(work)
    if as_json:
        print_json([fields(each) for each in found])
        return
    for number, each in enumerate(found):
        if number:
            click.echo()
        print_delivery(each)


def _ordering(word: Word, summary: str) -> None:
    """Add the command that gives the order *word*."""

    @queue.command(
        word,
        help=summary,
        epilog=examples(
            f"rillmail queue {word} DELIVERY",
            f"rillmail queue {word} --all --to example.com      # counts, and asks",
            f"rillmail queue {word} --all --older-than 1d --yes",
        ),
    )
    @click.argument("delivery_ids", metavar="[DELIVERY]...", nargs=-1)
    @click.option("--all", "is_all", is_flag=True, help="All that the options below leave.")
    @filters
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @as_json
    def command(
        delivery_ids: tuple[str, ...], is_all: bool, choice: Choice, yes: bool, as_json: bool
    ) -> None:
        if bool(delivery_ids) == is_all:
            raise click.UsageError("name the deliveries, or say --all")
        if delivery_ids and choice.is_narrow:
            raise click.UsageError("--to, --from and the like choose among all: they go with --all")
        _give(word, delivery_ids, choice, yes=yes, as_json=as_json)


_ordering("hold", "Let deliveries wait until they are released.")
_ordering("release", "Let held deliveries go, and try them now.")
_ordering("retry", "Try deliveries now, without waiting for their time.")
_ordering("cancel", "Give deliveries up, and tell nobody.")
_ordering("bounce", "Give deliveries up, and tell their senders.")


def _give(
    word: Word, delivery_ids: Sequence[str], choice: Choice, *, yes: bool, as_json: bool
) -> None:
    async def choose(stores: Stores) -> list[Delivery]:
        if delivery_ids:
            asked = [await stores.deliveries.find(each) for each in delivery_ids]
            return [each for each in asked if each is not None and each.is_open]
        wanted = await wanted_by(choice, stores)
        return [each async for each in queues.chosen(stores.deliveries, wanted) if each.is_open]

    # Counted first, and opened anew afterwards: who thinks it over blocks nobody.
    chosen = with_stores(choose)
    if not delivery_ids and not yes:
        if as_json:
            raise click.UsageError("--json can't ask: say --yes as well")
        if not chosen:
            click.echo("Nothing waits.")
            return
        destinations = len({each.destination for each in chosen})
        click.confirm(
            f"{word} {len(chosen)} deliveries to {destinations} destinations?", abort=True
        )

    async def work(stores: Stores) -> tuple[list[str], Sequence[str]]:
        kept = _KEPT[word]
        given = [
            each
            for each in chosen
            if kept is None or await stores.deliveries.give(each.delivery_id, kept)
        ]
        tried: Sequence[str] = ()
        if word != "hold" and given:
            tried = await queues.try_now(given, stores.reader, stores.log, stores.clock.now())
        return [each.delivery_id for each in given], tried

    done, tried = with_stores(work)
    missing = sorted(set(delivery_ids) - set(done))
    if as_json:
        print_json({"order": word, "done": done, "tried_now": tried, "not_found": missing})
    elif word == "retry":
        click.echo(f"{len(tried)} {_DONE[word]}")
        if len(tried) < len(done):
            click.echo(f"{len(done) - len(tried)} are being tried at this moment", err=True)
    else:
        click.echo(f"{len(done)} {_DONE[word]}")
    if missing:
        raise click.ClickException(
            f"not there, or done already: {', '.join(missing)}; see rillmail queue list"
        )
