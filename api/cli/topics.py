"""`rillmail topics`: what Kafka needs to have for the cluster profile, and what it has."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from api.cli.output import as_json, examples, print_json, print_table, printable
from api.cli.stores import Stores, errors_for_people, settings_of_a_cluster, with_stores
from topologies.errors import Misconfigured
from topologies.ports.log import Record

if TYPE_CHECKING:
    from connectors.kafka.admin import KafkaAdmin
    from connectors.kafka.topics import Applied, Difference, WantedTopic

T = TypeVar("T")
SHOWN = 300  # characters of an event, for people; --json has it whole

within = click.option(
    "--within",
    "within_s",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Seconds to wait for an answer of Kafka's.",
)


@click.group()
def topics() -> None:
    """Topics: what they hold; in the cluster what the settings ask for, and what Kafka has."""


@topics.command(epilog=examples("rillmail topics diff", "rillmail topics diff --json"))
@within
@as_json
def diff(within_s: float, as_json: bool) -> None:
    """Show how Kafka's topics differ from what the settings ask for; change nothing."""

    async def work(admin: "KafkaAdmin", wanted: "list[WantedTopic]") -> "list[Difference]":
        from connectors.kafka.topics import diff as differences_of

        return await differences_of(admin, wanted)

    differences = _with_kafka(within_s, work)
    if as_json:
        print_json(differences)
        return
    print_table(
        ["TOPIC", "WHAT", "IS", "SHOULD BE", "APPLY", "NOTE"],
        [
            [
                each.topic,
                each.what,
                each.have or "–",
                each.want,
                "yes" if each.is_applicable else "no",
                each.hint,
            ]
            for each in differences
        ],
        "Kafka has every topic as it should be.",
    )


@topics.command(epilog=examples("rillmail topics apply", "rillmail topics apply --json"))
@within
@as_json
def apply(within_s: float, as_json: bool) -> None:
    """Make topics, add partitions, set options. Nothing is deleted or reduced.

    Fails if something could not be done; what is left to people is told, and no failure.
    """

    async def work(admin: "KafkaAdmin", wanted: "list[WantedTopic]") -> "list[Applied]":
        from connectors.kafka.topics import apply as make
        from connectors.kafka.topics import diff as differences_of

        return await make(admin, wanted, await differences_of(admin, wanted))

    applied = _with_kafka(within_s, work)
    if as_json:
        print_json(applied)
    else:
        print_table(
            ["TOPIC", "WHAT", "WAS", "SHOULD BE", "STATE", "NOTE"],
            [_row(each) for each in applied],
            "Kafka has every topic as it should be.",
        )
    failed = [each.difference.topic for each in applied if each.state == "failed"]
    if failed:
        raise click.ClickException(f"not done: {', '.join(dict.fromkeys(failed))}")


@topics.command(
    epilog=examples(
        "rillmail topics show mail.exceptions --hours 24",
        "rillmail topics show replayed.try-1 --json",
    )
)
@click.argument("topic")
@click.option("--hours", type=click.FloatRange(min=0), help="Only what was appended since then.")
@click.option("--key", help="Only records with this key.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@as_json
def show(topic: str, hours: float | None, key: str | None, limit: int, as_json: bool) -> None:
    """Show what a topic of the log holds, on either profile: oldest first, in each partition."""

    async def work(stores: Stores) -> list[dict[str, Any]]:
        since = stores.clock.now() - timedelta(hours=hours) if hours is not None else None
        found: list[dict[str, Any]] = []
        async with aclosing(stores.reader.read(topic, since=since, key=key)) as records:
            async for record in records:
                found.append(_told(record))
                if len(found) == limit:
                    break
        return found

    found = with_stores(work)
    if as_json:
        print_json(found)
        return
    for record in found:
        place = f"{topic}/{record['partition']}/{record['offset']}"
        click.echo(f"{record['appended_at']:%Y-%m-%d %H:%M:%S}  {place}  {record['key']}")
        click.echo(f"    {printable(msgspec.json.encode(record['event']).decode()[:SHOWN])}")
    if not found:
        click.echo(f"{topic} holds nothing, or there is no such topic.")


def _told(record: Record) -> dict[str, Any]:
    known = {name: getattr(record, name) for name in Record.__slots__ if name != "value"}
    try:
        return known | {"event": msgspec.json.decode(record.value)}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return known | {"event": ascii(record.value)}


def _row(applied: "Applied") -> Sequence[str]:
    change = applied.difference
    return [
        change.topic,
        change.what,
        change.have or "–",
        change.want,
        applied.state,
        applied.reason,
    ]


def _with_kafka(
    within_s: float, work: "Callable[[KafkaAdmin, list[WantedTopic]], Awaitable[T]]"
) -> T:
    with errors_for_people():
        settings = settings_of_a_cluster()
        # Here, since `--help` needs no Kafka, and only the cluster profile has its client.
        try:
            from connectors.assembly.named import wanted_topics
            from connectors.assembly.reaching import kafka_admin_of
        except ImportError as error:
            raise Misconfigured(
                "Kafka's client is missing: pip install 'rillmail[cluster]'"
            ) from error

        async def run() -> T:
            admin = kafka_admin_of(settings, within_s=within_s)
            await admin.check()
            return await work(admin, wanted_topics(settings))

        return asyncio.run(run())
