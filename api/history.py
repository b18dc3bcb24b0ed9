"""What belongs together and what changed: threads, and changes since a cursor."""

from starlette.responses import Response

from api import views
from api.endpoint import Call, json_answer
from api.problems import Problem, not_found
from api.shapes_changes import ChangesOut, ChangesQuery
from api.shapes_emails import ThreadOut


async def thread(call: Call) -> Response:
    """Answer a conversation, oldest mail first."""
    thread_id = call.path["thread_id"]
    found = await call.context.mailboxes.thread(call.user_id, thread_id)
    if not found:
        raise not_found("there is no such thread in your mailbox")
    # Of threads that became one, either id leads here; what is told is the one that stayed.
    return json_answer(ThreadOut(thread_id=found[0].thread_id, emails=views.lines(found)))


async def changes(call: Call) -> Response:
    """Answer what changed, in order."""
    asked: ChangesQuery = call.query(ChangesQuery)
    found = await call.context.mailboxes.changes(call.user_id, asked.since, asked.limit)
    if found.status == "too-old":
        raise too_old()
    return json_answer(
        ChangesOut(
            changes=tuple(views.change(change) for change in found.changes),
            cursor=found.seq,
            has_more=found.has_more,
        )
    )


def too_old() -> Problem:
    """Return the answer to a cursor from which on changes are not kept."""
    return Problem(
        410,
        "the changes since then are not kept: read folders and listings anew, and go on from the"
        " cursor that GET /me tells",
        kind="cursor-too-old",
    )
