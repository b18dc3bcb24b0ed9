"""Small topologies for the engine, of real events and stages written here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from connectors.memory.clock import ManualClock, SystemClock
from connectors.sqlite.database import Database
from connectors.sqlite.dead_letters import SqliteDeadLetters
from connectors.sqlite.log import MIGRATIONS, SqliteLog
from topologies.engines.embedded import EmbeddedEngine
from topologies.engines.handling import Services
from topologies.events import MailReceived, MailUndeliverable
from topologies.events.base import Event
from topologies.mail import ids
from topologies.ports.observer import Result
from topologies.stage import Stage, StageFunction, declared_by, stage
from topologies.topology import Topology

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARTITIONS = 2
TIMEOUT_S = 60.0  # a disk that others keep busy may sync for seconds
LOOK_S = 1.0  # the most that one look uses up of a deadline: a machine may stand still meanwhile


@dataclass
class Seen:
    """An observer that remembers."""

    told: list[tuple[str, Result, str]] = field(default_factory=list[tuple[str, Result, str]])

    def handled(self, stage: str, result: Result, *, key: str, **_: object) -> None:
        self.told.append((stage, result, key))


@dataclass
class House:
    """A log in a folder, and the engine that works on it."""

    database: Database
    log: SqliteLog
    dead_letters: SqliteDeadLetters
    engine: EmbeddedEngine
    seen: Seen

    async def drained(self) -> None:
        """Wait until all is worked on; fail when nothing has moved for ``TIMEOUT_S``."""
        left, before = TIMEOUT_S, None
        while not await self.engine.drained(LOOK_S):
            now = (dict(await self.engine.lag()), len(self.seen.told))
            left = left - LOOK_S if now == before else TIMEOUT_S
            before = now
            assert left > 0, f"it stands still: {now}, waiting: {self.engine.waiting()}"

    async def records(self, topic: str) -> list[tuple[str, bytes, str]]:
        found = [
            record
            for partition in range(PARTITIONS)
            for record in await self.log.read(topic, partition, 0, 10_000)
        ]
        return [(record.key, record.value, record.event_id) for record in found]


@asynccontextmanager
async def opened(
    folder: Path,
    *functions: StageFunction | Stage,
    services: Services | None = None,
    cuts: Sequence[str] = (),
    taps: Sequence[str] = (),
    in_flight: int = 8,
    clock: SystemClock | ManualClock | None = None,
    before_position: Callable[[], Awaitable[object]] | None = None,
) -> AsyncIterator[House]:
    """Open the log in *folder*, and make an engine for the stages; it does not run yet."""
    database = Database(folder / "log.db", MIGRATIONS)
    clock = clock or SystemClock()
    log = SqliteLog(
        database,
        clock=clock,
        partitions=PARTITIONS,
        max_bytes=2**40,
        disk_reserve_bytes=0,
        disk_free=lambda: 1,
        before_position=before_position or _nothing,
    )
    stages = tuple(f if isinstance(f, Stage) else declared_by(f) for f in functions)
    seen = Seen()
    engine = EmbeddedEngine(
        Topology(stages, frozenset(cuts), frozenset(taps)),
        services or {},
        log,
        clock=clock,
        in_flight=in_flight,
        observer=seen,
        timer_looks_every_s=0.01,
    )
    letters = SqliteDeadLetters(database, clock=clock, partitions=PARTITIONS)
    try:
        yield House(database, log, letters, engine, seen)
    finally:
        database.close()


@asynccontextmanager
async def running(
    folder: Path,
    *functions: StageFunction | Stage,
    services: Services | None = None,
    cuts: Sequence[str] = (),
    taps: Sequence[str] = (),
    in_flight: int = 8,
    clock: SystemClock | ManualClock | None = None,
    before_position: Callable[[], Awaitable[object]] | None = None,
) -> AsyncIterator[House]:
    """As ``opened``, and the engine runs."""
    async with opened(
        folder,
        *functions,
        services=services,
        cuts=cuts,
        taps=taps,
        in_flight=in_flight,
        clock=clock,
        before_position=before_position,
    ) as house:
        task = asyncio.create_task(house.engine.run())
        try:
            yield house
        finally:
            await house.engine.stop()
            await task


def mail(name: str, sender: str = "ann@far.example") -> MailReceived:
    return MailReceived(
        mail_id=ids.derived_id(AT, name),
        received_at=AT,
        origin="smtp",
        mail_from=sender,
        recipients=("bo@shop.example",),
        size_bytes=5,
        raw=name.encode(),
    )


async def _nothing() -> None: ...


async def until(condition: Callable[[], bool]) -> None:
    """Wait for *condition*."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110  nothing tells when it comes true
            await asyncio.sleep(0.005)


Written = Sequence[Event]


@stage(reads=MailReceived, writes=[MailUndeliverable])
async def refuse(event: MailReceived) -> Written:
    return [MailUndeliverable(mail_id=event.mail_id, recipient="bo", reason="gone")]
