"""The addresses that a user writes as, each with a name and a signature."""

from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, not_found
from api.shapes import FieldProblem
from api.shapes_identities import IdentityIn, IdentityOut
from topologies.mail import identities, mailbox_address, rule_book
from topologies.mail.sender_rights import may_write_as
from topologies.ports.rules import Identity, UserRules


async def list_identities(call: Call) -> Response:
    """Answer all, the user's own address first."""
    return json_answer(_all(await call.context.rules.read(call.user_id), call))


async def put_identity(call: Call) -> Response:
    """Set the name and the signature that the user has at an address of theirs."""
    given: IdentityIn = await call.body(IdentityIn)
    address = call.path["address"]
    try:
        key = mailbox_address.parse(address).key
    except ValueError as error:
        raise _no_address(str(error)) from error
    if not await may_write_as(call.context.directory, call.user_id, address):
        raise _no_address(f"{address} is no address of yours")

    def change(rules: UserRules) -> UserRules:
        return identities.with_identity(rules, address, given.name, given.signature)

    try:
        rules = await rule_book.changed(call.context.rules, call.user_id, change)
    except ValueError as error:
        where, _, detail = str(error).partition(": ")
        if where == "address":
            raise _no_address(detail) from error
        raise invalid(FieldProblem(pointer=f"/{where}", detail=detail)) from error
    told = _all(rules, call)
    return json_answer(
        next(each for each in told if mailbox_address.parse(each.address).key == key)
    )


async def delete_identity(call: Call) -> Response:
    """Forget the name and the signature at an address; the user's own stays, as it was first."""
    address = call.path["address"]
    was_there = False

    def change(rules: UserRules) -> UserRules:
        nonlocal was_there
        was_there = identities.identity_at(rules, address) is not None
        return identities.without(rules, address)

    try:
        await rule_book.changed(call.context.rules, call.user_id, change)
    except ValueError:  # it is no address
        was_there = False
    if not was_there:
        raise not_found("nothing was set for that address")
    return Response(status_code=204)


def _no_address(detail: str) -> Problem:
    return invalid(FieldProblem(parameter="address", detail=detail))


def _all(rules: UserRules, call: Call) -> list[IdentityOut]:
    return [_told(each, call) for each in identities.identities_of(call.user, rules)]


def _told(identity: Identity, call: Call) -> IdentityOut:
    return IdentityOut(
        address=identity.address,
        name=identity.name,
        signature=identity.signature,
        is_primary=identity.address == call.user.address,
    )
