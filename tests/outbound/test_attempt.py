"""One try of a delivery: what it came to is kept, told, and tried again until time is up."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import ManualClock
from connectors.memory.deliveries import MemoryDeliveries
from connectors.memory.relay import MemoryRelay
from connectors.memory.suppressions import MemorySuppressions
from tests.outbound.house import AT, FAR, RAW, due
from topologies.errors import Retryable
from topologies.events import (
    WAITS,
    DeliveryAttempted,
    DeliveryDue,
    DeliveryLater1m,
    DeliveryLater4h,
    DeliveryLater30m,
    Event,
    RecipientResult,
)
from topologies.events.base import as_kind
from topologies.mail.backoff import GIVE_UP_AFTER, wait_after
from topologies.outbound.attempt import attempt
from topologies.ports.relay import PutOff
from topologies.ports.suppressions import EVERYBODY, Suppression

BO, CY = f"bo@{FAR}", f"cy@{FAR}"


async def test_what_was_delivered_is_told_and_not_tried_again() -> None:
    it = Desk()
    [told] = await it.attempt(due("bo", "cy", raw=RAW))
    assert isinstance(told, DeliveryAttempted)
    assert [(r.recipient, r.status) for r in told.results] == [
        (BO, "delivered"),
        (CY, "delivered"),
    ]
    assert (told.attempt, told.attempted_at, told.next_try_at) == (1, AT, None)
    assert it.relay.sent == [(BO, RAW), (CY, RAW)]


async def test_those_deferred_alone_come_again() -> None:
    it = Desk({CY: greylisted(CY)})
    told, later = await it.attempt(due("bo", "cy", raw=RAW))
    assert isinstance(told, DeliveryAttempted)
    assert told.next_try_at == AT + timedelta(minutes=1)
    assert isinstance(later, DeliveryLater1m)
    assert (later.recipients, later.attempt, later.due_at, later.raw) == (
        *((CY,), 2, told.next_try_at),
        RAW,
    )
    assert as_kind(later, DeliveryDue).delivery_id == told.delivery_id


async def test_an_event_handed_in_twice_is_sent_once_and_told_alike() -> None:
    it = Desk({CY: greylisted(CY)})
    first = await it.attempt(due("bo", "cy", raw=RAW))
    it.clock.move(timedelta(minutes=3))
    assert await it.attempt(due("bo", "cy", raw=RAW)) == first
    assert it.relay.sent == [(BO, RAW)]


async def test_two_at_the_same_time_are_sent_once() -> None:
    it = Desk()
    both = await asyncio.gather(it.attempt(due(raw=RAW)), it.attempt(due(raw=RAW)))
    assert both[0] == both[1]
    assert it.relay.sent == [(BO, RAW)]


async def test_what_the_peer_said_is_kept_however_long_that_takes() -> None:
    it = Desk()
    it.deliveries.failures = 2
    assert len(await it.attempt(due(raw=RAW))) == 1
    assert it.relay.sent == [(BO, RAW)]
    assert await it.deliveries.told("delivery-1", 1) is not None


async def test_a_delivery_is_tried_for_three_days_and_then_given_up() -> None:
    it = Desk({BO: greylisted(BO)})
    waits: list[timedelta] = []
    event: Event = due(raw=RAW)
    while isinstance(event, DeliveryDue):
        [told, *later] = await it.attempt(as_kind(event, DeliveryDue))
        assert isinstance(told, DeliveryAttempted)
        if not later:
            break
        [event] = later
        assert isinstance(event, DeliveryDue)
        waits.append(next(wait for wait, kind in WAITS.items() if type(event) is kind))
        it.clock.move(waits[-1])
    assert waits[:5] == [
        *(timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2)),
        wait_after(5, "delivery-1"),
    ]
    assert set(waits[4:]) == {timedelta(hours=4), timedelta(hours=2)}
    passed = it.clock.now() - AT
    assert GIVE_UP_AFTER - timedelta(hours=4) < passed <= GIVE_UP_AFTER
    [result] = told.results
    assert (result.status, result.code, result.enhanced) == ("failed", 451, "5.4.7")
    assert result.text == "given up after 3 days: 451 4.7.1 greylisted"


async def test_a_delivery_goes_where_it_was_rerouted_to_until_that_is_taken_back() -> None:
    it = Desk({BO: greylisted(BO)})
    event = due(raw=RAW)
    await it.deliveries.expect(event)
    await it.deliveries.reroute(event.delivery_id, "relay.example:2525")
    _, later = await it.attempt(event)
    assert isinstance(later, DeliveryDue)
    await it.deliveries.reroute(event.delivery_id, "")
    await it.attempt(as_kind(later, DeliveryDue))
    assert it.relay.ways == ["relay.example:2525", ""]


async def test_what_is_held_stays_so_wherever_it_is_to_go() -> None:
    it = Desk()
    event = due(raw=RAW)
    await it.deliveries.expect(event)
    await it.deliveries.give(event.delivery_id, "hold")
    await it.deliveries.reroute(event.delivery_id, "relay.example")
    await it.attempt(event)
    assert it.relay.ways == []


async def test_who_is_suppressed_is_refused_here_and_the_others_are_tried() -> None:
    it = Desk()
    entry = Suppression(owner=EVERYBODY, target=CY, reason="bounce", since=AT)
    await it.suppressions.add(entry)
    [told] = await it.attempt(due("bo", "cy", raw=RAW))
    assert isinstance(told, DeliveryAttempted)
    assert {r.recipient: (r.status, r.enhanced) for r in told.results} == {
        CY: ("failed", "5.7.1"),
        BO: ("delivered", "2.0.0"),
    }
    assert it.relay.sent == [(BO, RAW)]
    await it.suppressions.remove(EVERYBODY, CY)
    assert list(await it.attempt(due("bo", "cy", raw=RAW))) == [told]
    assert it.relay.sent == [(BO, RAW)]


async def test_what_was_tried_before_its_time_goes_on_once() -> None:
    it = Desk({BO: greylisted(BO)})
    _, later = await it.attempt(due(raw=RAW))
    assert isinstance(later, DeliveryDue)
    again = as_kind(later, DeliveryDue)
    first = await it.attempt(again)
    assert await it.attempt(again) == first  # a crash before anything was written
    await it.attempt(as_kind(again, DeliveryDue, attempt=3))
    assert await it.attempt(again) == first[:1]


async def test_what_was_put_off_waits_and_counts_as_no_attempt() -> None:
    it = Desk()
    it.relay.put_off = PutOff("busy")
    [later] = await it.attempt(due(raw=RAW))
    assert isinstance(later, DeliveryLater1m)
    assert (later.attempt, later.due_at) == (1, AT + timedelta(minutes=1))
    assert await it.deliveries.told("delivery-1", 1) is None
    it.relay.put_off = PutOff("capped", 40 * 60.0)
    [later] = await it.attempt(due(raw=RAW))
    assert isinstance(later, DeliveryLater30m)
    it.clock.move(timedelta(days=4))
    [told] = await it.attempt(due(raw=RAW))
    assert isinstance(told, DeliveryAttempted)
    assert [r.status for r in told.results] == ["failed"]


async def test_a_held_one_waits_and_goes_when_it_is_let_go() -> None:
    it = Desk()
    await it.deliveries.expect(due(raw=RAW))
    assert await it.deliveries.give("delivery-1", "hold")
    [later] = await it.attempt(due(raw=RAW))
    assert isinstance(later, DeliveryLater30m)
    assert (later.attempt, later.recipients) == (1, (BO,))
    assert await it.deliveries.give("delivery-1", "go")
    [told] = await it.attempt(as_kind(later, DeliveryDue))
    assert isinstance(told, DeliveryAttempted)
    assert it.relay.sent == [(BO, RAW)]


async def test_what_is_cancelled_or_given_up_is_told_and_never_sent() -> None:
    for order, enhanced in (("cancel", "5.7.0"), ("bounce", "5.4.7")):
        it = Desk()
        await it.deliveries.expect(due(raw=RAW))
        assert await it.deliveries.give("delivery-1", "cancel" if order == "cancel" else "bounce")
        [told] = await it.attempt(due(raw=RAW))
        assert isinstance(told, DeliveryAttempted)
        assert [(r.status, r.enhanced) for r in told.results] == [("failed", enhanced)]
        assert it.relay.sent == []


async def test_a_large_message_comes_from_the_blobs() -> None:
    it = Desk()
    [blob] = await it.blobs.put([RAW])
    await it.attempt(due(raw_blob=blob))
    assert it.relay.sent == [(BO, RAW)]


async def test_after_four_hours_it_is_four_hours_again() -> None:
    it = Desk({BO: greylisted(BO)})
    attempts = [n for n in range(5, 12) if wait_after(n, "delivery-1") == timedelta(hours=4)]
    for number in attempts:
        _, later = await it.attempt(due(raw=RAW, attempt=number))
        assert isinstance(later, DeliveryLater4h)


class Away(MemoryDeliveries):
    """Deliveries that are out of reach when something is told, for a while."""

    failures = 0

    async def tell(self, attempted: DeliveryAttempted) -> None:
        if self.failures:
            self.failures -= 1
            raise Retryable("away", after_s=0.001)
        await super().tell(attempted)


@dataclass
class Desk:
    answers: dict[str, RecipientResult] = field(default_factory=dict[str, RecipientResult])

    def __post_init__(self) -> None:
        self.clock = ManualClock(AT)
        self.deliveries = Away()
        self.suppressions = MemorySuppressions()
        self.blobs = MemoryBlobs()
        self.relay = MemoryRelay(self.answers)

    async def attempt(self, event: DeliveryDue) -> Sequence[Event]:
        return await attempt(
            event,
            deliveries=self.deliveries,
            suppressions=self.suppressions,
            relay=self.relay,
            blobs=self.blobs,
            clock=self.clock,
        )


def greylisted(recipient: str) -> RecipientResult:
    return RecipientResult(
        recipient=recipient, status="deferred", code=451, enhanced="4.7.1", text="greylisted"
    )
