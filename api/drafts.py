"""Drafts: begun, saved as often as their writer likes, read, discarded. Nothing is lost in between.

A draft lies in the folder of drafts under one id. Each time it is saved it has another version,
which ETag tells; who saves names the version that they wrote on, and is told 412 if there is
another. A request that is asked again after a timeout comes to the same version.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from api import draft_form, draft_sending
from api.commands import carry_out, deletion, stamp
from api.draft_versions import GONE, changed, names, tags_of
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid_parameter, not_found
from api.send import KEY, check_room, room_for
from api.shapes_drafts import DraftIn, DraftOut
from api.shapes_emails import DeleteQuery
from topologies.events import ANY_VERSION, Draft, SaveDraft
from topologies.mail import ids
from topologies.ports.mailboxes import Email
from topologies.ports.request_keys import Claim

NONE: Mapping[str, str] = {}


async def create(call: Call) -> Response:
    """Begin a draft."""
    async with room_for(call, len(await call.raw_body())):
        return await _create(call)


async def _create(call: Call) -> Response:
    given: DraftIn = await call.body(DraftIn)
    draft_id = await _new_id(call)
    # Of a request that is asked again: the same command, which changes nothing more.
    version = ids.command_id("draft", call.user_id, draft_id)
    kept = await draft_form.stored(call, given, draft_id=draft_id, version=version, before=None)
    await check_room(call, kept.raw_ref.size_bytes)
    stamped: dict[str, Any] = stamp(call.context, call.user_id) | {"command_id": version}
    command = SaveDraft(
        **stamped,
        email_id=draft_id,
        draft=kept.draft,
        message=kept.message,
        raw_ref=kept.raw_ref,
    )
    where = {"Location": f"/drafts/{draft_id}"}
    pending = await carry_out(call.context, [command])
    if pending is not None:
        pending.headers.update(where)
        return pending
    told = await draft_form.shown(call, *await find(call, draft_id), None)
    # If it was saved since, what is there must not be taken for what was begun.
    return _whole(msgspec.structs.replace(told, etag=f'"{version}"'), 201, where)


async def read(call: Call) -> Response:
    """Answer a draft as it was typed."""
    return _whole(await _shown(call, *await find(call, call.path["draft_id"])))


async def save(call: Call) -> Response:
    """Save a draft in place of the version that was written on."""
    async with room_for(call, len(await call.raw_body())):
        return await _save(call)


async def _save(call: Call) -> Response:
    given: DraftIn = await call.body(DraftIn)
    tags = tags_of(call)
    if not tags:
        raise Problem(
            428,
            "say with If-Match which version you wrote on; * replaces whichever is there",
            kind="if-match-missing",
        )
    email, draft = await find(call, call.path["draft_id"])
    digest = hashlib.sha256(await call.raw_body()).hexdigest()
    made = {tag: _version(call, tag, digest) for tag in tags if tag != ANY_VERSION}
    if draft.version in made.values():
        return _whole(await _shown(call, email, draft))  # it is asked again: that is what is there
    replaces = ANY_VERSION if ANY_VERSION in tags else draft.version
    if replaces not in tags:
        raise changed()
    await draft_sending.check_not_scheduled(call, email.summary.email_id, draft)
    stamped = stamp(call.context, call.user_id)
    version: str = made.get(replaces) or stamped["command_id"]
    stamped |= {"command_id": version}
    kept = await draft_form.stored(
        call, given, draft_id=email.summary.email_id, version=version, before=email
    )
    await check_room(call, kept.raw_ref.size_bytes, freed_bytes=email.raw_ref.size_bytes)
    command = SaveDraft(
        **stamped,
        email_id=email.summary.email_id,
        replaces=replaces,
        draft=kept.draft,
        message=kept.message,
        raw_ref=kept.raw_ref,
    )
    pending = await carry_out(call.context, [command])
    if pending is not None:
        return pending
    email, draft = await find(call, call.path["draft_id"])
    if draft.version != version:  # another came right after: its ETag must not be taken for ours
        raise changed()
    return _whole(await draft_form.shown(call, email, draft, None))


async def discard(call: Call) -> Response:
    """Move a draft to trash; what lies there is gone for good."""
    asked: DeleteQuery = call.query(DeleteQuery)
    email, draft = await find(call, call.path["draft_id"])
    tags = tags_of(call)
    if tags and not names(tags, draft):
        raise changed()
    await draft_sending.check_not_scheduled(call, email.summary.email_id, draft)
    named = [email.summary.email_id]
    command = deletion(call.context, call.user_id, named, permanent=asked.permanent)
    return await carry_out(call.context, [command]) or Response(status_code=204)


async def find(call: Call, draft_id: str) -> tuple[Email, Draft]:
    """Return a draft as it lies in the mailbox, and as it was typed.

    Raises:
        Problem: It is not there, or no draft.
    """
    email = await call.context.mailboxes.email(call.user_id, draft_id)
    if email is None or email.draft is None:
        raise not_found(GONE)
    return email, email.draft


async def _new_id(call: Call) -> str:
    """Return the id of a new draft: the same one when the same request is asked again."""
    now = call.context.clock.now()
    fresh = ids.new_id(now)
    key = call.request.headers.get("idempotency-key")
    if key is None:
        return fresh
    if not KEY.fullmatch(key):
        raise invalid_parameter("Idempotency-Key", "it has 1 to 255 visible ASCII characters")
    digest = hashlib.sha256(await call.raw_body()).digest()
    wanted = Claim(mail_id=fresh, submitted_at=now, digest=digest)
    claim = await call.context.request_keys.claim(call.user_id, f"begin draft {key}", wanted)
    if claim.digest != digest:
        detail = "this Idempotency-Key was used for another draft: take a new one for this"
        raise Problem(422, detail, kind="key-reused")
    return claim.mail_id


def _version(call: Call, tag: str, digest: str) -> str:
    return ids.command_id("draft", call.user_id, call.path["draft_id"], tag, digest)


def _whole(told: DraftOut, status: int = 200, headers: Mapping[str, str] = NONE) -> Response:
    return json_answer(told, status, headers={"ETag": told.etag, **headers})


async def _shown(call: Call, email: Email, draft: Draft) -> DraftOut:
    """Return what is told of a draft that may be sent later."""
    sending = await draft_sending.scheduled(call, email.summary.email_id, draft)
    return await draft_form.shown(call, email, draft, sending)
