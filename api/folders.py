"""Folders: list, make, rename, delete; and the mails in one."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import UNSET, structs
from starlette.responses import Response

from api import views
from api.commands import carry_out, not_seen_yet, stamp
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, invalid_parameter, not_found
from api.shapes import FieldProblem, PageQuery
from api.shapes_emails import EmailPage
from api.shapes_folders import FolderIn, FolderOut, FolderPatch
from topologies.events import DELETED, CreateFolder, DeleteFolder, EmptyFolder, RenameFolder
from topologies.mail import folder_names, ids, mailbox, mailbox_trash
from topologies.ports.mailboxes import Page

GONE = "there is no such folder in your mailbox"

Listing = Callable[..., Awaitable[Page | None]]  # ``Mailboxes.page`` or ``labelled``


async def list_folders(call: Call) -> Response:
    """Answer all folders, those that every mailbox has first."""
    return json_answer(await _all(call))


async def create_folder(call: Call) -> Response:
    """Make a custom folder."""
    given: FolderIn = await call.body(FolderIn)
    await _parent(call, given.parent_id)
    folder_id = ids.new_id(call.context.clock.now())
    command = CreateFolder(
        **stamp(call.context, call.user_id),
        folder_id=folder_id,
        name=given.name,
        parent_id=given.parent_id or "",
    )
    pending = await carry_out(call.context, [command])
    where = {"Location": f"/folders/{folder_id}/emails"}
    return pending or json_answer(await _folder(call, folder_id), 201, headers=where)


async def change_folder(call: Call) -> Response:
    """Give a custom folder another name, or put it into another one."""
    given: FolderPatch = await call.body(FolderPatch)
    folder_id = call.path["folder_id"]
    await _folder(call, folder_id)
    if given.name is UNSET and given.parent_id is UNSET:
        return json_answer(await _folder(call, folder_id))
    parent_id = None if given.parent_id is UNSET else given.parent_id or ""
    await _parent(call, parent_id)
    command = RenameFolder(
        **stamp(call.context, call.user_id),
        folder_id=folder_id,
        name="" if given.name is UNSET else given.name,
        parent_id=parent_id,
    )
    pending = await carry_out(call.context, [command])
    return pending or json_answer(await _folder(call, folder_id))


async def delete_folder(call: Call) -> Response:
    """Delete a custom folder and those within; their mails go to trash."""
    folder_id = call.path["folder_id"]
    await _folder(call, folder_id)
    command = DeleteFolder(**stamp(call.context, call.user_id), folder_id=folder_id)
    return await carry_out(call.context, [command]) or Response(status_code=204)


async def empty(call: Call) -> Response:
    """Delete all that lies in trash or spam, or what was deleted and can be restored.

    A command takes away so many and leads to the next, which answers nobody: so another is waited
    for, as long as something is left.
    """
    folder_id = call.path["folder_id"]
    if folder_id != DELETED:
        await _folder(call, folder_id)
    command = EmptyFolder(
        **(given := stamp(call.context, call.user_id)),
        folder_id=folder_id,
        put_before=given["issued_at"],
        is_restorable=folder_id != DELETED and call.context.settings.restorable_days > 0,
    )
    time = asyncio.get_running_loop().time
    ends_at = time() + call.context.patience_s
    while (pending := await carry_out(call.context, [command])) is None:
        command = structs.replace(command, **stamp(call.context, call.user_id))
        left = await call.context.mailboxes.load(call.user_id, mailbox.needs(command))
        if not mailbox_trash.is_left(command, left):
            return Response(status_code=204)
        if time() >= ends_at:
            return not_seen_yet([command])
    return pending


async def list_emails(call: Call) -> Response:
    """Answer a page of a folder, newest first."""
    mailboxes = call.context.mailboxes
    return await answer_page(call, mailboxes.page, call.path["folder_id"], GONE)


async def answer_page(call: Call, listing: Listing, named: str, gone: str) -> Response:
    """Answer the page of a *listing* that is asked for; *gone* is told if there is none *named*."""
    asked: PageQuery = call.query(PageQuery)
    try:
        page = await listing(
            call.user_id,
            named,
            limit=asked.limit,
            offset=asked.offset,
            cursor=asked.cursor,
            is_read=asked.is_read,
        )
    except ValueError:
        raise invalid_parameter("cursor", "it is no next_cursor of this listing") from None
    if page is None:
        raise not_found(gone)
    return json_answer(page_of(page))


async def must_be_there(call: Call, folder_id: str) -> None:
    """Make sure that the mailbox has a folder, which the body names.

    Raises:
        Problem: It is not there.
    """
    if folder_id not in await seen(call):
        told = FieldProblem(pointer="/folder_id", detail=GONE)
        raise Problem(404, GONE, errors=[told])


async def seen(call: Call) -> set[str]:
    """Return the ids of the folders that the user sees."""
    return {folder.folder_id for folder in await _all(call)}


def page_of(page: Page) -> EmailPage:
    """Return a page of a listing as it is answered."""
    return EmailPage(
        emails=views.lines(page.emails),
        total_count=page.total_count,
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )


async def _folder(call: Call, folder_id: str) -> FolderOut:
    for kept in await _all(call):
        if kept.folder_id == folder_id:
            return kept
    raise not_found(GONE)


async def _all(call: Call) -> list[FolderOut]:
    folders = await call.context.mailboxes.folders(call.user_id)
    paths = folder_names.paths(folders)
    return [views.folder(f, paths[f.folder_id]) for f in folders if not f.is_deleting]


async def _parent(call: Call, parent_id: str | None) -> None:
    """Make sure that there is a folder to put another into.

    Raises:
        Problem: There is none, or one that every mailbox has.
    """
    if not parent_id:
        return
    problem = GONE
    for kept in await _all(call):
        if kept.folder_id == parent_id:
            problem = "a folder that every mailbox has holds no others" if kept.is_system else ""
    if problem:
        raise invalid(FieldProblem(pointer="/parent_id", detail=problem))
