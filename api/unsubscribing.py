"""Getting no more mail of a sender: what a mail offers, and asking for it once (RFC 8058)."""

import hashlib
from dataclasses import replace

from starlette.responses import Response

from api import emails
from api import send as sending
from api.endpoint import Call, json_answer
from api.problems import Problem
from api.sending import checked
from api.shapes_sending import Sending
from api.shapes_unsubscribing import UnsubscribeOut
from topologies.events import SENT, UnsubscribeDue
from topologies.mail import unsubscribing
from topologies.mail.raw import header_of, stream_raw
from topologies.mail.unsubscribing import Offer
from topologies.ports.mailboxes import Email
from topologies.ports.unsubscribes import Unsubscribe

NOT_OFFERED = "this mail offers no way to unsubscribe that can be trusted"
TEXT = "Please send me no more mails like this one.\n"


async def read(call: Call) -> Response:
    """Answer whether no more mail like one can be asked for, or what came of that."""
    email = await emails.find(call, call.user_id)
    kept = await call.context.unsubscribes.find(call.user_id, email.summary.email_id)
    return json_answer(_told(email, kept, Offer() if kept else await _offer(call, email)))


async def ask(call: Call) -> Response:
    """Ask the sender for no more mail like one; once, however often that is asked for."""
    email = await emails.find(call, call.user_id)
    unsubscribes, email_id = call.context.unsubscribes, email.summary.email_id
    kept = await unsubscribes.find(call.user_id, email_id)
    offer = await _offer(call, email)
    if kept is None:
        if not offer.url and not offer.address:
            raise Problem(409, NOT_OFFERED, kind="no-offer")
        wish = Unsubscribe(
            user_id=call.user_id,
            email_id=email_id,
            way="one-click" if offer.url else "mail",
            to=offer.host if offer.url else offer.address,
            asked_at=call.context.clock.now(),
        )
        kept = await unsubscribes.ask(wish)
    if kept.state == "asked":  # also if a request that was cut off asked: nobody may know of it yet
        kept = await _carried_out(call, kept, offer)
    return json_answer(_told(email, kept, offer), 202 if kept.state == "asked" else 200)


async def _carried_out(call: Call, wish: Unsubscribe, offer: Offer) -> Unsubscribe:
    if wish.way == "mail":
        return await _mailed(call, wish, offer)
    if offer.url:
        due = UnsubscribeDue(
            user_id=wish.user_id,
            email_id=wish.email_id,
            host=offer.host,
            url=offer.url,
            asked_at=wish.asked_at,
        )
        await call.context.log.append([due])
    return wish


async def _mailed(call: Call, wish: Unsubscribe, offer: Offer) -> Unsubscribe:
    """Send the mail that asks: by its key it is one, however often it is asked for."""
    given = Sending(
        to=(wish.to,),
        subject=offer.subject or "Unsubscribe",
        body=offer.text or TEXT,
        undo_s=0,
    )

    # No client can give this key: it holds a space.
    key, digest = f"unsubscribe {wish.email_id}", hashlib.sha256(wish.to.encode()).digest()
    wanted = sending.Submission(
        given=given, check=lambda: checked(call, given), key=key, digest=digest
    )
    with sending.alone(call, key, "asking for it"):
        await sending.submit(call, wanted)
    done = replace(wish, state="done", settled_at=call.context.clock.now())
    await call.context.unsubscribes.note(done)
    return done


async def _offer(call: Call, email: Email) -> Offer:
    if email.summary.folder_id == SENT or email.draft is not None:
        return Offer()
    header = await header_of(stream_raw(call.context.blobs, email.raw_ref))
    return unsubscribing.offered(
        header,
        email.authentication,
        is_private_allowed=call.context.settings.webhooks_to_private,
    )


def _told(email: Email, kept: Unsubscribe | None, offer: Offer) -> UnsubscribeOut:
    email_id = email.summary.email_id
    if kept is not None:
        return UnsubscribeOut(
            email_id=email_id,
            way=kept.way,
            to=kept.to,
            state=kept.state,
            asked_at=kept.asked_at,
            settled_at=kept.settled_at,
            next_try_at=kept.next_try_at,
            detail=kept.detail,
        )
    if offer.url:
        return UnsubscribeOut(email_id=email_id, way="one-click", to=offer.host, state="offered")
    if offer.address:
        return UnsubscribeOut(email_id=email_id, way="mail", to=offer.address, state="offered")
    return UnsubscribeOut(email_id=email_id, way="none", to="", state="none")
