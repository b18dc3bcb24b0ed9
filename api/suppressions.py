"""Suppression lists: one's own, and for administrators all."""

from datetime import timedelta

from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import invalid, invalid_parameter, not_found
from api.shapes import FieldProblem
from api.shapes_delivery import (
    OwnedSuppressionIn,
    OwnedSuppressionsQuery,
    OwnerQuery,
    SuppressionIn,
    SuppressionOut,
    SuppressionsOut,
    SuppressionsQuery,
)
from topologies.mail import suppression as rules
from topologies.ports.suppressions import Suppression

NO_ENTRY = "there is no such entry on this list"


async def list_own(call: Call) -> Response:
    """Answer whom the user does not write to."""
    asked: SuppressionsQuery = call.query(SuppressionsQuery)
    return await _page(call, call.user_id, asked)


async def add_own(call: Call) -> Response:
    """Put an address or domain on the user's list."""
    given: SuppressionIn = await call.body(SuppressionIn)
    return await _add(call, call.user_id, given)


async def remove_own(call: Call) -> Response:
    """Write to an address or domain again."""
    return await _remove(call, call.user_id)


async def list_any(call: Call) -> Response:
    """Answer any list."""
    asked: OwnedSuppressionsQuery = call.query(OwnedSuppressionsQuery)
    return await _page(call, asked.owner, asked)


async def add_any(call: Call) -> Response:
    """Put an address or domain on any list."""
    given: OwnedSuppressionIn = await call.body(OwnedSuppressionIn)
    return await _add(call, given.owner, given)


async def remove_any(call: Call) -> Response:
    """Take an address or domain off any list."""
    asked: OwnerQuery = call.query(OwnerQuery)
    return await _remove(call, asked.owner)


async def _page(call: Call, owner: str, asked: SuppressionsQuery) -> Response:
    try:
        page = await call.context.suppressions.page(
            owner.lower(), limit=asked.limit, cursor=asked.cursor
        )
    except ValueError:
        raise invalid_parameter("cursor", "it is no next_cursor of this listing") from None
    return json_answer(
        SuppressionsOut(
            suppressions=tuple(map(_told, page.suppressions)),
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
    )


async def _add(call: Call, owner: str, given: SuppressionIn) -> Response:
    try:
        target = rules.target_of(given.target)
    except ValueError as error:
        raise invalid(FieldProblem(pointer="/target", detail=str(error))) from None
    now = call.context.clock.now()
    kept = await call.context.suppressions.add(
        Suppression(
            owner=owner.lower(),
            target=target,
            reason=given.reason,
            detail=given.detail,
            since=now,
            until=now + timedelta(days=given.days) if given.days else None,
        )
    )
    return json_answer(_told(kept), 201)


async def _remove(call: Call, owner: str) -> Response:
    try:
        target = rules.target_of(call.path["target"])
    except ValueError:
        raise not_found(NO_ENTRY) from None
    if not await call.context.suppressions.remove(owner.lower(), target):
        raise not_found(NO_ENTRY)
    return Response(status_code=204)


def _told(entry: Suppression) -> SuppressionOut:
    return SuppressionOut(
        target=entry.target,
        reason=entry.reason,
        detail=entry.detail,
        since=entry.since,
        until=entry.until,
    )
