"""What operators do with mail that waits: `rillmail queue hold`, `reroute` and their like."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from api.cli.output import as_json, examples, print_json
from api.cli.queue_filter import Choice, filters, wanted_by
from api.cli.stores import Stores, with_stores
from topologies import queue as queues
from topologies.mail import next_host
from topologies.ports.deliveries import Delivery
from topologies.queue import Word

F = TypeVar("F", bound=Callable[..., Any])

_DONE: dict[Word, str] = {
    "hold": "held",
    "release": "released",
    "retry": "tried now",
    "cancel": "cancelled",
    "bounce": "given up",
    "reroute": "rerouted",
}


def _about_deliveries(command: F) -> F:
    """Give *command* the arguments that say which deliveries, and how it asks."""
    for decorate in (
        as_json,
        click.option("-y", "--yes", is_flag=True, help="Do not ask."),
        filters,
        click.option("--all", "is_all", is_flag=True, help="All that the options below leave."),
        click.argument("delivery_ids", metavar="[DELIVERY]...", nargs=-1),
    ):
        command = decorate(command)
    return command


def _ordering(word: Word, summary: str) -> click.Command:
    """Return the command that gives the order *word*."""

    @click.command(
        word,
        help=summary,
        epilog=examples(
            f"rillmail queue {word} DELIVERY",
            f"rillmail queue {word} --all --to example.com      # counts, and asks",
            f"rillmail queue {word} --all --older-than 1d --yes",
        ),
    )
    @_about_deliveries
    def command(
        delivery_ids: tuple[str, ...], is_all: bool, choice: Choice, yes: bool, as_json: bool
    ) -> None:
        _give(word, delivery_ids, choice, is_all=is_all, yes=yes, as_json=as_json)

    return command


@click.command(
    epilog=examples(
        "rillmail queue reroute DELIVERY --via relay.example:25",
        "rillmail queue reroute --all --to example.com --via 192.0.2.1      # counts, and asks",
        "rillmail queue reroute --all --to example.com --back --yes",
    )
)
@click.option("--via", metavar="HOST[:PORT]", default="", help="The host that takes them.")
@click.option("--back", is_flag=True, help="They go to their destination's own hosts again.")
@_about_deliveries
def reroute(
    delivery_ids: tuple[str, ...],
    is_all: bool,
    choice: Choice,
    yes: bool,
    as_json: bool,
    via: str,
    back: bool,
) -> None:
    """Let deliveries go to another host from now on, and try them now.

    What is held stays so until it is released. Mail that is sent later is not rerouted: for that
    there is the setting RILLMAIL_RELAY_HOST.
    """
    if bool(via) == back:
        raise click.UsageError("say where they go: --via HOST[:PORT], or --back")
    try:
        kept = next_host.written(via) if via else ""
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _give("reroute", delivery_ids, choice, is_all=is_all, yes=yes, as_json=as_json, via=kept)


ORDERS: tuple[click.Command, ...] = (
    _ordering("hold", "Let deliveries wait until they are released."),
    _ordering("release", "Let held deliveries go, and try them now."),
    _ordering("retry", "Try deliveries now, without waiting for their time."),
    _ordering("cancel", "Give deliveries up, and tell nobody."),
    _ordering("bounce", "Give deliveries up, and tell their senders."),
    reroute,
)


def _give(
    word: Word,
    delivery_ids: Sequence[str],
    choice: Choice,
    *,
    is_all: bool,
    yes: bool,
    as_json: bool,
    via: str = "",
) -> None:
    if bool(delivery_ids) == is_all:
        raise click.UsageError("name the deliveries, or say --all")
    if delivery_ids and choice.is_narrow:
        raise click.UsageError("--to, --from and the like choose among all: they go with --all")
    # Counted first, and opened anew afterwards: who thinks it over blocks nobody.
    chosen = with_stores(lambda stores: _chosen(stores, delivery_ids, choice))
    if not delivery_ids and not yes:
        if as_json:
            raise click.UsageError("--json can't ask: say --yes as well")
        if not chosen:
            click.echo("Nothing waits.")
            return
        destinations = len({each.destination for each in chosen})
        where = f" via {via}" if via else ""
        click.confirm(
            f"{word} {len(chosen)} deliveries to {destinations} destinations{where}?", abort=True
        )

    async def work(stores: Stores) -> tuple[list[str], Sequence[str]]:
        given, now = await queues.give(stores.deliveries, chosen, word, via=via)
        tried: Sequence[str] = ()
        if now:
            tried = await queues.try_now(now, stores.reader, stores.log, stores.clock.now())
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


async def _chosen(
    stores: Stores, delivery_ids: Sequence[str], choice: Choice
) -> Sequence[Delivery]:
    if delivery_ids:
        asked = [await stores.deliveries.find(each) for each in delivery_ids]
        return [each for each in asked if each is not None and each.is_open]
    wanted = await wanted_by(choice, stores)
    return [each async for each in queues.chosen(stores.deliveries, wanted) if each.is_open]
