"""A relay on a DNS in memory, for peers on loopback."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from connectors.memory.clock import ManualClock
from connectors.memory.dns import MemoryDns
from connectors.memory.limits import MemoryLimits
from connectors.settings import Settings
from connectors.smtp_out.relay import SmtpRelay
from connectors.smtp_out.setup import relay_of
from tests.outbound.peer import Peer
from topologies.events import DeliveryDue, RecipientResult
from topologies.mail import ids
from topologies.ports.dns import SignedNames
from topologies.ports.relay import PutOff, Read

AT = ManualClock().now()
FAR = "far.example"
RAW = b"From: ann@shop.example\r\nSubject: Hello\r\n\r\nHello.\r\n"
ZONES: Mapping[str, Mapping[str, Sequence[object]]] = {
    FAR: {"MX": [(10, f"mx.{FAR}")]},
    f"mx.{FAR}": {"A": ["127.0.0.1"]},
}


def settings_for(peer: Peer | int, **more: Any) -> Settings:
    """Return settings by which mail reaches *peer*."""
    usual: dict[str, Any] = {
        "delivery_port": peer.port if isinstance(peer, Peer) else peer,
        "delivery_to_private": True,
        "delivery_timeout_s": 20.0,
        "delivery_connect_timeout_s": 5.0,
        "mta_sts": False,
    }
    return Settings(**(usual | more))


@asynccontextmanager
async def relaying(
    peer: Peer | int,
    *,
    zones: Mapping[str, Mapping[str, Sequence[object]]] = ZONES,
    failing: Sequence[str] = (),
    signed: SignedNames | None = None,
    **settings: Any,
) -> AsyncGenerator[SmtpRelay]:
    clock = ManualClock()
    relay = relay_of(
        settings_for(peer, **settings),
        MemoryDns(zones, failing=failing),
        MemoryLimits(clock),
        clock,
        name="mail.shop.example",
        signed=signed,
    )
    try:
        yield relay
    finally:
        await relay.close()


async def delivered(relay: SmtpRelay, due: DeliveryDue, raw: bytes = RAW) -> list[RecipientResult]:
    """Return the results of one attempt that was made."""
    results = await relay.deliver(due, reading(raw))
    assert not isinstance(results, PutOff), results
    return list(results)


def reading(raw: bytes = RAW) -> Read:
    """Return what gives *raw*."""

    async def read() -> bytes:
        return raw

    return read


def due(
    *names: str,
    destination: str = FAR,
    mail_from: str = "ann@shop.example",
    at: datetime = AT,
    delivery_id: str = "delivery-1",
    **more: Any,
) -> DeliveryDue:
    """Return a delivery to *names* at *destination*, to bo if there are none."""
    return DeliveryDue(
        delivery_id=delivery_id,
        mail_id=ids.derived_id(at, "mail"),
        submitted_at=at,
        mail_from=mail_from,
        destination=destination,
        recipients=tuple(f"{name}@{destination}" for name in names or ("bo",)),
        size_bytes=len(RAW),
        due_at=at,
        **more,
    )
