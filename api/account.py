"""One's own account: where one is signed in, the password, the second factor."""

from starlette.responses import Response

from api import proofs
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, not_found
from api.shapes import FieldProblem
from api.shapes_account import (
    CodeIn,
    NewTotp,
    PasswordIn,
    SessionOut,
    TotpIn,
    TotpOffIn,
    TotpOut,
)
from connectors import one_time_codes

IS_ON = "it is on already: turn it off first, then set up another"


async def list_sessions(call: Call) -> Response:
    """Answer the programs that are signed in, the oldest first."""
    found = await call.context.directory.sessions.of(call.user_id)
    return json_answer(
        [
            SessionOut(
                session_id=each.session_id,
                client=each.client,
                scopes=tuple(sorted(each.scopes)),
                created_at=each.created_at,
                seen_on=each.seen_on,
                expires_at=each.expires_at,
                is_this=each.session_id == call.session.session_id,
            )
            for each in found
        ]
    )


async def end_session(call: Call) -> Response:
    """Sign one program out: its tokens are worthless from then on."""
    sessions = call.context.directory.sessions
    if not await sessions.end(call.user_id, call.path["session_id"]):
        raise not_found("you have no such session")
    return Response(status_code=204)


async def change_password(call: Call) -> Response:
    """Change the password, and sign out all programs but this one."""
    given: PasswordIn = await call.body(PasswordIn)
    await proofs.check_password(call, given.old_password, "/old_password")
    try:
        await call.context.directory.change_user(
            call.user_id, password=given.password, keep_session=call.session.session_id
        )
    except ValueError as error:
        raise invalid(FieldProblem(pointer="/password", detail=str(error))) from error
    return Response(status_code=204)


async def read_totp(call: Call) -> Response:
    """Answer whether a second factor is asked for."""
    kept = await call.context.second_factors.of(call.user_id)
    if kept is None:
        return json_answer(TotpOut(state="off", recovery_codes_left=0))
    return json_answer(
        TotpOut(
            state="on" if kept.is_on else "proposed",
            recovery_codes_left=len(kept.recovery) if kept.is_on else 0,
        )
    )


async def propose_totp(call: Call) -> Response:
    """Tell a secret and recovery codes, which count once a code was confirmed.

    Everything is told before it counts: whoever misses this answer asks again.
    """
    given: TotpIn = await call.body(TotpIn)
    await proofs.check_password(call, given.password, "/password")
    context = call.context
    secret, codes = one_time_codes.new_secret(), one_time_codes.new_recovery_codes()
    hashes = [hashed for code in codes if (hashed := one_time_codes.recovery_hash(code))]
    factors = context.second_factors
    if not await factors.propose(call.user_id, secret, hashes, context.clock.now()):
        raise Problem(409, IS_ON, kind="second-factor-on")
    issuer = context.settings.hostname or "Rillmail"
    told = NewTotp(
        secret=one_time_codes.secret_text(secret),
        uri=one_time_codes.uri_of(secret, call.user.address, issuer),
        recovery_codes=codes,
    )
    return json_answer(told, 201)


async def confirm_totp(call: Call) -> Response:
    """Ask for the second factor from now on, since the app shows the right code."""
    given: CodeIn = await call.body(CodeIn)
    context = call.context
    kept = await context.second_factors.of(call.user_id)
    if kept is None:
        raise not_found("there is none to confirm: set one up first")
    if kept.is_on:
        raise Problem(409, IS_ON, kind="second-factor-on")
    step = one_time_codes.step_of(kept.secret, given.code, context.clock.now(), last_step=0)
    if step is None:
        raise invalid(
            FieldProblem(pointer="/code", detail="it is wrong: is the clock of your device right?"),
            kind="otp-wrong",
        )
    if not await context.second_factors.turn_on(call.user_id, kept.secret, step):
        raise Problem(409, "another was set up meanwhile", kind="second-factor-on")
    return Response(status_code=204)


async def disable_totp(call: Call) -> Response:
    """Let the password alone do again."""
    given: TotpOffIn = await call.body(TotpOffIn)
    await proofs.check_password(call, given.password, "/password")
    kept = await call.context.second_factors.of(call.user_id)
    if kept is None or not kept.is_on:
        raise not_found("there is no second factor to turn off")
    if not await proofs.is_code_right(call, kept, given.code):
        raise invalid(
            FieldProblem(pointer="/code", detail="it is wrong, or was used before"),
            kind="otp-wrong",
        )
    await call.context.second_factors.remove(call.user_id)
    return Response(status_code=204)
