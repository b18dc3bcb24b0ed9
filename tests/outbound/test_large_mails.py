"""Large mails to slow hosts fill the room in memory, and keep nobody else's mail waiting."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from connectors.smtp_out.relay import COPIES, MESSAGES_BYTES, SmtpRelay
from tests.outbound.house import ZONES, delivered, due, reading, relaying
from tests.outbound.peer import Peer, listening
from topologies.events import DeliveryDue
from topologies.ports.relay import PutOff

OTHER = "other.example"


async def test_small_mails_pass_large_ones_that_a_slow_host_does_not_take() -> None:
    async with filled() as (peer, relay):
        peer.is_going.set()
        async with asyncio.timeout(5):
            [result] = await delivered(relay, due(destination=OTHER, delivery_id="small"))
        assert result.status == "delivered"


async def test_a_large_mail_that_finds_no_room_soon_is_put_off_and_not_tried() -> None:
    async with filled() as (peer, relay):
        before = peer.connections
        put_off = await relay.deliver(large(destination=OTHER, delivery_id="large"), reading())
        assert isinstance(put_off, PutOff)
        assert peer.connections == before
        peer.is_going.set()


@asynccontextmanager
async def filled() -> AsyncGenerator[tuple[Peer, SmtpRelay]]:
    """Have a relay whose room is taken by a mail to a host that does not answer."""
    peer = Peer()
    zones = {**ZONES, OTHER: {"A": ["127.0.0.1"]}}
    peer.is_going.clear()
    async with listening(peer), relaying(peer, zones=zones) as relay:
        first = asyncio.create_task(relay.deliver(large(), reading()))
        while not peer.taken:  # noqa: ASYNC110  the peer tells nobody
            await asyncio.sleep(0.01)
        waiting = asyncio.create_task(relay.deliver(large(delivery_id="next"), reading()))
        await asyncio.sleep(0.05)
        try:
            yield peer, relay
        finally:
            peer.is_going.set()
            await asyncio.gather(first, waiting)


def large(destination: str = "far.example", delivery_id: str = "first") -> DeliveryDue:
    first = due(destination=destination, delivery_id=delivery_id)
    return replace(first, size_bytes=MESSAGES_BYTES // COPIES)
