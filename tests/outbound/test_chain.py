"""Stage, engine, timer and relay together: a mail waits its time, and arrives once."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import ManualClock
from connectors.memory.deliveries import MemoryDeliveries
from connectors.memory.suppressions import MemorySuppressions
from connectors.sqlite.log_reader import SqliteLogReader
from tests.engines.stages import House, running
from tests.outbound.house import FAR, RAW, due, relaying
from tests.outbound.peer import Peer, listening
from topologies import queue
from topologies.events import DeliveryAttempted
from topologies.outbound.attempt import attempt
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.deliveries import Deliveries, QueueFilter
from topologies.ports.relay import Relay
from topologies.ports.suppressions import Suppressions

LATER = "451 4.7.1 greylisted"


async def test_a_greylisted_mail_arrives_once_its_time_has_come(tmp_path: Path) -> None:
    clock, peer = ManualClock(), Peer({"RCPT": [LATER, LATER, LATER, "250 fine"]})
    async with listening(peer), chain(tmp_path, peer, clock) as house:
        await house.log.append([due(raw=RAW)])
        for number, minutes in enumerate((1, 5, 30)):
            await told(house, number + 1)
            assert peer.taken == []
            clock.move(timedelta(minutes=minutes))
        attempts = await told(house, 4)
        assert [each.results[0].status for each in attempts] == [*["deferred"] * 3, "delivered"]
        assert [each.attempt for each in attempts] == [1, 2, 3, 4]
        assert len(peer.taken) == 1


async def test_an_event_that_is_there_twice_reaches_the_peer_once(tmp_path: Path) -> None:
    clock, peer = ManualClock(), Peer()
    async with listening(peer), chain(tmp_path, peer, clock) as house:
        await house.log.append([due(raw=RAW) for _ in range(5)])
        attempts = await told(house, 5)
        assert len({msgspec.json.encode(each) for each in attempts}) == 1
        assert len(peer.taken) == 1


async def test_a_mail_that_waits_is_rerouted_and_goes_out_by_the_other_host_at_once(
    tmp_path: Path,
) -> None:
    clock, deliveries = ManualClock(), MemoryDeliveries()
    own, other = Peer({"RCPT": LATER}), Peer()
    async with (
        listening(own),
        listening(other),
        chain(tmp_path, own, clock, deliveries) as house,
    ):
        await house.log.append([due(raw=RAW)])
        await told(house, 1)
        waiting = [each async for each in queue.chosen(deliveries, QueueFilter())]
        via = f"127.0.0.1:{other.port}"
        _, now = await queue.give(deliveries, waiting, "reroute", via=via)
        await queue.try_now(now, SqliteLogReader(house.log), house.log, clock.now())
        _, last = await told(house, 2)
        assert last.results[0].host == "127.0.0.1"
        clock.move(timedelta(minutes=1))  # what waited comes back, and is known as made
        _, again, third = await told(house, 3)
        assert again == third == last
        assert (len(own.taken), len(other.taken)) == (0, 1)


async def test_many_for_one_destination_go_beside_each_other(tmp_path: Path) -> None:
    clock, peer = ManualClock(), Peer()
    async with listening(peer), chain(tmp_path, peer, clock) as house:
        await house.log.append([due(raw=RAW, delivery_id=f"{n}") for n in range(60)])
        await told(house, 60)
        assert len(peer.taken) == 60
        assert 1 < peer.most_open <= 20
        assert peer.connections < 60


@asynccontextmanager
async def chain(
    folder: Path, peer: Peer, clock: ManualClock, deliveries: MemoryDeliveries | None = None
) -> AsyncGenerator[House]:
    async with relaying(peer) as relay:
        services = {
            Blobs: MemoryBlobs(),
            Clock: clock,
            Deliveries: deliveries or MemoryDeliveries(),
            Relay: relay,
            Suppressions: MemorySuppressions(),
        }
        async with running(folder, attempt, services=services, clock=clock) as house:
            yield house


async def told(house: House, count: int) -> list[DeliveryAttempted]:
    """Return the outcomes when there are so many."""
    found: list[tuple[str, bytes, str]] = []
    while len(found) < count:
        await house.engine.drained(0.05)
        found = await house.records("delivery.outcomes")
    assert len(found) == count
    attempts = [msgspec.json.decode(value, type=DeliveryAttempted) for _, value, _ in found]
    assert {each.destination for each in attempts} == {FAR}
    return sorted(attempts, key=lambda each: each.attempt)
