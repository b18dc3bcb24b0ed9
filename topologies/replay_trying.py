"""Records run through a stage without effect, and what it gives written to a topic at the side.

A record goes through the stage and those chained to it, as an engine would run them, on ports that
change nothing. Writes nothing but to that topic, which no stage reads.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from topologies.engines.chain import Chains, Given
from topologies.engines.handling import Services
from topologies.errors import Retryable
from topologies.ports.clock import Clock
from topologies.ports.log import Entry, Record, WrittenLog
from topologies.replay import place_of
from topologies.stage import Stage
from topologies.topics import EARLY, TAPPED
from topologies.topology import Topology
from topologies.without_effect import WithoutEffect


@dataclass(frozen=True, slots=True)
class Tried:
    """What one record leads to now.

    Attributes:
        entries: What would be written, dead letters included.
        refused: What kept it from being tried to its end.
    """

    record: Record
    entries: tuple[Entry, ...]
    refused: Sequence[str]


class _Quiet:
    """An observer that takes no note."""

    def handled(self, *_: Any, **__: Any) -> None:
        """Note nothing: this is no run of the deployment."""


class Trier:
    """Runs records through a stage, and those chained to it, without effect."""

    def __init__(self, topology: Topology, stage: Stage, services: Services) -> None:
        """Take the *services* of the deployment.

        Raises:
            Misconfigured: A stage asks for a service that there is not.
        """
        self._stage = stage
        self._without = WithoutEffect(services)
        self._chains = Chains(
            topology,
            self._without.services,
            clock=services[Clock],
            observer=_Quiet(),
            sleep=self._give_up,
        )

    async def try_(self, record: Record) -> Tried:
        """Return what *record* leads to now.

        Raises:
            Retryable: A stage would have to wait for what is away.
        """
        self._without.begin()
        given = Given(
            value=record.value, key=record.key, event_id=record.event_id, origin=place_of(record)
        )
        entries = await self._chains.run(self._stage, given)
        refused = self._without.refused
        return Tried(record, () if refused else tuple(entries), refused)

    async def _give_up(self, seconds: float) -> None:
        del seconds
        [waiting] = self._chains.waiting()
        raise Retryable(f"{waiting.stage} would have to wait: {waiting.reason}", outage=True)


async def write_beside(
    trier: Trier, log: WrittenLog, records: AsyncGenerator[Record], topic: str, at_once: int
) -> AsyncGenerator[tuple[int, int, int]]:
    """Write what *records* lead to now into *topic*, at the side, *at_once* records together.

    Yields:
        How many records were tried, how many events written, and how many records could not be
        tried since they would change something.

    Raises:
        Retryable: The log is out of reach or full, or what a stage asks is.
    """
    waiting: list[Entry] = []
    count = written = refused = 0
    async with aclosing(records):
        async for record in records:
            tried = await trier.try_(record)
            count += 1
            refused += bool(tried.refused)
            waiting += [_at_the_side(each, topic, record) for each in tried.entries]
            if len(waiting) >= at_once:
                await log.write(waiting)
                written += len(waiting)
                waiting = []
                yield count, written, refused
    await log.write(waiting)
    yield count, written + len(waiting), refused


def _at_the_side(entry: Entry, topic: str, record: Record) -> Entry:
    told = {name: text for name, text in entry.headers.items() if name not in (TAPPED, EARLY)}
    return replace(
        entry, topic=topic, headers={**told, "topic": entry.topic, "origin": place_of(record)}
    )
