"""The whole topology on the embedded engine, with stores in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from connectors.memory.clock import ManualClock
from connectors.sqlite.database import Database
from connectors.sqlite.log import MIGRATIONS, SqliteLog
from connectors.watched import watched
from tests.engines.stages import AT, PARTITIONS, Seen
from tests.services import DOMAIN, in_memory
from topologies.engines.embedded import EmbeddedEngine
from topologies.events import MailReceived
from topologies.mail import ids
from topologies.ports.clock import Clock
from topologies.ports.observer import Observer
from topologies.ports.tracer import Tracer
from topologies.topology import build

RAW = b"From: ann@far.example\r\nSubject: Hello\r\n\r\nHello.\r\n"


@asynccontextmanager
async def worked_on(
    folder: Path,
    tracer: Tracer | None = None,
    *,
    cuts: Sequence[str] = (),
    observer: Observer | None = None,
) -> AsyncIterator[tuple[SqliteLog, EmbeddedEngine]]:
    """The whole topology at work, on stores in memory."""
    services = await in_memory()
    clock: ManualClock = services[Clock]
    database = Database(folder / "log.db", MIGRATIONS)
    log = SqliteLog(
        database,
        clock=clock,
        partitions=PARTITIONS,
        max_bytes=2**40,
        disk_reserve_bytes=0,
        disk_free=lambda: 1,
    )
    engine = EmbeddedEngine(
        build(cuts=cuts),
        watched(services, tracer),
        log,
        clock=clock,
        in_flight=8,
        observer=observer or Seen(),
        tracer=tracer,
    )
    task = asyncio.create_task(engine.run())
    try:
        yield log, engine
    finally:
        await engine.stop()
        await task
        database.close()


def received(name: str) -> MailReceived:
    return MailReceived(
        mail_id=ids.derived_id(AT, name),
        received_at=AT,
        origin="smtp",
        mail_from="ann@far.example",
        recipients=(f"bo@{DOMAIN}",),
        size_bytes=len(RAW),
        raw=RAW,
    )
