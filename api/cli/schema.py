"""`rillmail schema`: the tables in Cassandra, brought up to date before a release runs.

Only the cluster profile has them; the embedded one brings its files up to date by itself. The
schemas of events can be put into a schema registry besides.
"""

import asyncio
from collections.abc import Awaitable, Callable

import click

from api.cli.output import as_json, examples, print_json
from api.cli.schema_publish import publish
from api.cli.stores import errors_for_people, settings_of_a_cluster
from connectors.cassandra import migrations
from connectors.cassandra.session import CassandraSession


@click.group()
def schema() -> None:
    """Schemas: the tables in Cassandra, of the cluster profile; those of events, in a registry."""


@schema.command(
    epilog=examples(
        "rillmail schema apply",
        "RILLMAIL_CASSANDRA_REPLICATION=3 rillmail schema apply   # the first time",
    )
)
@as_json
def apply(as_json: bool) -> None:
    """Create what is missing: the keyspace, and tables. Running it twice does no harm."""
    applied = _on_cassandra(migrations.apply, create=True)
    if as_json:
        print_json({"applied": applied})
    else:
        click.echo("\n".join(f"applied {name}" for name in applied) or "Nothing is missing.")


@schema.command(epilog=examples("rillmail schema status", "rillmail schema status --json"))
@as_json
def status(as_json: bool) -> None:
    """Tell what is missing; the exit code is 1 if anything is."""
    missing = _on_cassandra(migrations.pending, create=False)
    if as_json:
        print_json({"pending": missing})
    else:
        click.echo("\n".join(f"pending {name}" for name in missing) or "Nothing is missing.")
    if missing:
        raise SystemExit(1)


schema.add_command(publish)


def _on_cassandra(
    work: Callable[[CassandraSession], Awaitable[list[str]]], *, create: bool
) -> list[str]:
    async def run() -> list[str]:
        from connectors.assembly.reaching import open_cassandra  # here: `--help` needs no engine

        settings = settings_of_a_cluster()
        async with open_cassandra(settings, create=create) as session:
            return await work(session)

    with errors_for_people():
        return asyncio.run(run())
