"""App passwords: what mail clients sign in with to send, one for each, shown once."""

from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, not_found
from api.shapes import FieldProblem
from api.shapes_account import AppPasswordIn, AppPasswordOut, NewAppPassword
from topologies.mail.compose import has_controls


async def list_app_passwords(call: Call) -> Response:
    """Answer the app passwords there are, without their texts, which nobody knows any more."""
    kept = await call.context.app_passwords.of(call.user_id)
    return json_answer(
        [
            AppPasswordOut(password_id=each.password_id, name=each.name, created_at=each.created_at)
            for each in kept
        ]
    )


async def create_app_password(call: Call) -> Response:
    """Make one, and tell its text this once."""
    given: AppPasswordIn = await call.body(AppPasswordIn)
    if has_controls(given.name):
        raise invalid(FieldProblem(pointer="/name", detail="it holds a control character"))
    context = call.context
    try:
        made, text = await context.app_passwords.add(call.user_id, given.name, context.clock.now())
    except ValueError as error:
        raise Problem(409, f"{error}: remove one first") from error
    told = NewAppPassword(
        password_id=made.password_id,
        name=made.name,
        created_at=made.created_at,
        password=text,
        username=call.user.address,
    )
    return json_answer(told, 201)


async def delete_app_password(call: Call) -> Response:
    """Make one worthless."""
    if not await call.context.app_passwords.remove(call.user_id, call.path["password_id"]):
        raise not_found()
    return Response(status_code=204)
