"""Mails that were sent for later, and wait: in no folder yet, so they are listed here."""

from starlette.responses import Response

from api import views
from api.context import Context
from api.endpoint import Call, json_answer
from api.listing import Place, rank_of, stretch
from api.shapes import StretchQuery
from api.shapes_scheduled import ScheduledMailsOut, ScheduledOut
from topologies.events import MailHeld
from topologies.mail import dkim_canonical, holding, ids
from topologies.mail.message import parse_message
from topologies.mail.raw import header_of

HEADER_BYTES = 16 * 1024  # read of a large mail: who it is for, and its subject


async def list_scheduled(call: Call) -> Response:
    """Answer mails that are to be sent later."""
    asked: StretchQuery = call.query(StretchQuery)
    part = stretch(await _waiting(call), asked, _place)
    told = [await _told(call.context, mail) for mail in part.items if await _waits(call, mail)]
    return json_answer(ScheduledMailsOut(scheduled=tuple(told), **part.told))


async def _waiting(call: Call) -> list[MailHeld]:
    """Return the user's mails whose time is to come."""
    now, kept = call.context.clock.now(), holding.kept_of(call.context.scheduled, call.user_id)
    return [mail async for mail in kept if mail.due_at > now]


async def _waits(call: Call, mail: MailHeld) -> bool:
    """Return whether it was not taken back in this moment, or before a crash."""
    keys = call.context.request_keys
    return await holding.is_undecided(keys, call.user_id, _email_id(mail))


async def _told(context: Context, mail: MailHeld) -> ScheduledOut:
    message = parse_message(await _header(context, mail)).message
    return ScheduledOut(
        email_id=_email_id(mail),
        mail_id=mail.mail_id,
        send_at=mail.due_at,
        subject=message.subject,
        to=views.addresses(message.to),
        cc=views.addresses(message.cc),
        bcc=mail.bcc,
        size=mail.size_bytes,
        draft_id=mail.draft_id or None,
    )


async def _header(context: Context, mail: MailHeld) -> bytes:
    """Return the header of *mail*, or how it begins if that is large."""
    if mail.raw is not None:
        header, _ = dkim_canonical.split(mail.raw)
        return header
    if mail.raw_blob is None:
        return b""
    return await header_of(context.blobs.stream(mail.raw_blob, 0, HEADER_BYTES))


def _place(mail: MailHeld) -> Place:
    return rank_of(mail.due_at), mail.mail_id


def _email_id(mail: MailHeld) -> str:
    return ids.email_id(mail.mail_id, mail.user_id)
