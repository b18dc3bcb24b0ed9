"""Attempt: try a delivery once, and plan the next try for those who are deferred.

Reads `delivery.due`; writes what became of each recipient to `delivery.outcomes`, and to
`delivery.later.*` one event for those with time left (RFC 5321 §4.5.4.1). What the peer said is
kept before anything is written, so that an event handed in twice is sent once: only a crash
between a peer's 250 and that moment sends it again. Who is told of it is not decided here.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from topologies.errors import Retryable
from topologies.events import (
    WAITS,
    DeliveryAttempted,
    DeliveryDue,
    DeliveryLater1m,
    DeliveryLater2h,
    DeliveryLater4h,
    DeliveryLater5m,
    DeliveryLater30m,
    Event,
    RecipientResult,
)
from topologies.events.base import as_kind
from topologies.mail import suppression
from topologies.mail.backoff import GIVE_UP_AFTER, next_wait
from topologies.mail.raw import raw_of
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.deliveries import Deliveries
from topologies.ports.relay import PutOff, Relay
from topologies.ports.suppressions import Suppressions
from topologies.stage import stage

# Until it is asked again whether a held one may go. A release does not wait for that, but writes it
# to `delivery.due`; so this is for the one that was under way at that moment.
HELD_FOR = timedelta(minutes=30)
TELL_AGAIN_S = 1.0
GIVEN_UP = "5.4.7"  # RFC 3463 §3.5: delivery time expired
_DAYS = GIVE_UP_AFTER.days


@stage(
    reads=DeliveryDue,
    writes=[
        DeliveryAttempted,
        DeliveryLater1m,
        DeliveryLater5m,
        DeliveryLater30m,
        DeliveryLater2h,
        DeliveryLater4h,
    ],
    timeout=timedelta(hours=2),  # a peer may be slow (§4.5.3.2), and then a store away
    copies=0,  # the relay has room of its own: a slow peer keeps nobody else waiting
)
async def attempt(
    due: DeliveryDue,
    *,
    deliveries: Deliveries,
    suppressions: Suppressions,
    relay: Relay,
    blobs: Blobs,
    clock: Clock,
) -> Sequence[Event]:
    """Return what became of the recipients, and when those deferred are due again."""
    async with relay.turn(due.delivery_id):
        known = await deliveries.told(due.delivery_id, due.attempt)
        if known is not None:
            made_at = await _made_at(due, deliveries) or clock.now()
            events = _outcome(due, known, made_at)
            # Who is tried before the time comes again then; what follows was written before.
            return events[:1] if await _is_passed(due, deliveries) else events
        results: Sequence[RecipientResult] | PutOff
        orders = await deliveries.orders(due)
        match orders.order:
            case "hold":
                return [_again(due, HELD_FOR)]
            case "cancel":
                results = _failed(due, "5.7.0", "it was cancelled")
            case "bounce":
                results = _failed(due, "5.4.7", "it was given up by an operator")
            case "go":
                results = await _delivered(
                    due, suppressions, relay, blobs, clock.now(), via=orders.via
                )
        now = clock.now()
        if isinstance(results, PutOff):
            if now <= due.submitted_at + GIVE_UP_AFTER:
                return [_again(due, _wait_within(results.for_s))]
            results = _failed(due, GIVEN_UP, f"given up after {_DAYS} days: {results.reason}")
        events = _outcome(due, _with_end(due, results, now), now)
        await _tell(deliveries, events[0])
        return events


async def _delivered(
    due: DeliveryDue,
    suppressions: Suppressions,
    relay: Relay,
    blobs: Blobs,
    now: datetime,
    *,
    via: str,
) -> Sequence[RecipientResult] | PutOff:
    """Return what the peer says of the recipients; those not to be written to are refused here."""
    refused: Sequence[RecipientResult] = ()
    if due.attempt == 1:
        refused = await suppression.refused(due, suppressions, now)
    known = {each.recipient for each in refused}
    left = tuple(each for each in due.recipients if each not in known)
    if not left:
        return refused
    asked = msgspec.structs.replace(due, recipients=left) if refused else due
    results = await relay.deliver(asked, lambda: raw_of(due, blobs), via=via)
    return results if isinstance(results, PutOff) else [*refused, *results]


async def _is_passed(due: DeliveryDue, deliveries: Deliveries) -> bool:
    """Tell whether a later attempt was made already."""
    delivery = await deliveries.find(due.delivery_id)
    return delivery is not None and delivery.attempt > due.attempt


async def _tell(deliveries: Deliveries, attempted: DeliveryAttempted) -> None:
    """Keep what the peer said, however long that takes: else the mail would be sent again."""
    while True:
        try:
            return await deliveries.tell(attempted)
        except Retryable as error:
            await asyncio.sleep(error.after_s or TELL_AGAIN_S)


async def _made_at(due: DeliveryDue, deliveries: Deliveries) -> datetime | None:
    """Return when the attempt was made; None if that is not known any more."""
    delivery = await deliveries.find(due.delivery_id)
    if delivery is None:
        return None
    made = (each.attempted_at for each in delivery.recipients if each.attempt == due.attempt)
    return max(filter(None, made), default=None)


def _outcome(
    due: DeliveryDue, results: Sequence[RecipientResult], now: datetime
) -> "tuple[DeliveryAttempted, *tuple[DeliveryDue, ...]]":
    """Return the event that tells *results*, and the one by which those deferred come again."""
    deferred = tuple(each.recipient for each in results if each.status == "deferred")
    wait = _wait(due, now) if deferred else None
    attempted = DeliveryAttempted(
        delivery_id=due.delivery_id,
        mail_id=due.mail_id,
        user_id=due.user_id,
        submitted_at=due.submitted_at,
        mail_from=due.mail_from,
        destination=due.destination,
        attempt=due.attempt,
        attempted_at=now,
        results=tuple(results),
        next_try_at=now + wait if wait is not None else None,
        kind=due.kind,
        wishes=due.wishes,
        tls_required=due.tls_required,
    )
    if wait is None:
        return (attempted,)
    later = as_kind(
        due, WAITS[wait], recipients=deferred, attempt=due.attempt + 1, due_at=now + wait
    )
    return attempted, later


def _with_end(
    due: DeliveryDue, results: Sequence[RecipientResult], now: datetime
) -> Sequence[RecipientResult]:
    """Return *results*, in which those deferred have failed if no time is left."""
    if _wait(due, now) is not None:
        return results
    return [
        msgspec.structs.replace(
            each,
            status="failed",
            enhanced=GIVEN_UP,
            # With the codes of the last answer: beside them stands ours, that the time is up.
            text=f"given up after {_DAYS} days: {each.said}",
        )
        if each.status == "deferred"
        else each
        for each in results
    ]


def _wait(due: DeliveryDue, now: datetime) -> timedelta | None:
    return next_wait(due.attempt, due.delivery_id, submitted_at=due.submitted_at, attempted_at=now)


def _wait_within(seconds: float) -> timedelta:
    """Return the longest wait of no more than *seconds*, or the shortest there is."""
    return max((w for w in WAITS if w.total_seconds() <= seconds), default=min(WAITS))


def _again(due: DeliveryDue, wait: timedelta) -> Event:
    """Return *due* for later; that it waits counts as no attempt."""
    return as_kind(due, WAITS[wait], due_at=due.due_at + wait)


def _failed(due: DeliveryDue, enhanced: str, text: str) -> Sequence[RecipientResult]:
    return [
        RecipientResult(recipient=each, status="failed", enhanced=enhanced, text=text)
        for each in due.recipients
    ]
