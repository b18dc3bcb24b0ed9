"""Deliveries for the engines' tests, and a stage that attempts them under a test's eyes."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from tests.engines.stages import AT, Written
from topologies.events import DeliveryAttempted, DeliveryDue
from topologies.events.outbound import RecipientResult
from topologies.mail import ids
from topologies.stage import stage


@dataclass
class Peers:
    """Where deliveries go in these tests: none ends while ``go`` is cleared."""

    begun: list[str] = field(default_factory=list[str])
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go.set()


@stage(reads=DeliveryDue, writes=[DeliveryAttempted])
async def hand_over(due: DeliveryDue, *, peers: Peers) -> Written:
    peers.begun.append(due.delivery_id)
    await peers.go.wait()
    return [attempted(due)]


def attempted(due: DeliveryDue) -> DeliveryAttempted:
    return DeliveryAttempted(
        delivery_id=due.delivery_id,
        mail_id=due.mail_id,
        submitted_at=due.submitted_at,
        mail_from=due.mail_from,
        destination=due.destination,
        attempt=due.attempt,
        attempted_at=due.due_at,
        results=tuple(
            RecipientResult(recipient=recipient, status="delivered", code=250)
            for recipient in due.recipients
        ),
    )


def due(name: str, destination: str = "far.example", *, at: datetime = AT) -> DeliveryDue:
    return DeliveryDue(
        delivery_id=name,
        mail_id=ids.derived_id(at, name),
        submitted_at=at,
        mail_from="ann@shop.example",
        destination=destination,
        recipients=(f"bo@{destination}",),
        size_bytes=2,
        raw=b"\r\n",
        due_at=at,
    )
