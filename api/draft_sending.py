"""Sending a draft: exactly once, however often it is asked for and whatever is killed meanwhile.

What is sent is the draft as it was saved last. Before anything is written, it is claimed under
the draft's id (``RequestKeys``): whoever asks again, also after a crash, comes to the same mail
with the same ids, which all stages know to be one. The draft is gone when the sender's copy is
there, in the same step of the mailbox; so there is no moment at which neither is, or both are.

A mail that is to be sent later leaves its draft where it is, and can be taken back. Then the
draft can be sent again: that is the next claim, under the next number.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from starlette.responses import Response

from api import draft_form
from api.draft_versions import GONE, changed, names, tags_of
from api.endpoint import Call
from api.problems import Problem, not_found
from api.send import Submission, alone, room_for, sent, submit, told
from api.sending import Checked, checked
from api.shapes_sending import Sending, Sent
from topologies.events import DRAFTS, Draft
from topologies.mail import compose, holding, ids
from topologies.ports.mailboxes import Email, Summary
from topologies.ports.request_keys import Claim

MOST_CLAIMS = 8  # of one draft: times that it is sent, taken back, and sent again
FORGOTTEN_AFTER = timedelta(days=1)  # a claim is kept at least as long


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of a draft that was sent.

    Attributes:
        last: What it was sent as, unless that was taken back.
        key: Under which the last is claimed, or the next will be; None: it was too often.
        next_key: Under which the next will be claimed.
    """

    last: Claim | None
    key: str
    next_key: str | None


async def send_draft(call: Call) -> Response:
    """Send a draft as it was saved last."""
    draft_id = call.path["draft_id"]
    with alone(call, f"draft {draft_id}", "a request to send this draft"):
        known = await _known(call, draft_id)
        email = await call.context.mailboxes.email(call.user_id, draft_id)
        if email is None or email.draft is None:
            return await _again(call, known.last)
        tags = tags_of(call)
        if tags and not names(tags, email.draft):
            raise changed()
        return await _send(call, email, email.draft, known)


async def scheduled(call: Call, draft_id: str, draft: Draft) -> Sent | None:
    """Return as what *draft* is to be sent later; None: it is not."""
    known = await _known(call, draft_id)
    last = known.last
    if last is None or last.digest != draft.version.encode():
        return None
    email_id = ids.email_id(last.mail_id, call.user_id)
    is_held = await holding.noted(call.context.request_keys, call.user_id, email_id) is not None
    return told(call.user_id, last, is_held=True) if is_held else None


async def check_may_go(call: Call, mail: Summary) -> None:
    """Return if *mail* may be deleted: it is no draft that is to be sent later.

    Raises:
        Problem: It is one: whoever deletes it would find it sent all the same.
    """
    # Most drafts were never sent: that takes less to be known than to read them.
    if mail.folder_id != DRAFTS or (await _known(call, mail.email_id)).last is None:
        return
    email = await call.context.mailboxes.email(call.user_id, mail.email_id)
    if email is not None and email.draft is not None:
        await check_not_scheduled(call, mail.email_id, email.draft)


async def check_not_scheduled(call: Call, draft_id: str, draft: Draft) -> None:
    """Return if *draft* may be changed.

    Raises:
        Problem: It is to be sent later as it is.
    """
    sending = await scheduled(call, draft_id, draft)
    if sending is not None:
        raise Problem(
            409,
            "it is to be sent later as it is: take that back first, by"
            f" DELETE /emails/{sending.email_id}/send",
            kind="draft-scheduled",
        )


async def _send(call: Call, email: Email, draft: Draft, known: _Known) -> Response:
    digest = draft.version.encode()
    is_again = known.last is not None and known.last.digest == digest
    key = known.key if is_again else known.next_key
    if key is None:
        raise Problem(409, "it was taken back too often: make a new draft of it, and send that")
    given = await draft_form.sending_of(call, email, draft)

    async def check() -> Checked:
        return await _checked(call, email, given)

    wanted = Submission(
        given=given,
        check=check,
        key=key,
        digest=digest,
        draft_id=email.summary.email_id,
        draft_version=draft.version,
        freed_bytes=email.summary.size_bytes,
    )
    async with room_for(call, email.summary.size_bytes):
        return await submit(call, wanted)


async def _checked(call: Call, email: Email, given: Sending) -> Checked:
    """Return what the draft means, with its files and what it answers."""
    mail = await checked(call, given)
    message, blobs = email.message, call.context.blobs
    contents = await asyncio.gather(*(blobs.get(each.blob) for each in message.attachments))
    return replace(
        mail,
        in_reply_to=message.in_reply_to[0] if message.in_reply_to else "",
        references=message.references,
        files=tuple(
            compose.File(name=each.file_name, content_type=each.content_type, content=content)
            for each, content in zip(message.attachments, contents, strict=True)
        ),
    )


async def _again(call: Call, claim: Claim | None) -> Response:
    """Answer what was answered when the draft, which is gone, was sent.

    It went as the sender's copy came. Without one it was discarded, after it was claimed in vain.

    Raises:
        Problem: It was not sent, or the sender's copy is gone as well.
    """
    if claim is None:
        raise not_found(GONE)
    email_id = ids.email_id(claim.mail_id, call.user_id)
    if not await call.context.mailboxes.summaries(call.user_id, [email_id]):
        raise not_found(GONE)
    held = await holding.noted(call.context.request_keys, call.user_id, email_id)
    return sent(call, claim, is_held=held is not None)


async def _known(call: Call, draft_id: str) -> _Known:
    """Return as what a draft was sent.

    Raises:
        Problem: It is no id of a draft.
    """
    try:
        age = call.context.clock.now() - ids.time_of(draft_id)
    except (ValueError, OverflowError, OSError):
        raise not_found(GONE) from None
    claims = await _claims(call, draft_id, is_old=age > FORGOTTEN_AFTER)
    following = max((number for number, _ in claims), default=-1) + 1
    next_key = _key(draft_id, following) if following < MOST_CLAIMS else None
    for number, claim in reversed(claims):
        email_id = ids.email_id(claim.mail_id, call.user_id)
        if not await holding.is_taken_back(call.context.request_keys, call.user_id, email_id):
            return _Known(last=claim, key=_key(draft_id, number), next_key=next_key)
    return _Known(last=None, key="", next_key=next_key)


async def _claims(call: Call, draft_id: str, *, is_old: bool) -> Sequence[tuple[int, Claim]]:
    """Return the claims of a draft that are kept, with their numbers."""
    keys, user_id = call.context.request_keys, call.user_id
    if is_old:  # its first ones may be forgotten, and later ones not
        names = [_key(draft_id, number) for number in range(MOST_CLAIMS)]
        all_kept = await asyncio.gather(*(keys.find(user_id, name) for name in names))
        return [(number, claim) for number, claim in enumerate(all_kept) if claim is not None]
    found: list[tuple[int, Claim]] = []
    for number in range(MOST_CLAIMS):
        claim = await keys.find(user_id, _key(draft_id, number))
        if claim is None:
            break
        found.append((number, claim))
    return found


def _key(draft_id: str, number: int) -> str:
    return f"draft {draft_id} {number}"  # no client's key has a space
