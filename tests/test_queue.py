"""What operators do with mail that waits, on a log and a store of deliveries."""

from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.deliveries import MemoryDeliveries
from connectors.memory.relay import MemoryRelay
from connectors.sqlite import log as log_rows
from connectors.sqlite.database import Database
from connectors.sqlite.log import SqliteLog
from connectors.sqlite.log_reader import SqliteLogReader
from tests.services import AT, in_memory
from topologies import queue
from topologies.engines.handling import Emit, handle
from topologies.events import (
    DeliveryAttempted,
    DeliveryDue,
    DeliveryLater1m,
    DeliveryLater30m,
    RecipientResult,
    as_kind,
)
from topologies.ports.clock import Clock
from topologies.ports.deliveries import Deliveries, QueueFilter
from topologies.ports.relay import Relay
from topologies.topology import build


async def test_only_the_attempt_that_is_waited_for_is_tried_now(it: "Desk") -> None:
    await it.waits("d1", attempt=3, stale=2)
    await it.waits("d2", attempt=2)
    [d1] = [each async for each in queue.chosen(it.deliveries, QueueFilter()) if it.is_d1(each)]
    assert await queue.try_now([d1], it.reader, it.log, AT) == ["d1"]
    [due] = await it.due()
    assert (due.delivery_id, due.attempt, due.due_at) == ("d1", 3, AT)


async def test_what_is_under_way_or_done_is_not_tried_again(it: "Desk") -> None:
    await it.waits("d1", attempt=2)
    [before] = [each async for each in queue.chosen(it.deliveries, QueueFilter())]
    await it.deliveries.tell(attempted("d1", 2, "deferred"))
    [under_way] = [each async for each in queue.chosen(it.deliveries, QueueFilter())]
    await it.deliveries.tell(attempted("d1", 3, "delivered"))
    done = await it.deliveries.find("d1")
    assert done is not None
    assert await queue.try_now([under_way, done], it.reader, it.log, AT) == []
    assert await it.due() == []
    assert before.attempt == 1


async def test_a_delivery_that_is_tried_twice_at_once_is_sent_once(it: "Desk") -> None:
    await it.waits("d1", attempt=2)
    found = [each async for each in queue.chosen(it.deliveries, QueueFilter())]
    for _ in range(2):
        assert await queue.try_now(found, it.reader, it.log, AT) == ["d1"]
    services = await in_memory()
    services |= {Deliveries: it.deliveries, Relay: it.relay, Clock: it.clock}
    outcomes = [
        await handle(build().stage("attempt"), msgspec.json.encode(due), services)
        for due in await it.due()
    ]
    assert len(outcomes) == 2
    assert outcomes[0] == outcomes[1]
    assert isinstance(outcomes[0], Emit)
    assert [recipient for recipient, _ in it.relay.sent] == ["bo@far.example"]


async def test_what_waits_is_counted_and_listed_up_to_a_number(it: "Desk") -> None:
    for number in range(3):
        await it.waits(f"d{number}", attempt=2)
    found = [each async for each in queue.chosen(it.deliveries, QueueFilter(), most=2)]
    assert [each.delivery_id for each in found] == ["d0", "d1"]
    counts = await queue.counted(it.deliveries, QueueFilter(), AT + timedelta(hours=30))
    [far] = counts.destinations
    assert (counts.count, counts.is_complete, far.by_age["older"]) == (3, True, 3)


class Desk:
    def __init__(self, log: SqliteLog, clock: ManualClock) -> None:
        self.log = log
        self.clock = clock
        self.reader = SqliteLogReader(log)
        self.deliveries = MemoryDeliveries()
        self.relay = MemoryRelay()

    @staticmethod
    def is_d1(delivery: Any) -> bool:
        return delivery.delivery_id == "d1"

    async def waits(self, delivery_id: str, *, attempt: int, stale: int = 0) -> None:
        """Let a delivery wait for an attempt; of one before a record is still on the log."""
        await self.deliveries.tell(attempted(delivery_id, attempt - 1, "deferred"))
        events = [as_kind(a_due(delivery_id), DeliveryLater30m, attempt=attempt)]
        if stale:
            events.append(as_kind(a_due(delivery_id), DeliveryLater1m, attempt=stale))
        await self.log.append(events)

    async def due(self) -> list[DeliveryDue]:
        return [
            msgspec.json.decode(record.value, type=DeliveryDue)
            async for record in self.reader.read("delivery.due")
        ]


@pytest.fixture
async def it(tmp_path: Path) -> AsyncGenerator[Desk]:
    clock = ManualClock(AT)
    with closing(Database(tmp_path / "log.db", log_rows.MIGRATIONS)) as database:
        log = SqliteLog(
            database,
            clock=clock,
            partitions=2,
            max_bytes=10**9,
            disk_reserve_bytes=0,
            disk_free=lambda: 10**9,
        )
        yield Desk(log, clock)


def a_due(delivery_id: str) -> DeliveryDue:
    return DeliveryDue(
        delivery_id=delivery_id,
        mail_id=f"mail-{delivery_id}",
        submitted_at=AT,
        mail_from="ann@shop.example",
        destination="far.example",
        recipients=("bo@far.example",),
        size_bytes=1,
        raw=b"x",
        due_at=AT,
    )


def attempted(delivery_id: str, attempt: int, status: Any) -> DeliveryAttempted:
    due = a_due(delivery_id)
    return DeliveryAttempted(
        delivery_id=delivery_id,
        mail_id=due.mail_id,
        submitted_at=AT,
        mail_from=due.mail_from,
        destination=due.destination,
        attempt=attempt,
        attempted_at=AT,
        results=(RecipientResult(recipient="bo@far.example", status=status),),
    )
