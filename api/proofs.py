"""Proofs that it is the user who asks: the password once more, or a code of the second factor.

Wrong ones count as failed sign-ins do, so that a stolen token helps nobody to guess.
"""

import math

from api.endpoint import Call
from api.problems import Problem, invalid
from api.shapes import FieldProblem
from connectors import second_step
from connectors.sign_in_limits import FAILURES_FROM_ONE_PLACE, WINDOW_S, SignIn
from topologies.ports.second_factors import SecondFactor


def client_ip(call: Call) -> str:
    """Return where the request comes from; empty if that is not known."""
    client = call.request.client
    return client.host if client is not None else ""


async def begin(call: Call, address: str) -> SignIn:
    """Count a try for *address*, to be taken back if it succeeds.

    Raises:
        Problem: Too many failed (429).
    """
    trying = SignIn(call.context.limits, address, client_ip(call))
    if (wait_s := await trying.begin()) > 0:
        raise too_many(
            "too many sign-ins failed: wait, then try again",
            name="sign-in",
            limit=FAILURES_FROM_ONE_PLACE,
            window_s=WINDOW_S,
            wait_s=wait_s,
        )
    return trying


async def check_password(call: Call, password: str, pointer: str) -> None:
    """Make sure that *password* is the signed-in user's.

    Raises:
        Problem: It is not (422), or too many were wrong (429).
    """
    trying = await begin(call, call.user.address)
    try:
        user = await call.context.directory.sign_in(call.user.address, password)
    except BaseException:
        await trying.take_back()  # nobody knows if it was right
        raise
    if user is None or user.user_id != call.user_id:
        raise invalid(
            FieldProblem(pointer=pointer, detail="it is not your password"), kind="wrong-password"
        )
    await trying.take_back()


async def is_code_right(call: Call, factor: SecondFactor, code: str) -> bool:
    """Tell whether *code* is a good one of *factor*, and use it up.

    Raises:
        Problem: Too many were wrong (429).
    """
    context = call.context
    try:
        return await second_step.is_right(
            context.second_factors, context.limits, factor, code, context.clock.now()
        )
    except second_step.TooManyCodes as error:
        raise too_many(
            "too many codes were wrong: wait, then try again",
            name="second-factor",
            limit=second_step.FAILURES,
            window_s=second_step.WINDOW_S,
            wait_s=error.wait_s,
        ) from error


def too_many(detail: str, *, name: str, limit: int, window_s: float, wait_s: float) -> Problem:
    """Return the answer to one try too many (draft-ietf-httpapi-ratelimit-headers)."""
    wait = max(1, math.ceil(wait_s))
    return Problem(
        429,
        detail,
        kind="too-many-failures",
        headers={
            "Retry-After": str(wait),
            "RateLimit-Policy": f'"{name}";q={limit};w={window_s:.0f}',
            "RateLimit": f'"{name}";r=0;t={wait}',
        },
    )
