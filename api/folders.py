"""Folders: list, make, rename, delete; and the mails in one."""

from starlette.responses import Response

from api import views
from api.commands import carry_out, stamp
from api.endpoint import Call, json_answer
from api.problems import invalid_parameter, not_found
from api.shapes import EmailPage, FolderName, FolderOut, PageQuery
from topologies.events import CreateFolder, DeleteFolder, RenameFolder
from topologies.mail import ids


async def list_folders(call: Call) -> Response:
    """Answer all folders, those that every mailbox has first."""
    folders = await call.context.mailboxes.folders(call.user_id)
    return json_answer([views.folder(f) for f in folders if not f.is_deleting])


async def create_folder(call: Call) -> Response:
    """Make a custom folder."""
    given: FolderName = await call.body(FolderName)
    folder_id = ids.new_id(call.context.clock.now())
    command = CreateFolder(
        **stamp(call.context, call.user_id), folder_id=folder_id, name=given.name
    )
    pending = await carry_out(call.context, [command])
    where = {"Location": f"/folders/{folder_id}/emails"}
    return pending or json_answer(await _folder(call, folder_id), 201, headers=where)


async def rename_folder(call: Call) -> Response:
    """Give a custom folder another name."""
    given: FolderName = await call.body(FolderName)
    folder_id = call.path["folder_id"]
    await _folder(call, folder_id)
    command = RenameFolder(
        **stamp(call.context, call.user_id), folder_id=folder_id, name=given.name
    )
    pending = await carry_out(call.context, [command])
    return pending or json_answer(await _folder(call, folder_id))


async def delete_folder(call: Call) -> Response:
    """Delete a custom folder; its mails go to trash."""
    folder_id = call.path["folder_id"]
    await _folder(call, folder_id)
    command = DeleteFolder(**stamp(call.context, call.user_id), folder_id=folder_id)
    return await carry_out(call.context, [command]) or Response(status_code=204)


async def list_emails(call: Call) -> Response:
    """Answer a page of a folder, newest first."""
    asked: PageQuery = call.query(PageQuery)
    try:
        page = await call.context.mailboxes.page(
            call.user_id,
            call.path["folder_id"],
            limit=asked.limit,
            offset=asked.offset,
            cursor=asked.cursor,
            is_read=asked.is_read,
        )
    except ValueError:
        raise invalid_parameter("cursor", "it is no next_cursor of this listing") from None
    if page is None:
        raise not_found("there is no such folder in your mailbox")
    return json_answer(
        EmailPage(
            emails=views.lines(page.emails),
            total_count=page.total_count,
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
    )


async def _folder(call: Call, folder_id: str) -> FolderOut:
    for kept in await call.context.mailboxes.folders(call.user_id):
        if kept.folder_id == folder_id and not kept.is_deleting:
            return views.folder(kept)
    raise not_found("there is no such folder in your mailbox")
