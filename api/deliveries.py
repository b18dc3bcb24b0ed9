"""What became of mail to other systems: for its sender, and the queue for administrators."""

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from api import emails
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid_parameter, not_found
from api.shapes_delivery import (
    DeliveriesOut,
    DeliveryOut,
    DestinationCountOut,
    OrderGiven,
    OrderWord,
    QueueCountsOut,
    QueueCountsQuery,
    QueuedOut,
    QueueOrder,
    QueueOut,
    QueueQuery,
    RecipientOut,
)
from topologies import queue
from topologies.mail import status
from topologies.ports.deliveries import Delivery, Order, QueueFilter, RecipientView

NO_DELIVERY = "there is no such delivery, or it is too long ago"
ORDERS: dict[OrderWord, Order | None] = {
    "hold": "hold",
    "release": "go",
    "retry": None,
    "cancel": "cancel",
    "bounce": "bounce",
}


async def of_email(call: Call) -> Response:
    """Answer what became of a mail that the user sent, by recipient."""
    email = await emails.find(call, call.user_id)
    found = await call.context.deliveries.of_mail(email.mail_id)
    # A mail between two users has one id for both; what the sender is told is the sender's.
    mine = [each for each in found if each.user_id == call.user_id]
    return json_answer(
        DeliveriesOut(
            email_id=email.summary.email_id,
            deliveries=tuple(DeliveryOut(**_told(each)) for each in mine),
        )
    )


async def list_queue(call: Call) -> Response:
    """Answer deliveries that wait, oldest first."""
    asked: QueueQuery = call.query(QueueQuery)
    try:
        page = await call.context.deliveries.queue(
            _filter(call, asked), limit=asked.limit, cursor=asked.cursor
        )
    except ValueError:
        raise invalid_parameter("cursor", "it is no next_cursor of this listing") from None
    return json_answer(
        QueueOut(
            deliveries=tuple(map(_queued, page.deliveries)),
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
    )


async def count_queue(call: Call) -> Response:
    """Answer how many wait, by destination and age."""
    asked: QueueCountsQuery = call.query(QueueCountsQuery)
    context = call.context
    counts = await queue.counted(context.deliveries, _filter(call, asked), context.clock.now())
    return json_answer(
        QueueCountsOut(
            count=counts.count,
            is_complete=counts.is_complete,
            destinations=tuple(
                DestinationCountOut(
                    destination=each.destination,
                    count=each.count,
                    held=each.held,
                    by_age=each.by_age,
                    oldest_at=each.oldest_at,
                    reason=each.reason,
                )
                for each in counts.destinations
            ),
        )
    )


async def read_queued(call: Call) -> Response:
    """Answer one delivery."""
    return json_answer(_queued(await _find(call)))


async def order(call: Call) -> Response:
    """Keep an order, and let the delivery be tried now unless it is to be held."""
    given: QueueOrder = await call.body(QueueOrder)
    delivery = await _find(call)
    kept = ORDERS[given.order]
    if kept is not None and not await call.context.deliveries.give(delivery.delivery_id, kept):
        raise _done()
    if kept is None and not delivery.is_open:
        raise _done()
    is_tried_now = kept != "hold" and bool(await call.context.try_now([delivery]))
    return json_answer(
        OrderGiven(delivery_id=delivery.delivery_id, order=given.order, is_tried_now=is_tried_now)
    )


def _done() -> Problem:
    return Problem(409, "all its recipients have a final answer")


async def _find(call: Call) -> Delivery:
    delivery = await call.context.deliveries.find(call.path["delivery_id"])
    if delivery is None:
        raise not_found(NO_DELIVERY)
    return delivery


def _filter(call: Call, asked: QueueQuery | QueueCountsQuery) -> QueueFilter:
    now = call.context.clock.now()
    older = now - timedelta(seconds=asked.older_than_s) if asked.older_than_s else None
    return QueueFilter(
        destination=asked.destination.lower(),
        user_id=asked.user_id,
        sender=asked.sender,
        state=asked.state,
        submitted_before=older,
    )


def _queued(delivery: Delivery) -> QueuedOut:
    return QueuedOut(
        **_told(delivery),
        mail_id=delivery.mail_id,
        user_id=delivery.user_id,
        sender=delivery.mail_from,
        kind=delivery.kind,
        order=delivery.order,
    )


def _told(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.delivery_id,
        "destination": delivery.destination,
        "state": delivery.state,
        "submitted_at": delivery.submitted_at,
        "next_try_at": delivery.next_try_at,
        "recipients": tuple(map(_recipient, delivery.recipients)),
    }


def _recipient(view: RecipientView) -> RecipientOut:
    is_tried = view.state != "pending"
    return RecipientOut(
        recipient=view.recipient,
        state=view.state,
        meaning=status.in_words(view.enhanced, view.code) if is_tried else "",
        attempts=view.attempt,
        attempted_at=view.attempted_at,
        next_try_at=view.next_try_at if view.is_open else None,
        code=view.code,
        enhanced=view.enhanced,
        text=view.text,
        host=view.host,
        tls=view.tls,
    )
