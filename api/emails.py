"""One mail: read it, its raw message and attachments, change it, delete it."""

import socket
from collections.abc import AsyncIterator

from msgspec import UNSET, structs
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api import blobs, draft_sending, folders, labels, reminders, views, whole
from api.coming_back import Found, forget_moved, found
from api.commands import carry_out, deletion, stamp
from api.endpoint import Call, json_answer
from api.problems import invalid, not_found
from api.shapes import FieldProblem
from api.shapes_emails import (
    AttachmentQuery,
    DeleteQuery,
    EmailPatch,
    EmailQuery,
    RawQuery,
    SignedUrl,
)
from api.shapes_folders import EmailIds
from topologies.events import (
    INBOX,
    SPAM,
    TRASH,
    Command,
    LabelEmails,
    MoveEmails,
    RestoreEmails,
    SetFlags,
)
from topologies.mail.raw import stream_raw
from topologies.mail.trace import with_trace
from topologies.ports.mailboxes import Email

GONE = "there is no such mail in your mailbox"
STAYS, CHANGES = "private, max-age=31536000, immutable", "private, no-cache"


async def read(call: Call) -> Response:
    """Answer a mail whole."""
    asked: EmailQuery = call.query(EmailQuery)
    email = await find(call, call.user_id)
    told = await whole.mail(call.context, email, asked)
    if not email.recipient and (kept := await reminders.pending(call, email.summary)) is not None:
        told = structs.replace(told, remind_at=kept.until)
    return json_answer(told)


async def raw(call: Call) -> Response:
    """Answer the message as it was accepted, byte for byte; or with what we know of its way."""
    asked: RawQuery = call.query(RawQuery)
    email = await find(call, call.user_id)
    return await traced(call, email) if asked.trace else await raw_of(call, email)


async def attachment(call: Call) -> Response:
    """Answer where the content of an attachment can be fetched without a token."""
    return await attachment_of(call, await find(call, call.user_id))


async def change(call: Call) -> Response:
    """Set flags and labels and move, and answer the mail as it is then."""
    given: EmailPatch = await call.body(EmailPatch)
    email = await _find_now(call)
    if given.labels is not UNSET:
        fresh = [each for each in given.labels if each not in email.summary.labels]
        await labels.must_be_there(call, fresh, "/labels")
    if given.folder_id == TRASH:
        await draft_sending.check_may_go(call, email.summary)
    commands = commands_of(call, email, given)
    if len(commands) > 1 and given.folder_id is not UNSET:  # all of it is done, or nothing
        await folders.must_be_there(call, given.folder_id)
    if commands and (pending := await carry_out(call.context, commands)) is not None:
        return pending
    after = await _find_now(call)
    email_id = call.path["email_id"]
    await forget_moved(call, {email_id: email}, {email_id: after})
    return json_answer(views.line(after.summary))


async def delete(call: Call) -> Response:
    """Move to trash; what lies there is gone for good."""
    asked: DeleteQuery = call.query(DeleteQuery)
    email = await _find_now(call)
    await draft_sending.check_may_go(call, email.summary)
    command = deletion(call.context, call.user_id, email.names, permanent=asked.permanent)
    return await carry_out(call.context, [command]) or Response(status_code=204)


async def restore(call: Call) -> Response:
    """Bring mails back from trash, or that were deleted for good lately."""
    given: EmailIds = await call.body(EmailIds)
    command = RestoreEmails(**stamp(call.context, call.user_id), email_ids=given.email_ids)
    if (pending := await carry_out(call.context, [command])) is not None:
        return pending
    return json_answer(await views.lines_of(call.context, call.user_id, given.email_ids))


async def find(call: Call, user_id: str) -> Email:
    """Return the mail that the path names, in the mailbox of *user_id*.

    Raises:
        Problem: It is not there.
    """
    email = await call.context.mailboxes.email(user_id, call.path["email_id"])
    if email is None:
        raise not_found(GONE)
    return email


async def _find_now(call: Call) -> Found:
    """Return the mail that the path names, under another id if it has come back.

    Raises:
        Problem: It is not there.
    """
    email_id = call.path["email_id"]
    if (email := (await found(call, [email_id])).get(email_id)) is None:
        raise not_found(GONE)
    return email


async def attachment_of(call: Call, email: Email) -> Response:
    """Answer where the content of an attachment of *email* can be fetched."""
    asked: AttachmentQuery = call.query(AttachmentQuery)
    for kept in email.message.attachments:
        if kept.attachment_id == call.path["attachment_id"]:
            url = await blobs.download_url(call.context, kept, is_here=asked.here)
            if not asked.redirect:
                return json_answer(SignedUrl(url=url))
            return RedirectResponse(url, 302, {"Cache-Control": "no-store"})
    raise not_found("this mail has no such attachment")


async def raw_of(call: Call, email: Email) -> Response:
    """Answer the raw message of *email*."""
    ref = email.raw_ref
    etag = f'"{ref.blob}"'
    headers = {
        **blobs.UNTRUSTED,
        "Cache-Control": CHANGES if email.draft is not None else STAYS,
        "Content-Disposition": blobs.disposition(f"{email.summary.email_id}.eml"),
        "ETag": etag,
    }
    if etag in call.request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    headers |= {"Content-Length": str(ref.size_bytes), "Content-Type": "message/rfc822"}
    chunks = stream_raw(call.context.blobs, ref)
    # The first piece before the status is told: until then a missing blob is a plain problem.
    first = await anext(chunks, b"")
    return StreamingResponse(_all(first, chunks), 200, headers)


async def traced(call: Call, email: Email) -> Response:
    """Answer *email* as it leaves us: with trace fields, and without forged ones."""
    hostname = call.context.settings.hostname or socket.gethostname()
    chunks = stream_raw(call.context.blobs, email.raw_ref)
    first = await anext(chunks, b"")  # as in `raw_of`
    headers = {
        **blobs.UNTRUSTED,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": blobs.disposition(f"{email.summary.email_id}.eml"),
        "Content-Type": "message/rfc822",
    }
    return StreamingResponse(with_trace(email, _all(first, chunks), hostname), 200, headers)


async def _all(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk


def commands_of(call: Call, email: Found, given: EmailPatch) -> list[Command]:
    """Return what makes of *email* what is *given*.

    Raises:
        Problem: That contradicts itself.
    """
    summary, ids = email.summary, email.names
    commands: list[Command] = []
    if given.is_read is not UNSET or given.is_starred is not UNSET:
        commands.append(
            SetFlags(
                **stamp(call.context, call.user_id),
                email_ids=ids,
                is_read=None if given.is_read is UNSET else given.is_read,
                is_starred=None if given.is_starred is UNSET else given.is_starred,
            )
        )
    if given.labels is not UNSET and set(given.labels) != set(summary.labels):
        commands.append(
            LabelEmails(
                **stamp(call.context, call.user_id),
                email_ids=ids,
                added=tuple(sorted(set(given.labels).difference(summary.labels))),
                removed=tuple(sorted(set(summary.labels).difference(given.labels))),
            )
        )
    if given.is_spam is not UNSET and given.folder_id is not UNSET:
        raise invalid(
            FieldProblem(
                pointer="/is_spam", detail="say is_spam or folder_id, as both move the mail"
            )
        )
    if given.folder_id is not UNSET and given.folder_id != summary.folder_id:
        commands.append(
            MoveEmails(
                **stamp(call.context, call.user_id), email_ids=ids, folder_id=given.folder_id
            )
        )
    is_in_spam = summary.folder_id == SPAM
    if given.is_spam is not UNSET and given.is_spam != is_in_spam:
        commands.append(
            MoveEmails(
                **stamp(call.context, call.user_id),
                email_ids=ids,
                folder_id=SPAM if given.is_spam else INBOX,
                reported="spam" if given.is_spam else "ham",
            )
        )
    return commands
