"""Signing in and out: tokens for a password or a refresh token, and who is signed in.

RFC 6749 §4.3 and §6, RFC 7009. Who asks for ``offline_access`` besides is given a refresh token
and an access token that lasts for minutes; anybody else one that lasts as long as the sign-in.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast, get_args

from msgspec import UNSET
from starlette.responses import Response

from api import proofs
from api.endpoint import Call, json_answer
from api.forms import form, refused
from api.shapes_account import MOST_CODE_CHARACTERS, Me, RevokeForm, Token, TokenForm
from topologies.ports.directory import Scope, User
from topologies.ports.sessions import LONGEST_CLIENT, Granted

SCOPES: tuple[Scope, ...] = get_args(Scope)
OFFLINE = "offline_access"  # as OpenID Connect Core §11 has it: a refresh token, too


async def sign_in(call: Call) -> Response:
    """Answer tokens to whoever knows the password, or has a refresh token."""
    given: TokenForm = await form(call, TokenForm)
    if given.grant_type == "refresh_token":
        return await _refreshed(call, given)
    for name in ("username", "password"):
        if not getattr(given, name):
            raise refused("invalid_request", f"{name} is missing")
    context = call.context
    user = await _known(call, given)
    wanted = given.scope.split()
    is_offline = OFFLINE in wanted
    allowed: list[Scope] = [scope for scope in SCOPES if scope != "admin" or user.is_admin]
    scopes = _scopes([scope for scope in wanted if scope != OFFLINE], allowed)
    lasts = timedelta(hours=context.settings.token_hours)
    granted = await context.directory.sessions.begin(
        user.user_id,
        scopes,
        client=_client(call),
        access=_short(call) if is_offline else lasts,
        refresh=lasts if is_offline else None,
    )
    if granted is None:  # suspended this very moment
        raise refused("invalid_grant", "address or password is wrong", kind="sign-in-failed")
    return _told(call, granted)


async def revoke(call: Call) -> Response:
    """Make a token worthless, and all that it was given with (RFC 7009 §2)."""
    given: RevokeForm = await form(call, RevokeForm)
    await call.context.directory.sessions.revoke(given.token)
    return Response(status_code=200, headers={"Cache-Control": "no-store"})


async def sign_out(call: Call) -> Response:
    """Make the token worthless."""
    await call.context.directory.sessions.revoke(call.token)
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


async def _known(call: Call, given: TokenForm) -> User:
    """Return whose password, and code where one is asked for, stand in the form."""
    context = call.context
    trying = await proofs.begin(call, given.username)
    try:
        user = await context.directory.sign_in(given.username, given.password)
        factor = await context.second_factors.of(user.user_id) if user is not None else None
        is_asked_for = factor is not None and factor.is_on
        is_right = not is_asked_for
        if factor is not None and is_asked_for and given.otp:
            is_right = await proofs.is_code_right(call, factor, given.otp[:MOST_CODE_CHARACTERS])
    except BaseException:
        await trying.take_back()  # nobody knows if it was right
        raise
    if user is None:
        raise refused("invalid_grant", "address or password is wrong", kind="sign-in-failed")
    if is_asked_for and not given.otp:
        await trying.take_back()  # the first of two steps went well
        raise refused("invalid_grant", "a code of your app is needed, in otp", kind="otp-required")
    if not is_right:
        raise refused("invalid_grant", "the code is wrong, or was used before", kind="otp-wrong")
    await trying.take_back()
    return user


async def _refreshed(call: Call, given: TokenForm) -> Response:
    if not given.refresh_token:
        raise refused("invalid_request", "refresh_token is missing")
    wanted = [scope for scope in given.scope.split() if scope != OFFLINE]
    try:
        granted = await call.context.directory.sessions.refresh(
            given.refresh_token,
            access=_short(call),
            refresh=timedelta(hours=call.context.settings.token_hours),
            scopes=_scopes(wanted, SCOPES) if wanted else None,
        )
    except ValueError as error:
        raise refused("invalid_scope", str(error)) from error
    if granted is None:
        raise refused(
            "invalid_grant",
            "the refresh token is unknown, was used before, or its session has ended",
            kind="sign-in-failed",
        )
    return _told(call, granted)


def _told(call: Call, granted: Granted) -> Response:
    scopes: list[str] = [scope for scope in SCOPES if scope in granted.scopes]
    return json_answer(
        Token(
            access_token=granted.access_token,
            token_type="Bearer",  # noqa: S106  no secret, its kind
            expires_in=int((granted.expires_at - call.context.clock.now()).total_seconds()),
            scope=" ".join([*scopes, OFFLINE] if granted.refresh_token else scopes),
            refresh_token=granted.refresh_token or UNSET,
        )
    )


def _short(call: Call) -> timedelta:
    settings = call.context.settings
    return min(timedelta(minutes=settings.access_minutes), timedelta(hours=settings.token_hours))


def _client(call: Call) -> str:
    raw = call.request.headers.get("user-agent", "")[: 10 * LONGEST_CLIENT].encode("latin-1")
    told = raw.decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in told).split())


def _scopes(wanted: Sequence[str], allowed: Sequence[Scope]) -> frozenset[Scope]:
    for scope in wanted:
        if scope not in allowed:
            raise refused("invalid_scope", f"this user may ask for: {' '.join(allowed)}")
    return frozenset(cast("list[Scope]", wanted) or allowed)
