"""The same small topologies on Kafka and Faust."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors.kafka.dead_letters import KafkaDeadLetters
from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.memory.clock import ManualClock, SystemClock
from tests.engines.stages import PARTITIONS, TIMEOUT_S, Seen
from tests.live.engines import kafka
from topologies.engines.faust import FaustEngine, Patience, groups_of
from topologies.engines.faust_table import FaustTable
from topologies.engines.handling import Services
from topologies.ports.log import Lags
from topologies.stage import Stage, StageFunction, declared_by
from topologies.topology import Topology

LOOK_EVERY_S = 0.1


@dataclass
class KafkaHouse:
    """Topics of our own, and what makes engines for them."""

    servers: Sequence[str]
    prefix: str
    folder: Path
    log: KafkaLog
    reader: KafkaReader
    dead_letters: KafkaDeadLetters
    topology: Topology
    services: Services
    seen: Seen
    clock: SystemClock | ManualClock
    in_flight: int
    tables: Sequence[FaustTable] = ()
    lags: Lags | None = None
    patience: Patience | None = None

    def engine(self, role: str = "all") -> FaustEngine:
        return FaustEngine(
            self.topology,
            self.services,
            groups_of(self.topology, role),
            servers=self.servers,
            prefix=self.prefix,
            folder=self.folder,
            write=self.log.write,
            lags=self.lags or self.reader.lags,
            tables=self.tables,
            partitions=PARTITIONS,
            clock=self.clock,
            in_flight=self.in_flight,
            observer=self.seen,
            patience=self.patience,
        )

    async def records(self, topic: str) -> list[tuple[str, bytes, str]]:
        return [(r.key, r.value, r.event_id) async for r in self.reader.read(topic)]

    async def drained(self) -> None:
        """Wait until all that was written is done and committed."""
        calm = 0
        async with asyncio.timeout(TIMEOUT_S):
            while calm < 2:
                calm = 0 if await self._behind() else calm + 1
                await asyncio.sleep(LOOK_EVERY_S)

    async def _behind(self) -> int:
        groups = groups_of(self.topology, "all")
        lags = await self.reader.lags({g.name: [g.topic] for g in groups})
        return sum(sum(lags[g.name][g.topic].values()) for g in groups)


@asynccontextmanager
async def opened_on_kafka(
    folder: Path,
    *functions: StageFunction | Stage,
    services: Services | None = None,
    cuts: Sequence[str] = (),
    taps: Sequence[str] = (),
    in_flight: int = 8,
    clock: SystemClock | ManualClock | None = None,
    tables: Sequence[FaustTable] = (),
) -> AsyncGenerator[KafkaHouse]:
    """Make topics of our own; no engine runs yet."""
    clock = clock or SystemClock()
    before = asyncio.all_tasks()
    # What is written in a test counts as inbound: there are topics for that path's dead letters.
    stages = tuple(
        f if isinstance(f, Stage) else replace(declared_by(f), path="inbound") for f in functions
    )
    async with kafka(partitions=PARTITIONS) as (servers, prefix):
        log = KafkaLog(servers, clock=SystemClock(), prefix=prefix)
        reader = KafkaReader(servers, prefix=prefix)
        try:
            yield KafkaHouse(
                servers=servers,
                prefix=prefix,
                folder=folder,
                log=log,
                reader=reader,
                dead_letters=KafkaDeadLetters(log, reader),
                topology=Topology(stages, frozenset(cuts), frozenset(taps)),
                services=services or {},
                seen=Seen(),
                clock=clock,
                in_flight=in_flight,
                tables=tables,
            )
        finally:
            await log.close()
            await reader.close()
            await _ended(lambda: asyncio.all_tasks() - before - {asyncio.current_task()})


async def _ended(left: Callable[[], Iterable[asyncio.Task[Any] | None]]) -> None:
    """Return when no task is *left*: some of Faust's need to be cancelled more than once."""
    async with asyncio.timeout(TIMEOUT_S):
        while waiting := [task for task in left() if task is not None]:
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting, timeout=LOOK_EVERY_S)


@asynccontextmanager
async def working(house: KafkaHouse, role: str = "all") -> AsyncGenerator[FaustEngine]:
    """Run an engine, and stop it as a worker is stopped."""
    engine = house.engine(role)
    task = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        await engine.stop()
        await task
