"""A worker of the cluster that delivers: from the topic to the peer, and again when it is due."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from connectors.assembly.cluster import Worker, open_worker
from connectors.settings import load
from tests.contracts.dns_server import TestServer, serving
from tests.live.engines import cluster_settings
from tests.outbound.house import FAR, RAW, due
from tests.outbound.peer import Peer, listening
from topologies.events import DeliveryAttempted
from topologies.mail.ids import new_id

pytestmark = pytest.mark.live
TIMEOUT_S = 150.0  # a wait of a minute is in it


async def test_a_worker_delivers_and_tries_again_when_it_is_due(
    own: dict[str, str], tmp_path: Path
) -> None:
    peer = Peer({f"RCPT TO:<bo@{FAR}>": ["451 4.7.1 greylisted", "250 fine"]})
    zones = {FAR: {"MX": [f"10 mx.{FAR}."]}, f"mx.{FAR}": {"A": ["127.0.0.1"]}}
    async with listening(peer), serving(TestServer(zones)) as dns:
        settings = load(
            own
            | {
                "RILLMAIL_DATA_DIR": str(tmp_path),
                "RILLMAIL_DNS_SERVERS": dns.address,
                "RILLMAIL_DELIVERY_PORT": str(peer.port),
                "RILLMAIL_DELIVERY_TO_PRIVATE": "true",
                "RILLMAIL_HOSTNAME": "mail.shop.example",
            }
        )
        async with open_worker(settings, ["attempt"]) as worker:
            working = asyncio.create_task(worker.work())
            now = worker.stores.clock.now()
            event = due("bo", "cy", raw=RAW, at=now, delivery_id=new_id(now))
            await worker.stores.log.append([event])
            await until(lambda: len(peer.taken) == 1)
            await seen_waiting(worker)
            await until(lambda: len(peer.taken) == 2)
            told = await outcomes(worker, 2)
            await worker.stop()
            await working
    assert [[(r.recipient, r.status) for r in each.results] for each in told] == [
        [(f"bo@{FAR}", "deferred"), (f"cy@{FAR}", "delivered")],
        [(f"bo@{FAR}", "delivered")],
    ]


async def seen_waiting(worker: Worker) -> None:
    """Wait until the worker tells that one waits for its time."""
    async with asyncio.timeout(TIMEOUT_S):
        while (await worker.health())["later"].get("delivery.later.1m") != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def outcomes(worker: Worker, count: int) -> list[DeliveryAttempted]:
    found: list[DeliveryAttempted] = []
    async with asyncio.timeout(TIMEOUT_S):
        while len(found) < count:
            read = worker.stores.reader.read("delivery.outcomes")
            found = [msgspec.json.decode(r.value, type=DeliveryAttempted) async for r in read]
            await asyncio.sleep(0.2)
    return sorted(found, key=lambda each: each.attempt)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110  the peer tells nobody
            await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
def own() -> Iterator[dict[str, str]]:
    with cluster_settings() as settings:
        yield settings
