"""Mails that are put off: out of the inbox now, back on top of it at their time.

What is kept of a wish comes first, then what brings the mail back, then the mail is moved: so
whatever moment this process ends at, no mail is put away that nothing brings back.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from starlette.responses import Response

from api import emails, folders, views
from api.coming_back import summaries_of
from api.commands import carry_out, stamp
from api.endpoint import Call, json_answer
from api.listing import Place, rank_of, stretch
from api.problems import Problem, invalid, not_found
from api.shapes import FieldProblem, StretchQuery
from api.shapes_snoozing import SnoozedMailsOut, SnoozedOut, SnoozeIn
from topologies.events import (
    DRAFTS,
    INBOX,
    SENT,
    SPAM,
    TRASH,
    Command,
    CreateFolder,
    MoveEmails,
    SnoozeDue,
)
from topologies.mail import ids, snoozing
from topologies.ports.mailboxes import Email, Summary
from topologies.ports.snoozes import Snooze

NOT_SNOOZED = "this mail is not put off"
_NEVER_PUT_OFF = (DRAFTS, SENT, SPAM, TRASH)


async def list_snoozed(call: Call) -> Response:
    """Answer mails that are put off."""
    asked: StretchQuery = call.query(StretchQuery)
    mine = await call.context.snoozes.of(call.user_id)
    wishes = [each for each in mine if not each.is_reminder]
    named = [each.email_id for each in wishes]
    there = await summaries_of(call, named)
    found = {name: line for name, line in there.items() if line.folder_id == snoozing.SNOOZED}
    kept = [each for each in wishes if each.email_id in found]
    part = stretch(kept, asked, _place)
    told = tuple(_told(each, found) for each in part.items)
    return json_answer(SnoozedMailsOut(snoozed=told, **part.told))


async def read(call: Call) -> Response:
    """Answer until when a mail is put off."""
    email = await emails.find(call, call.user_id)
    kept = await _kept(call, email)
    return json_answer(_told(kept, {kept.email_id: email.summary}))


async def snooze(call: Call) -> Response:
    """Put a mail off, or to another time."""
    given: SnoozeIn = await call.body(SnoozeIn)
    email = await emails.find(call, call.user_id)
    if detail := why_not_until(given.until, call.context.clock.now()):
        raise invalid(FieldProblem(pointer="/until", detail=detail))
    due = await keep(call, email.summary, given.until)
    await call.context.log.append([due])
    if (commands := await _put_away(call, email)) and (
        pending := await carry_out(call.context, commands)
    ) is not None:
        return pending
    lines = await call.context.mailboxes.summaries(call.user_id, [due.email_id])
    kept = await call.context.snoozes.find(call.user_id, due.email_id)
    if kept is None and lines and lines[0].folder_id == snoozing.SNOOZED:
        # It was taken back before it was put away: this request is the later one.
        await keep(call, lines[0], given.until)
        kept = await call.context.snoozes.find(call.user_id, due.email_id)
    if not lines or kept is None:
        raise not_found(emails.GONE)
    return json_answer(_told(kept, {kept.email_id: lines[0]}))


def why_not_until(until: datetime, now: datetime) -> str:
    """Return why nothing can be put off *until* then; empty if it can."""
    if now < until <= now + snoozing.LONGEST:
        return ""
    return f"it lies in the future, and within {snoozing.LONGEST.days} days"


async def keep(call: Call, summary: Summary, until: datetime) -> SnoozeDue:
    """Keep the wish to put a mail off; return what brings it back, which is to be written then.

    Raises:
        Problem: It can't be put off.
    """
    email = await call.context.mailboxes.email(call.user_id, summary.email_id)
    if email is None:
        raise not_found(emails.GONE)
    if email.draft is not None or email.summary.folder_id in _NEVER_PUT_OFF:
        raise Problem(409, "only mail that was received can be put off", kind="not-received")
    wish = await _wish(call, email, until.astimezone(UTC))
    try:
        await call.context.snoozes.put(wish)
    except ValueError as error:
        raise Problem(409, str(error), kind="too-many-snoozed") from error
    return SnoozeDue(user_id=call.user_id, email_id=wish.email_id, until=wish.until)


async def folder_first(call: Call) -> Sequence[Command]:
    """Return what makes the folder of what is put off, if it is not there."""
    name = snoozing.name_for(await call.context.mailboxes.folders(call.user_id))
    if name is None:
        return []
    return [
        CreateFolder(**stamp(call.context, call.user_id), folder_id=snoozing.SNOOZED, name=name)
    ]


async def cancel(call: Call) -> Response:
    """Put a mail back to where it lay."""
    email = await emails.find(call, call.user_id)
    kept = await _kept(call, email)
    is_home = kept.folder_id in await folders.seen(call)
    move = MoveEmails(
        **stamp(call.context, call.user_id),
        email_ids=(kept.email_id,),
        folder_id=kept.folder_id if is_home else INBOX,
    )
    pending = await carry_out(call.context, [move])
    # Only now: a mail that lies there still is brought back at its time.
    await call.context.snoozes.remove(call.user_id, kept.email_id, kept.snooze_id)
    return pending or Response(status_code=204)


async def _kept(call: Call, email: Email) -> Snooze:
    kept = await call.context.snoozes.find(call.user_id, email.summary.email_id)
    if kept is None or kept.is_reminder or email.summary.folder_id != snoozing.SNOOZED:
        raise not_found(NOT_SNOOZED)
    return kept


async def _wish(call: Call, email: Email, until: datetime) -> Snooze:
    """Return the wish; of a mail that is put off already, where it lay before."""
    email_id, folder_id = email.summary.email_id, email.summary.folder_id
    if folder_id == snoozing.SNOOZED:
        before = await call.context.snoozes.find(call.user_id, email_id)
        folder_id = INBOX if before is None or before.is_reminder else before.folder_id
    return Snooze(
        user_id=call.user_id,
        email_id=email_id,
        snooze_id=ids.new_id(call.context.clock.now()),
        until=until,
        folder_id=folder_id,
    )


async def _put_away(call: Call, email: Email) -> Sequence[Command]:
    """Return what puts *email* away; nothing if it is."""
    if email.summary.folder_id == snoozing.SNOOZED:
        return []
    move = MoveEmails(
        **stamp(call.context, call.user_id),
        email_ids=(email.summary.email_id,),
        folder_id=snoozing.SNOOZED,
    )
    return [*await folder_first(call), move]


def _place(kept: Snooze) -> Place:
    return rank_of(kept.until), kept.email_id


def _told(kept: Snooze, lines: Mapping[str, Summary]) -> SnoozedOut:
    return SnoozedOut(
        email_id=kept.email_id,
        until=kept.until,
        folder_id=kept.folder_id,
        email=views.line(lines[kept.email_id]),
    )
