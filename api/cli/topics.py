"""`rillmail topics`: what Kafka needs to have for the cluster profile, and what it has."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import errors_for_people
from connectors.settings import load
from topologies.errors import Misconfigured

if TYPE_CHECKING:
    from connectors.kafka.admin import KafkaAdmin
    from connectors.kafka.topics import Applied, Difference, WantedTopic

T = TypeVar("T")

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
    """Topics of the cluster profile: what the settings ask for, and what Kafka has."""


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
        # Here, since `--help` needs no Kafka, and only the cluster profile has its client.
        try:
            from connectors.assembly.named import wanted_topics
            from connectors.kafka.admin import KafkaAdmin
        except ImportError as error:
            raise Misconfigured(
                "Kafka's client is missing: pip install 'rillmail[cluster]'"
            ) from error
        settings = load()

        async def run() -> T:
            admin = KafkaAdmin(settings.kafka_servers, answer_within_s=within_s)
            return await work(admin, wanted_topics(settings))

        return asyncio.run(run())
