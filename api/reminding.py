"""Reminders of mail that was sent and has no answer: set, changed, listed and taken back.

As with mail that is put off (``api.snoozing``), of which this is the counterpart.
"""

from starlette.responses import Response

from api import emails, reminders, views
from api.coming_back import summaries_of
from api.endpoint import Call, json_answer
from api.listing import Place, rank_of, stretch
from api.problems import Problem, invalid, not_found
from api.shapes import FieldProblem, StretchQuery
from api.shapes_reminding import ReminderIn, ReminderOut, RemindersOut
from topologies.events import SENT
from topologies.mail import ids, reminding
from topologies.ports.mailboxes import Summary
from topologies.ports.snoozes import Snooze

NO_REMINDER = "there is no reminder of this mail"


async def list_reminders(call: Call) -> Response:
    """Answer mails that were sent and wait for an answer."""
    asked: StretchQuery = call.query(StretchQuery)
    mine = [each for each in await call.context.snoozes.of(call.user_id) if each.is_reminder]
    there = await summaries_of(call, [each.email_id for each in mine])
    kept = [
        each
        for each in mine
        if each.email_id in there and reminders.is_pending(call, each, there[each.email_id])
    ]
    part = stretch(kept, asked, _place)
    told = tuple(_told(each, there[each.email_id]) for each in part.items)
    return json_answer(RemindersOut(reminders=told, **part.told))


async def read(call: Call) -> Response:
    """Answer when one is reminded of a mail."""
    email = await emails.find(call, call.user_id)
    if (kept := await reminders.pending(call, email.summary)) is None:
        raise not_found(NO_REMINDER)
    return json_answer(_told(kept, email.summary))


async def remind(call: Call) -> Response:
    """Have the user reminded of a mail that they sent, or at another time."""
    given: ReminderIn = await call.body(ReminderIn)
    sent = (await emails.find(call, call.user_id)).summary
    now = call.context.clock.now()
    if detail := reminders.why_not_at(given.remind_at, now, sent.created_at):
        raise invalid(FieldProblem(pointer="/remind_at", detail=detail))
    if sent.folder_id != SENT:
        raise Problem(409, "one is reminded of mail in Sent alone", kind="not-sent")
    if await reminding.is_answered(call.context.mailboxes, call.user_id, sent):
        raise Problem(409, "somebody has answered this mail already", kind="answered")
    await reminders.keep(call, sent.email_id, given.remind_at, ids.new_id(now))
    kept = await reminders.pending(call, sent)
    if kept is None:  # it was taken back at once elsewhere, or its time has come
        raise not_found(NO_REMINDER)
    return json_answer(_told(kept, sent))


async def cancel(call: Call) -> Response:
    """Take a reminder back."""
    email = await emails.find(call, call.user_id)
    is_there = await reminders.pending(call, email.summary) is not None
    if not is_there or not await reminders.forget(call, email.summary.email_id):
        raise not_found(NO_REMINDER)
    return Response(status_code=204)


def _place(kept: Snooze) -> Place:
    return rank_of(kept.until), kept.email_id


def _told(kept: Snooze, sent: Summary) -> ReminderOut:
    return ReminderOut(email_id=sent.email_id, remind_at=kept.until, email=views.line(sent))
