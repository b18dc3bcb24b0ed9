"""For administrators: mails that are kept from their recipients, and what becomes of them.

Nothing is decided here but by whoever asks: a mail is let out by being handed in again
(``topologies.quarantine``), or deleted for good.
"""

import asyncio
from typing import Any

import msgspec
from starlette.responses import Response

from api import emails, views, whole
from api.commands import carry_out
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid_parameter, not_found
from api.shapes_emails import EmailOut, EmailQuery
from api.shapes_quarantine import HeldLine, HeldOut, HeldPage, QuarantineQuery, ReleasedOut
from topologies import quarantine
from topologies.events import QUARANTINE_USER
from topologies.ports.mailboxes import Email

UNDER = "/admin/quarantine"


async def list_held(call: Call) -> Response:
    """Answer held mails, newest first."""
    asked: QuarantineQuery = call.query(QuarantineQuery)
    mailboxes = call.context.mailboxes
    folder_id = quarantine.FOLDERS[asked.state]
    try:
        page = await mailboxes.page(
            QUARANTINE_USER, folder_id, limit=asked.limit, cursor=asked.cursor
        )
    except ValueError:
        raise invalid_parameter("cursor", "it is no next_cursor of this listing") from None
    if page is None:
        raise not_found()
    found = await asyncio.gather(
        *(mailboxes.email(QUARANTINE_USER, line.email_id) for line in page.emails)
    )
    return json_answer(
        HeldPage(
            emails=tuple(_line(email) for email in found if email is not None),
            total_count=page.total_count,
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
    )


async def read(call: Call) -> Response:
    """Answer a held mail; `findings` say what was found in it."""
    asked: EmailQuery = call.query(EmailQuery)
    email = await emails.find(call, QUARANTINE_USER)
    shown = await whole.mail(call.context, email, asked, under=UNDER)
    known: dict[str, Any] = {name: getattr(shown, name) for name in EmailOut.__struct_fields__}
    return json_answer(
        HeldOut(
            **known,
            mail_from=email.mail_from,
            recipients=tuple(quarantine.recipients_of(email)),
            state=quarantine.state_of(email),
        )
    )


async def raw(call: Call) -> Response:
    """Answer a held message as it was accepted."""
    return await emails.raw_of(call, await emails.find(call, QUARANTINE_USER))


async def attachment(call: Call) -> Response:
    """Answer where an attachment of a held mail can be fetched, to be examined."""
    return await emails.attachment_of(call, await emails.find(call, QUARANTINE_USER))


async def release(call: Call) -> Response:
    """Hand a held mail in again, to all whom it was for; nobody gets it twice."""
    context = call.context
    email = await emails.find(call, QUARANTINE_USER)
    mail = await quarantine.release(email, context.blobs, by=call.user.address)
    if mail is None:
        raise Problem(409, "its envelope was not kept, so nobody knows whom it is for")
    # First what must not be lost: done again, it leads to no second copy.
    await context.log.append([mail])
    command = quarantine.moved(email, at=context.clock.now(), answer=True)
    if (pending := await carry_out(context, [command])) is not None:
        return pending
    return json_answer(
        ReleasedOut(
            email_id=email.summary.email_id,
            mail_id=mail.mail_id,
            recipients=mail.recipients,
            state="released",
            received_at=mail.received_at,
        )
    )


async def drop(call: Call) -> Response:
    """Delete a held mail for good; those let out stay with whom they went to."""
    email = await emails.find(call, QUARANTINE_USER)
    command = quarantine.dropped(email, at=call.context.clock.now(), answer=True)
    return await carry_out(call.context, [command]) or Response(status_code=204)


def _line(email: Email) -> HeldLine:
    return HeldLine(
        **msgspec.structs.asdict(views.line(email.summary)),
        mail_id=email.mail_id,
        mail_from=email.mail_from,
        recipients=tuple(quarantine.recipients_of(email)),
        state=quarantine.state_of(email),
        note=email.note,
        findings=views.findings(email.virus),
    )
