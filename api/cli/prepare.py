"""`rillmail prepare`: what the cluster's engines need before the first worker starts."""

import asyncio

import click

from api.cli.output import as_json, examples, print_json
from api.cli.stores import errors_for_people, settings_of_a_cluster


@click.command(
    epilog=examples("rillmail prepare", "RILLMAIL_KAFKA_REPLICATION=3 rillmail prepare --json")
)
@as_json
def prepare(as_json: bool) -> None:
    """Make the topics, tables, index and bucket of the cluster profile where they are missing.

    It may be run at any time, and is before each new release: nothing is deleted or reduced.
    `rillmail topics` and `rillmail schema` do parts of it, and show what differs.
    """

    async def work() -> dict[str, str]:
        from connectors.assembly.prepare import prepare as make  # here: `--help` needs no engine

        done: dict[str, str] = {}
        async for engine, result in make(settings_of_a_cluster()):
            done[engine] = result
            if not as_json:
                click.echo(f"{engine}: {result}")
        return done

    with errors_for_people():
        done = asyncio.run(work())
    if as_json:
        print_json(done)
