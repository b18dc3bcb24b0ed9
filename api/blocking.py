"""Senders whose mail a user does not want to see."""

from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.listing import Place, rank_of, stretch
from api.problems import invalid, not_found
from api.shapes import FieldProblem, StretchQuery
from api.shapes_blocking import BlockedIn, BlockedOut, BlockedSendersOut
from topologies.mail import blocking, rule_book
from topologies.ports.rules import BlockedSender, UserRules

NOT_BLOCKED = "this sender is not blocked"


async def list_blocked(call: Call) -> Response:
    """Answer who is blocked."""
    asked: StretchQuery = call.query(StretchQuery)
    blocked = (await call.context.rules.read(call.user_id)).blocked
    part = stretch(blocked, asked, _place, is_downward=True)
    return json_answer(BlockedSendersOut(blocked=tuple(map(_told, part.items)), **part.told))


async def block(call: Call) -> Response:
    """Block a sender, or let their mail go elsewhere."""
    given: BlockedIn = await call.body(BlockedIn)
    now, own = call.context.clock.now(), [call.user.address]

    def change(rules: UserRules) -> UserRules:
        return blocking.with_blocked(rules, given.target, given.into, now, own)

    try:
        rules = await rule_book.changed(call.context.rules, call.user_id, change)
    except ValueError as error:
        detail = str(error).removeprefix("target: ")
        raise invalid(FieldProblem(pointer="/target", detail=detail)) from error
    return json_answer(_told(rules.blocked[0]), 201)


async def unblock(call: Call) -> Response:
    """Let a sender's mail come as everybody's again."""
    was_there = False
    try:
        target = blocking.target_of(call.path["target"])
    except ValueError:
        raise not_found(NOT_BLOCKED) from None

    def change(rules: UserRules) -> UserRules:
        nonlocal was_there
        was_there = any(each.target == target for each in rules.blocked)
        return blocking.without_blocked(rules, target)

    await rule_book.changed(call.context.rules, call.user_id, change)
    if not was_there:
        raise not_found(NOT_BLOCKED)
    return Response(status_code=204)


def _place(blocked: BlockedSender) -> Place:
    return rank_of(blocked.since), blocked.target


def _told(blocked: BlockedSender) -> BlockedOut:
    return BlockedOut(target=blocked.target, into=blocked.into, since=blocked.since)
