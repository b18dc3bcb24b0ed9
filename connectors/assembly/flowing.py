"""How mail flows through a cluster: what its workers tell, and what stands in Kafka.

Rates and retries are told by the workers, by way of Redis. How far each group is stands in Kafka
whether or not a worker of it runs, so what nobody works on is seen as well.
"""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from connectors.kafka.dead_letters import KafkaDeadLetters
from connectors.kafka.reader import KafkaReader
from topologies import delayed
from topologies.engines.faust import groups_of
from topologies.errors import Retryable
from topologies.ports.clock import Clock
from topologies.ports.figures import Figures, Flow, StageFigures
from topologies.topology import Topology

T = TypeVar("T")

KEPT_S = 3.0  # several who look cost as much as one
WITHIN_S = 8.0
MOST_LOOKED_INTO = 3  # partitions of a group, for the age of what nobody works on


@dataclass(frozen=True, slots=True)
class _Behind:
    lag: dict[str, int]
    lag_s: dict[str, float]


class ClusterFlow:
    """Looks at one deployment; who asks while it looks is answered with what it finds."""

    def __init__(
        self,
        topology: Topology,
        reader: KafkaReader,
        dead_letters: KafkaDeadLetters,
        figures: Figures,
        clock: Clock,
    ) -> None:
        """Use connections of this process."""
        self._reader = reader
        self._dead_letters = dead_letters
        self._figures = figures
        self._clock = clock
        self._groups = groups_of(topology, "all")
        self._lock = asyncio.Lock()
        self._known: Flow | None = None
        self._known_at = 0.0

    async def flow(self) -> Flow:
        """Return how mail flows, as it was ``KEPT_S`` ago at most."""
        async with self._lock:
            if self._known is None or time.monotonic() - self._known_at > KEPT_S:
                self._known = await self._look()
                self._known_at = time.monotonic()
            return self._known

    async def _look(self) -> Flow:
        unknown: list[str] = []

        async def asked(what: str, answer: Awaitable[T], otherwise: T) -> T:
            try:
                async with asyncio.timeout(WITHIN_S):
                    return await answer
            except (Retryable, TimeoutError) as error:
                unknown.append(f"{what}: {str(error) or 'no answer'}")
                return otherwise

        nothing: Mapping[str, StageFigures] = {}
        told = await asked("rates and retries", self._figures.told(), nothing)
        known = {name: each.lag_s for name, each in told.items() if each.lag_s is not None}
        behind, dead, later = await asyncio.gather(
            asked("lag", self._behind(known), _Behind({}, {})),
            asked("dead letters", self._dead_letters.count_by_stage(), dict[str, int]()),
            asked("what waits for its time", self._later(), dict[str, int]()),
        )
        return Flow(
            at=self._clock.now(),
            stages=told,
            lag=behind.lag,
            lag_s=behind.lag_s,
            dead=dead,
            later=later,
            unknown=tuple(unknown),
        )

    async def _behind(self, known: Mapping[str, float]) -> _Behind:
        found = _Behind({}, {})
        lags = await self._reader.lags({group.name: [group.topic] for group in self._groups})

        async def look(group: str, topic: str) -> None:
            partitions = lags[group][topic]
            found.lag[group] = sum(partitions.values())
            if not found.lag[group]:
                return
            if group in known:
                found.lag_s[group] = known[group]
            elif (since := await self._oldest(topic, partitions)) is not None:
                age_s = (self._clock.now() - since).total_seconds()
                found.lag_s[group] = max(0.0, age_s)

        await asyncio.gather(*(look(group.name, group.topic) for group in self._groups))
        return found

    async def _oldest(self, topic: str, lags: Mapping[int, int]) -> datetime | None:
        """Return when the oldest record was appended that is not done, of some partitions."""
        ends = await self._reader.ends(topic)
        most = sorted((p for p in lags if lags[p]), key=lambda p: -lags[p])[:MOST_LOOKED_INTO]
        records = await asyncio.gather(
            *(self._reader.at(topic, p, ends[p] - lags[p]) for p in most if p in ends)
        )
        return min((record.appended_at for record in records if record is not None), default=None)

    async def _later(self) -> dict[str, int]:
        names: Sequence[str] = [topic.name for topic in delayed.delayed_topics()]
        lags = (await self._reader.lags({delayed.GROUP: names}))[delayed.GROUP]
        return {topic: sum(partitions.values()) for topic, partitions in lags.items()}
