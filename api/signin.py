"""Signing in and out: access tokens for a password (RFC 6749 §4.3), and who is signed in."""

import math
from datetime import timedelta
from typing import cast, get_args
from urllib.parse import parse_qsl

import msgspec
from starlette.responses import Response

from api.endpoint import MOST_PARAMETERS, Call, json_answer, told_and_path
from api.problems import Problem
from api.shapes import Me, Token, TokenForm
from connectors.sign_in_limits import SignIn
from topologies.ports.directory import Scope, User

FORM = "application/x-www-form-urlencoded"
SCOPES: tuple[Scope, ...] = get_args(Scope)


async def sign_in(call: Call) -> Response:
    """Answer a token to whoever knows the password."""
    form = await _form(call)
    context = call.context
    client = call.request.client
    client_ip = client.host if client is not None else ""
    trying = SignIn(context.limits, form.username, client_ip)
    if (wait_s := await trying.begin()) > 0:
        raise Problem(
            429,
            "too many sign-ins failed: wait, then try again",
            kind="too-many-failures",
            headers={"Retry-After": str(math.ceil(wait_s))},
        )
    try:
        user = await context.directory.sign_in(form.username, form.password)
    except BaseException:
        await trying.take_back()  # nobody knows if it was right
        raise
    if user is None:
        raise _refused("invalid_grant", "address or password is wrong", kind="sign-in-failed")
    await trying.take_back()
    scopes = _scopes(form.scope, user)
    lives = timedelta(hours=context.settings.token_hours)
    token = await context.directory.issue_token(user.user_id, scopes, context.clock.now() + lives)
    return json_answer(
        Token(
            access_token=token,
            token_type="Bearer",  # noqa: S106  no secret, its kind
            expires_in=int(lives.total_seconds()),
            scope=" ".join(scope for scope in SCOPES if scope in scopes),
        )
    )


async def sign_out(call: Call) -> Response:
    """Make the token worthless."""
    await call.context.directory.end_session(call.token)
    return Response(status_code=204)


async def me(call: Call) -> Response:
    """Answer who is signed in."""
    user = call.user
    mailbox = await call.context.mailboxes.mailbox(user.user_id)
    return json_answer(
        Me(
            user_id=user.user_id,
            address=user.address,
            name=user.name,
            is_admin=user.is_admin,
            used_bytes=mailbox.used_bytes,
            quota_bytes=user.quota_bytes,
            cursor=mailbox.seq,
        )
    )


async def _form(call: Call) -> TokenForm:
    media = call.request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if media != FORM:
        raise Problem(415, f"send a form, with Content-Type: {FORM}")
    raw = await call.raw_body()
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError:
        raise _refused("invalid_request", "the form can't be read") from None
    given = dict(pairs)
    if len(given) != len(pairs):  # RFC 6749 §3.2
        raise _refused("invalid_request", "a parameter is given twice")
    if given.get("grant_type", "password") != "password":
        raise _refused("unsupported_grant_type", "the only grant_type is password")
    try:
        return msgspec.convert(given, TokenForm)
    except msgspec.ValidationError as error:
        raise _refused("invalid_request", told_and_path(str(error))[0]) from None


def _scopes(asked: str, user: User) -> frozenset[Scope]:
    allowed = [scope for scope in SCOPES if scope != "admin" or user.is_admin]
    wanted = asked.split() or allowed
    for scope in wanted:
        if scope not in allowed:
            raise _refused("invalid_scope", f"this user may ask for: {' '.join(allowed)}")
    return frozenset(cast("list[Scope]", wanted))


def _refused(error: str, detail: str, *, kind: str = "") -> Problem:
    # RFC 6749 §5.2 asks for 400 and these two members; the rest is as in every problem.
    return Problem(400, detail, kind=kind, error=error, error_description=detail)
