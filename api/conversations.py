"""A folder as conversations."""

from collections.abc import Sequence

from starlette.responses import Response

from api import views
from api.endpoint import Call, json_answer
from api.problems import invalid_parameter
from api.shapes_emails import AddressOut
from api.shapes_threads import ThreadLine, ThreadPage, ThreadsQuery
from topologies.mail.conversations import Conversation, conversations
from topologies.ports.mailboxes import Summary

MOST_PARTICIPANTS = 20  # that are told


async def list_threads(call: Call) -> Response:
    """Answer a stretch of a folder, thread by thread, newest first."""
    asked: ThreadsQuery = call.query(ThreadsQuery)
    try:
        page = await conversations(
            call.context.mailboxes,
            call.user_id,
            asked.folder,
            limit=asked.limit,
            cursor=asked.cursor,
            is_read=asked.is_read,
        )
    except ValueError:
        raise invalid_parameter("cursor", "it is no next_cursor of this listing") from None
    if page is None:
        raise invalid_parameter("folder", f"there is no folder {asked.folder!r}")
    return json_answer(
        ThreadPage(
            threads=tuple(map(_line, page.conversations)),
            email_count=page.email_count,
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
    )


def _line(found: Conversation) -> ThreadLine:
    return ThreadLine(
        thread_id=found.thread_id,
        subject=found.emails[0].subject,
        snippet=found.emails[-1].snippet,
        participants=_participants(found.emails),
        total_count=len(found.emails),
        unread_count=sum(not mail.is_read for mail in found.emails),
        is_starred=any(mail.is_starred for mail in found.emails),
        has_attachments=any(mail.has_attachments for mail in found.emails),
        created_at=found.newest.created_at,
        newest=views.line(found.newest),
        email_ids=tuple(mail.email_id for mail in found.here),
    )


def _participants(emails: Sequence[Summary]) -> tuple[AddressOut, ...]:
    known: dict[str, AddressOut] = {}
    for mail in emails:
        who = AddressOut(address=mail.from_address, name=mail.from_name)
        known.setdefault(mail.from_address.lower(), who)
    return tuple(known.values())[:MOST_PARTICIPANTS]
