"""The schema in Cassandra, brought up to date step by step.

Each area (mailboxes, directory, request keys) has numbered migrations, tuples of CQL that say
IF NOT EXISTS, so that running one twice, or two running it at once, does no harm; a column that
is there is not added again, which not every cluster can be told in CQL. What was applied is
recorded in a table. A running service never changes the schema: `rillmail schema
apply` does, once for each release.
"""

import asyncio
import importlib
import re
import time
from collections.abc import Sequence

from connectors.cassandra.session import CassandraSession
from topologies.errors import Misconfigured, Poison, Retryable

Migration = tuple[str, ...]
AREAS = (  # each in a module `AREA_schema`
    "mailboxes",
    "directory",
    "request_keys",
    "sending",
    "deliveries",
    "rules",
    "suppressions",
    "personal_spam",
    "domains",
    "tidings",
    "webhooks",
    "push_subscriptions",
    "contacts",
    "summaries",
    "unsubscribes",
    "snoozes",
    "scheduled",
)
_ADDED = re.compile(r"ALTER TABLE (?P<table>\w+) ADD (?P<column>\w+) ")
AGREEMENT_S = 30.0  # how long nodes may take to agree on a table

_RECORD = (
    "CREATE TABLE IF NOT EXISTS schema_migrations"
    " (area text, number int, PRIMARY KEY (area, number))"
)


def migrations() -> dict[str, Sequence[Migration]]:
    """Return the migrations of every area that is there."""
    found: dict[str, Sequence[Migration]] = {}
    for area in AREAS:
        try:
            module = importlib.import_module(f"connectors.cassandra.{area}_schema")
        except ModuleNotFoundError:
            continue
        found[area] = module.MIGRATIONS
    return found


async def apply(session: CassandraSession) -> list[str]:
    """Run what is pending, in order, and return the names of it.

    Raises:
        Retryable: The cluster does not answer, or its nodes do not agree in time.
        Misconfigured: The schema is newer than this program.
    """
    names = await pending(session)
    if not names:
        return []
    await session.define(_RECORD)
    known = migrations()
    for name in names:
        area, number = name.rsplit(" ", 1)
        for statement in known[area][int(number) - 1]:
            await _define(session, statement)
        await _agreement(session)
        await session.execute(
            "INSERT INTO schema_migrations (area, number) VALUES (?, ?)", (area, int(number))
        )
    return names


async def pending(session: CassandraSession) -> list[str]:
    """Return the names of migrations that were not applied yet, in order: ``area number``.

    Raises:
        Retryable: The cluster does not answer.
        Misconfigured: The schema is newer than this program.
    """
    done = await _applied(session)
    known = migrations()
    for area, number in sorted(done):
        if area in known and number > len(known[area]):
            raise Misconfigured(
                f"the schema of {area} is at {number}, newer than this program's"
                f" {len(known[area])}: run the version that applied it, or a later one"
            )
    return [
        f"{area} {number}"
        for area, steps in known.items()
        for number in range(1, len(steps) + 1)
        if (area, number) not in done
    ]


async def check(session: CassandraSession) -> None:
    """Make sure, when a service starts, that the schema is the one it needs.

    Raises:
        Misconfigured: It is not; says what to run.
    """
    if missing := await pending(session):
        raise Misconfigured(
            f"Cassandra's keyspace {session.keyspace} lacks {', '.join(missing)}:"
            " run `rillmail schema apply`"
        )


async def _applied(session: CassandraSession) -> set[tuple[str, int]]:
    tables = await session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
        (session.keyspace, "schema_migrations"),
    )
    if not tables:
        return set()
    rows = await session.execute("SELECT area, number FROM schema_migrations")
    return {(area, number) for area, number in rows}


async def _define(session: CassandraSession, statement: str) -> None:
    if await _is_there(session, statement):
        return
    try:
        await session.define(statement)
    except (Misconfigured, Poison):
        if not await _is_there(session, statement):  # else another process was faster
            raise


async def _is_there(session: CassandraSession, statement: str) -> bool:
    """Tell whether *statement* adds a column that is there."""
    if (added := _ADDED.match(statement)) is None:
        return False
    rows = await session.execute(
        "SELECT column_name FROM system_schema.columns"
        " WHERE keyspace_name = ? AND table_name = ? AND column_name = ?",
        (session.keyspace, added["table"], added["column"]),
    )
    return bool(rows)


async def _agreement(session: CassandraSession) -> None:
    """Wait until all nodes that are up have the same schema."""
    until = time.monotonic() + AGREEMENT_S
    while True:
        [[ours]] = await session.execute("SELECT schema_version FROM system.local")
        peers = await session.execute("SELECT schema_version FROM system.peers")
        if all(version in (None, ours) for [version] in peers):
            return
        if time.monotonic() > until:
            raise Retryable("Cassandra's nodes do not agree on the schema yet: try again")
        await asyncio.sleep(0.2)
