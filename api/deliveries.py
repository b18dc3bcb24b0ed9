"""What became of mail to other systems: for its sender, and the queue for administrators."""

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from api import emails
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, invalid_parameter, not_found
from api.shapes import FieldProblem
from api.shapes_delivery import (
    DeliveriesOut,
    DeliveryOut,
    DestinationCountOut,
    OrderGiven,
    OrdersGiven,
    QueueCountsOut,
    QueueCountsQuery,
    QueuedOut,
    QueueOrder,
    QueueOrders,
    QueueOut,
    QueueQuery,
    RecipientOut,
)
from topologies import queue
from topologies.mail import next_host, status
from topologies.ports.deliveries import Delivery, QueueFilter, QueuePage, RecipientView

NO_CURSOR = "it is no next_cursor of this listing"
NO_DELIVERY = "there is no such delivery, or it is too long ago"


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
        page = await _page(call, asked)
    except ValueError:
        raise invalid_parameter("cursor", NO_CURSOR) from None
    return json_answer(
        QueueOut(
            deliveries=tuple(map(queued, page.deliveries)),
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
    return json_answer(queued(await _find(call)))


async def order(call: Call) -> Response:
    """Keep an order, and let the delivery be tried now unless it is to be held."""
    given: QueueOrder = await call.body(QueueOrder)
    via = _via(given)
    delivery = await _find(call)
    done, now = await queue.give(call.context.deliveries, [delivery], given.order, via=via)
    if not done:
        raise _done()
    is_tried_now = bool(now) and bool(await call.context.try_now(now))
    return json_answer(
        OrderGiven(delivery_id=delivery.delivery_id, order=given.order, is_tried_now=is_tried_now)
    )


async def order_several(call: Call) -> Response:
    """Keep an order about each delivery of a page of the queue."""
    given: QueueOrders = await call.body(QueueOrders)
    via = _via(given)
    try:
        page = await _page(call, given)
    except ValueError:
        raise invalid(FieldProblem(pointer="/cursor", detail=NO_CURSOR)) from None
    done, now = await queue.give(call.context.deliveries, page.deliveries, given.order, via=via)
    tried = await call.context.try_now(now) if now else ()
    return json_answer(
        OrdersGiven(
            order=given.order,
            delivery_ids=tuple(each.delivery_id for each in done),
            tried_now=len(tried),
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
    )


def _via(given: QueueOrder | QueueOrders) -> str:
    """Return the host that is given, as it is kept."""
    if not given.via:
        return ""
    if given.order != "reroute":
        detail = f"a host goes with the order reroute, not with {given.order}"
        raise invalid(FieldProblem(pointer="/via", detail=detail))
    try:
        return next_host.written(given.via)
    except ValueError as error:
        raise invalid(FieldProblem(pointer="/via", detail=str(error))) from None


async def _page(call: Call, asked: QueueQuery) -> QueuePage:
    """Return what is asked for.

    Raises:
        ValueError: The cursor is none of this listing.
    """
    return await call.context.deliveries.queue(
        _filter(call, asked), limit=asked.limit, cursor=asked.cursor
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


def queued(delivery: Delivery) -> QueuedOut:
    """Return *delivery* as operators see it."""
    return QueuedOut(
        **_told(delivery),
        mail_id=delivery.mail_id,
        user_id=delivery.user_id,
        sender=delivery.mail_from,
        kind=delivery.kind,
        order=delivery.order,
        via=delivery.via,
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
