"""The logs that contract suites run on."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.sqlite.database import Database
from connectors.sqlite.log import MIGRATIONS, SqliteLog
from tests.broker import broker_in_process
from tests.live.engines import kafka

KINDS = ["sqlite", "kafka-in-process", pytest.param("kafka", marks=pytest.mark.live)]


@contextmanager
def sqlite_log(
    folder: Path, clock: ManualClock, *, partitions: int
) -> Generator[tuple[SqliteLog, Database]]:
    """A log in *folder* that is never full, and its file."""
    database = Database(folder / "log.db", MIGRATIONS)
    try:
        yield (
            SqliteLog(
                database,
                clock=clock,
                partitions=partitions,
                max_bytes=2**40,
                disk_reserve_bytes=0,
                disk_free=lambda: 1,
            ),
            database,
        )
    finally:
        database.close()


@asynccontextmanager
async def brokers(kind: str) -> AsyncGenerator[tuple[Sequence[str], str]]:
    """Kafka's servers, and the prefix of topics of our own."""
    if kind == "kafka-in-process":
        with broker_in_process() as servers:
            yield servers, ""
    else:
        async with kafka() as (servers, prefix):
            yield servers, prefix
