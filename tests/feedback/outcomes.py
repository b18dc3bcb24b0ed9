"""Outcomes of deliveries for tests: a mail of ann@ to two people far away."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tests.services import AT, DOMAIN, in_memory
from topologies.engines.handling import Emit, Services, handle
from topologies.events import (
    SENT,
    Deliver,
    DeliveryAttempted,
    DeliveryDue,
    Event,
    MailReceived,
    RecipientResult,
    ReportArrived,
    ReportDue,
    ReportDue5s,
)
from topologies.mail import ids, returned
from topologies.mail.stored import store_message
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.testing import Driver
from topologies.topology import build

RAW = (
    b"Received: by mx.shop.example id 0198f3a1-7c00-7000-8000-000000000001;\r\n"
    b" Sun, 01 Mar 2026 12:00:00 +0000\r\n"
    b"From: Ann <ann@shop.example>\r\nTo: bo@far.example, bea@far.example\r\n"
    b"Subject: =?utf-8?q?The_m=C3=BCll?= is here\r\nMessage-ID: <1@shop.example>\r\n\r\n"
    b"Come and see.\r\n"
)
MAIL_ID = "0198f3a1-7c00-7000-8000-000000000001"
DELIVERY_ID = "0198f3a1-0000-8000-8000-0000000000d1"


@dataclass
class Office:
    """A deployment in memory, and its topology."""

    services: Services
    user_id: str
    sent: list[Event] = field(default_factory=list[Event])

    def get(self, port: type) -> Any:
        return self.services[port]

    async def run(self, name: str, event: Event) -> list[Any]:
        """Run a stage as an engine does, and return what it writes."""
        outcome = await handle(build().stage(name), msgspec.json.encode(event), self.services)
        assert isinstance(outcome, Emit), outcome
        return list(outcome.events)

    async def told(self, *attempted: DeliveryAttempted) -> list[Any]:
        """Return the reports that the sender gets of attempts which are told at the same time."""
        asked = [each for event in attempted for each in await self.run("bounce", event)]
        return await self.reports(asked)

    async def reports(self, asked: Sequence[ReportDue5s]) -> list[Any]:
        """Let what asks for reports come back in its time, and return what is written at last."""
        waiting, written = list(asked), list[Any]()
        while waiting:
            each = waiting.pop(0)
            self.get(Clock).move(timedelta(seconds=5))
            due = ReportDue(mail_id=each.mail_id, round_name=each.round_name, looks=each.looks)
            for event in await self.run("bounce", due):
                (waiting if isinstance(event, ReportDue5s) else written).append(event)
        return written

    async def settle(self, events: list[Event]) -> None:
        """Let what comes in go all the way to the mailboxes."""
        stages = [each for each in build().stages if each.path in ("inbound", "mailbox")]
        driver = Driver(self.services, *stages)
        await driver.pipe(*events)
        assert driver.dead_letters() == []

    def attempted(self, *results: RecipientResult, **given: Any) -> DeliveryAttempted:
        known: dict[str, Any] = {
            "delivery_id": DELIVERY_ID,
            "mail_id": MAIL_ID,
            "user_id": self.user_id,
            "submitted_at": AT,
            "mail_from": f"ann@{DOMAIN}",
            "destination": "far.example",
            "attempt": 1,
            "attempted_at": AT + timedelta(seconds=3),
            "results": results,
        }
        return DeliveryAttempted(**(known | given))

    def due(self, *recipients: str, **given: Any) -> DeliveryDue:
        known: dict[str, Any] = {
            "delivery_id": DELIVERY_ID,
            "mail_id": MAIL_ID,
            "user_id": self.user_id,
            "submitted_at": AT,
            "mail_from": f"ann@{DOMAIN}",
            "destination": "far.example",
            "recipients": recipients,
            "size_bytes": len(RAW),
            "raw": RAW,
            "due_at": AT,
        }
        return DeliveryDue(**(known | given))

    async def arrived(
        self, raw: bytes, *, mail_from: str = "", at: datetime = AT, **given: Any
    ) -> ReportArrived:
        """Return that *raw* came for ann, as `route` tells it."""
        message, ref = await store_message(raw, self.get(Blobs))
        delivered = Deliver(
            user_id=self.user_id,
            command_id="arrived",
            issued_at=at,
            email_id=ids.derived_id(at, raw),
            mail_id=ids.derived_id(at, raw),
            folder_id="inbox",
            message=message,
            raw_ref=ref,
            received_at=at,
            mail_from=mail_from,
            **given,
        )
        [report] = returned.arrived([delivered])
        return report


async def office() -> Office:
    """Return a deployment where ann has sent ``RAW``."""
    services = await in_memory()
    user = await services[Directory].user_by_address(f"ann@{DOMAIN}")
    made = Office(services, user.user_id)
    message, ref = await store_message(RAW, services[Blobs])
    sent = Deliver(
        user_id=user.user_id,
        command_id="sent",
        issued_at=AT,
        email_id=ids.email_id(MAIL_ID, user.user_id),
        mail_id=MAIL_ID,
        folder_id=SENT,
        message=message,
        raw_ref=ref,
        received_at=AT,
        mail_from=f"ann@{DOMAIN}",
        is_read=True,
    )
    await made.settle([sent])
    return made


def failed(recipient: str = "bo@far.example", **given: Any) -> RecipientResult:
    known: dict[str, Any] = {
        "recipient": recipient,
        "status": "failed",
        "code": 550,
        "enhanced": "5.1.1",
        "text": "No such user here",
        "host": "mx1.far.example [192.0.2.7]",
    }
    return RecipientResult(**(known | given))


def deferred(recipient: str = "bea@far.example") -> RecipientResult:
    return RecipientResult(
        recipient=recipient, status="deferred", code=450, enhanced="4.2.1", text="Busy", host="mx1"
    )


def delivered(recipient: str = "bo@far.example", **given: Any) -> RecipientResult:
    return RecipientResult(
        recipient=recipient, status="delivered", code=250, enhanced="2.0.0", host="mx1", **given
    )


def raw_of(event: Any) -> bytes:
    assert isinstance(event, MailReceived), event
    assert event.raw is not None
    return event.raw
