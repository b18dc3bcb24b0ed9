"""For administrators: users, and how much each has here."""

import asyncio
from datetime import timedelta

from msgspec import UNSET
from starlette.responses import Response

from api.admin_directory import administration, cursor_of, place_of, told, with_domain
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, invalid_parameter, not_found
from api.shapes import FieldProblem
from api.shapes_admin import (
    DomainQuery,
    RemoveQuery,
    UsageLine,
    UsagePage,
    UserIn,
    UserList,
    UserOut,
    UserPatch,
)
from topologies.ports.directory import User, UserPage

USERS_AT_ONCE = 16  # whose mailboxes are looked at side by side


async def list_users(call: Call) -> Response:
    """Answer users, in an order that stays."""
    page, following = await _page(call)
    return json_answer(
        UserList(
            users=tuple(told(UserOut, user) for user in page.users),
            has_more=following is not None,
            next_cursor=following,
        )
    )


async def read_user(call: Call) -> Response:
    """Answer one user."""
    return json_answer(told(UserOut, await _user(call)))


async def add_user(call: Call) -> Response:
    """Give an address of ours a mailbox."""
    given: UserIn = await call.body(UserIn)
    try:
        user = await administration(call).add_user(
            given.address,
            given.password,
            name=given.name,
            quota_bytes=given.quota_bytes,
            is_admin=given.is_admin,
        )
    except ValueError as error:
        pointer = "/password" if str(error).startswith("a password") else "/address"
        raise invalid(FieldProblem(pointer=pointer, detail=str(error))) from error
    return json_answer(told(UserOut, user), 201)


async def change_user(call: Call) -> Response:
    """Change what is given of a user; what was done before one thing fails, stays done."""
    given: UserPatch = await call.body(UserPatch)
    found = await _user(call)
    working = administration(call)
    if given.is_suspended is True:
        _not_oneself(call, found)
    user: User | None = found
    if given.quota_bytes is not UNSET:
        user = await working.set_quota(found, given.quota_bytes)
    if user is not None and given.password is not UNSET:
        try:
            user = await working.set_password(user, given.password)
        except ValueError as error:
            raise invalid(FieldProblem(pointer="/password", detail=str(error))) from error
    if user is not None and given.is_suspended is not UNSET:
        user = await (working.suspend if given.is_suspended else working.resume)(user)
    if user is None:
        raise _nobody()
    return json_answer(told(UserOut, user))


async def remove_user(call: Call) -> Response:
    """Delete a user: suspended at once, gone when the grace is over, or at once."""
    asked: RemoveQuery = call.query(RemoveQuery)
    user = await _user(call)
    _not_oneself(call, user)
    days = call.context.settings.delete_grace_days
    grace = timedelta(days=days if asked.grace_days is None else asked.grace_days)
    if not grace:
        if not await administration(call).delete(user):
            raise _nobody()
        return Response(status_code=204)
    leaving = await administration(call).delete_later(user, grace)
    if leaving is None:
        raise _nobody()
    return json_answer(told(UserOut, leaving))


async def restore_user(call: Call) -> Response:
    """Let a user stay who was to be deleted."""
    user = await _user(call)
    if user.deletes_at is None:
        raise Problem(409, "nobody wants to delete them")
    stays = await administration(call).resume(user)
    if stays is None:
        raise _nobody()
    return json_answer(told(UserOut, stays))


async def list_usage(call: Call) -> Response:
    """Answer how much each user has here, in the order of the users."""
    page, following = await _page(call)
    places = asyncio.Semaphore(USERS_AT_ONCE)

    async def line(user: User) -> UsageLine:
        async with places:
            mailbox = await call.context.mailboxes.mailbox(user.user_id)
            folders = await call.context.mailboxes.folders(user.user_id)
        return UsageLine(
            user_id=user.user_id,
            address=user.address,
            used_bytes=mailbox.used_bytes,
            quota_bytes=user.quota_bytes,
            mails=sum(folder.total_count for folder in folders),
            unread=sum(folder.unread_count for folder in folders),
        )

    lines = await asyncio.gather(*(line(user) for user in page.users))
    return json_answer(
        UsagePage(users=tuple(lines), has_more=following is not None, next_cursor=following)
    )


async def _page(call: Call) -> tuple[UserPage, str | None]:
    asked: DomainQuery = call.query(DomainQuery)
    with_domain(asked.domain)
    try:
        page = await call.context.directory.users_page(
            domain=asked.domain, after=place_of(asked.cursor), limit=asked.limit
        )
    except ValueError as error:
        raise invalid_parameter("cursor", str(error)) from error
    return page, cursor_of(page.after) if page.after else None


async def _user(call: Call) -> User:
    """Return whom the path names, by id or by address."""
    name, directory = call.path["user_id"], call.context.directory
    found = await (directory.user_by_address(name) if "@" in name else directory.user(name))
    if found is None:
        raise _nobody()
    return found


def _nobody() -> Problem:
    return not_found("there is no such user")


def _not_oneself(call: Call, user: User) -> None:
    if user.user_id == call.user_id:
        raise Problem(409, "that can't be done to oneself: ask another administrator")
