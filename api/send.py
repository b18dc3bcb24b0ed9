"""Sending: a mail is checked, made, and written to the log; then it is safe, and answered.

What can't be sent is told field by field (``api.sending``), how much may be sent in the headers
of the answer. With an Idempotency-Key, asking again sends the same mail, which all stages know
to be the same: nobody gets it twice, and nothing is lost when the first try ended between being
noted and being written. A mail that is sent for later, or may be undone, is written as such, and
can be taken back until its time has come.
"""

import asyncio
import hashlib
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import Response

from api import reminders
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, invalid_parameter, not_found
from api.sending import Checked, checked, uploaded_bytes
from api.shapes import FieldProblem
from api.shapes_sending import Sending, Sent
from topologies.events import RAW_INLINE_BYTES, MailHeld, MailSubmitted
from topologies.events.base import as_kind
from topologies.mail import compose, holding, ids
from topologies.mail.allowance import Allowance, Allowances
from topologies.ports.policy import SendRates
from topologies.ports.request_keys import Claim

COMPOSED_IN_A_THREAD_BYTES = 64 * 1024
COPIES = 4  # of what is sent that are in memory: as it was given, encoded, and as a message
HELD_INLINE_BYTES = 4 * 1024  # what waits is written several times
KEY = re.compile(r"[!-~]{1,255}")


async def send(call: Call) -> Response:
    """Take a mail to be sent."""
    body_bytes = len(await call.raw_body())
    async with room_for(call, body_bytes):
        given: Sending = await call.body(Sending)
        # Of one kind alone, or two who have some could wait for each other for ever.
        more = 0 if is_large(body_bytes) else await uploaded_bytes(call, given)
        async with room_for(call, more):
            return await _send(call, given)


async def _send(call: Call, given: Sending) -> Response:
    key = call.request.headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise invalid_parameter("Idempotency-Key", "it has 1 to 255 visible ASCII characters")
    digest = hashlib.sha256(await call.raw_body()).digest()
    wanted = Submission(given=given, check=lambda: checked(call, given), key=key, digest=digest)
    with alone(call, key, "a request with this Idempotency-Key", "Idempotency-Key"):
        return await submit(call, wanted)


async def cancel(call: Call) -> Response:
    """Take back a mail that was sent for later."""
    context, email_id = call.context, call.path["email_id"]
    held = await holding.noted(context.request_keys, call.user_id, email_id)
    if held is None:
        if await context.mailboxes.summaries(call.user_id, [email_id]):
            raise Problem(409, "it was sent at once, and can't be taken back", kind="sent")
        raise not_found()
    fate = await holding.decide(
        context.request_keys, call.user_id, held.mail_id, held.submitted_at, "cancel"
    )
    if fate == "send":
        raise Problem(409, "it is sent already", kind="sent")
    await reminders.forget(call, email_id)
    await context.scheduled.remove(call.user_id, email_id)
    return Response(status_code=204)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A mail to be sent, and what it is known by when it is asked for again.

    Attributes:
        given: The mail.
        check: Tells what it means, or raises a Problem.
        key: Under which it is claimed; None: asked for again it is another mail.
        digest: Of what is asked under that key.
        draft_id: The draft that it is; empty: none.
        draft_version: Of that.
        freed_bytes: What the mailbox is rid of when it is sent.
    """

    given: Sending
    check: Callable[[], Awaitable[Checked]]
    key: str | None
    digest: bytes
    draft_id: str = ""
    draft_version: str = ""
    freed_bytes: int = 0

    def mail_id(self, due_at: datetime) -> str:
        """Return the id that the mail has if it is asked for the first time."""
        if self.draft_id and self.key:
            return ids.derived_id(due_at, self.key, self.draft_version)
        return ids.new_id(due_at)


async def submit(call: Call, wanted: Submission) -> Response:
    """Take a mail to be sent, unless it was taken before, and answer what became of it.

    Raises:
        Problem: It can't be sent.
    """
    context, now, given, key = call.context, call.context.clock.now(), wanted.given, wanted.key
    earlier = await context.request_keys.find(call.user_id, key) if key is not None else None
    if earlier is not None:
        _check_same(earlier, wanted)
        # What was sent is answered so, whatever became of the quota or the recipients since.
        if await context.mailboxes.summaries(call.user_id, [_email_id(call, earlier)]):
            return sent(call, earlier, is_held=_is_held(call, given))
    mail = await wanted.check()
    due_at = mail.due_at or now
    if earlier is None and given.remind_at is not None:
        _check_reminder(given.remind_at, now, due_at)
    claim = earlier or Claim(
        mail_id=wanted.mail_id(due_at), submitted_at=due_at, digest=wanted.digest
    )
    raw = await _made(given, mail, claim)
    allowance: Allowance | None = None
    if earlier is None:
        await check_room(call, len(raw), freed_bytes=wanted.freed_bytes)
        allowance = await _allowed(call, mail)
        if key is not None:
            fresh = claim
            claim = await context.request_keys.claim(call.user_id, key, fresh)
            _check_same(claim, wanted)
            if claim != fresh:  # another request with this key was faster: it is one mail
                raw = await _made(given, mail, claim)
    try:
        if given.remind_at is not None:
            await reminders.keep(call, _email_id(call, claim), given.remind_at, claim.mail_id)
        await _write(call, wanted, mail, claim, raw)
    except BaseException:
        if allowance is not None:
            await _allowances(call).take_back(call.user, len(mail.recipients))
        raise
    return sent(call, claim, is_held=mail.due_at is not None, allowance=allowance)


async def _write(call: Call, wanted: Submission, mail: Checked, claim: Claim, raw: bytes) -> None:
    """Make the mail safe."""
    context, is_held = call.context, mail.due_at is not None
    is_small = len(raw) <= (HELD_INLINE_BYTES if is_held else RAW_INLINE_BYTES)
    [blob] = [None] if is_small else await context.blobs.put([raw])
    client = call.request.client
    header, _, _ = raw.partition(b"\r\n\r\n")
    submitted = MailSubmitted(
        mail_id=claim.mail_id,
        submitted_at=claim.submitted_at,
        user_id=call.user_id,
        mail_from=mail.sender.address,
        recipients=mail.recipients,
        bcc=tuple(address.address for address in mail.bcc),
        size_bytes=len(raw),
        raw=raw if is_small else None,
        raw_blob=blob,
        client_ip=client.host if client is not None else "",
        stream=wanted.given.stream,
        # RFC 6531 §3.2: of an envelope or a header beyond ASCII
        smtputf8=not (header.isascii() and all(each.isascii() for each in mail.recipients)),
        body_type="7BIT" if raw.isascii() else "8BITMIME",
        draft_id=wanted.draft_id,
        draft_version=wanted.draft_version,
        tls_required="yes" if wanted.given.require_tls else "",  # no: its header says so
    )
    if not is_held:
        await context.log.append([submitted])
        return
    await holding.note(context.request_keys, call.user_id, claim.mail_id, claim.submitted_at)
    held = as_kind(submitted, MailHeld, due_at=claim.submitted_at)
    if wanted.given.send_at is not None:  # what can only be undone waits for a moment
        await context.scheduled.put(held)
    await context.log.append([held])


def sent(
    call: Call, claim: Claim, *, is_held: bool, allowance: Allowance | None = None
) -> Response:
    """Answer that a mail is safe and on its way."""
    return json_answer(
        told(call.user_id, claim, is_held=is_held), 202, headers=_rate_headers(allowance)
    )


def told(user_id: str, claim: Claim, *, is_held: bool) -> Sent:
    """Return what is told of a mail that was sent."""
    return Sent(
        email_id=ids.email_id(claim.mail_id, user_id),
        mail_id=claim.mail_id,
        status="scheduled" if is_held else "queued",
        undo_until=claim.submitted_at.astimezone(UTC) if is_held else None,
    )


def _check_reminder(remind_at: datetime, now: datetime, due_at: datetime) -> None:
    if detail := reminders.why_not_at(remind_at, now, due_at):
        raise invalid(FieldProblem(pointer="/remind_at", detail=detail))


def _email_id(call: Call, claim: Claim) -> str:
    return ids.email_id(claim.mail_id, call.user_id)  # as the stage `split` makes it


def _is_held(call: Call, given: Sending) -> bool:
    undo_s = call.context.settings.undo_s if given.undo_s is None else given.undo_s
    return bool(undo_s) or given.send_at is not None


def is_large(size_bytes: int) -> bool:
    """Return whether so many bytes wait for room."""
    return size_bytes > COMPOSED_IN_A_THREAD_BYTES


@asynccontextmanager
async def room_for(call: Call, size_bytes: int) -> AsyncGenerator[None]:
    """Wait for room in memory for a message that is made of *size_bytes*, and have it.

    Not before its content is here: who is slow to bring that must not keep others waiting.
    """
    if not is_large(size_bytes):
        yield
        return
    async with call.context.room.taken(size_bytes * COPIES):
        yield


@contextmanager
def alone(call: Call, key: str | None, what: str, parameter: str = "") -> Generator[None]:
    """Let one request with *key* at a time be under way in this process.

    Elsewhere two may be: they write the same mail, so only the first one's answer is early.

    Args:
        call: The request.
        key: What it is known by; None: any number may be under way.
        what: What it is called when there is another.
        parameter: The header that the key came by, if it did.
    """
    name = call.user_id, key or ""
    detail = "its request is under way"
    if key is not None and name in call.context.sending:
        raise Problem(
            409,
            f"{what} is under way: ask again in a moment",
            kind="in-progress",
            errors=[FieldProblem(parameter=parameter, detail=detail)] if parameter else [],
            headers={"Retry-After": "1"},
        )
    if key is None:
        yield
        return
    call.context.sending.add(name)
    try:
        yield
    finally:
        call.context.sending.discard(name)


def _check_same(claim: Claim, wanted: Submission) -> None:
    """Return if *claim* is of this request.

    Raises:
        Problem: Its key was used for another mail.
    """
    if claim.digest == wanted.digest:
        return
    if wanted.draft_id:
        raise Problem(
            409,
            "another version of this draft is just being sent: ask again in a moment",
            kind="in-progress",
            headers={"Retry-After": "1"},
        )
    raise Problem(
        422,
        "this Idempotency-Key was used for another mail: take a new one for this",
        kind="key-reused",
        errors=[FieldProblem(parameter="Idempotency-Key", detail="used for another mail")],
    )


async def _made(given: Sending, mail: Checked, claim: Claim) -> bytes:
    draft = compose.Draft(
        message_id=f"{claim.mail_id}@{mail.sender.address.rpartition('@')[2]}",
        date=_to_the_second(claim.submitted_at),
        sender=mail.sender,
        to=mail.to,
        cc=mail.cc,
        reply_to=mail.reply_to,
        subject=given.subject.strip(),
        text=given.body,
        html=given.html,
        files=mail.files,
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        fields=mail.fields,
    )
    size = len(given.body) + len(given.html or "") + sum(len(f.content) for f in mail.files)
    if size <= COMPOSED_IN_A_THREAD_BYTES:
        return compose.compose(draft)
    return await asyncio.to_thread(compose.compose, draft)


def _to_the_second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


async def check_room(call: Call, size_bytes: int, *, freed_bytes: int = 0) -> None:
    """Return if a message of *size_bytes* has room where *freed_bytes* are freed for it.

    Raises:
        Problem: It is too large, or the mailbox is full.
    """
    most = call.context.settings.max_message_bytes
    if size_bytes > most:
        raise Problem(413, f"the mail has {size_bytes:,} bytes of at most {most:,}")
    quota, more = call.user.quota_bytes, size_bytes - freed_bytes
    if quota and more > 0 and await call.context.mailboxes.usage(call.user_id) + more > quota:
        raise Problem(
            507,
            "your mailbox is full: delete something, and empty the trash",
            kind="quota-exceeded",
        )


def _allowances(call: Call) -> Allowances:
    context, settings = call.context, call.context.settings
    rates = SendRates(
        user_per_hour=settings.user_sends_per_hour,
        user_per_day=settings.user_sends_per_day,
        domain_per_hour=settings.domain_sends_per_hour,
    )
    return Allowances(context.limits, context.restraints, rates)


async def _allowed(call: Call, mail: Checked) -> Allowance:
    """Count the mail.

    Raises:
        Problem: It is one too many (429), or its sender may send nothing (403).
    """
    allowance = await _allowances(call).ask(call.user, len(mail.recipients))
    if allowance.refused == "suspended":
        raise Problem(403, allowance.reason, kind="sending-suspended")
    if allowance.refused:
        headers = {**_rate_headers(allowance), "Retry-After": _seconds(allowance.retry_after_s)}
        raise Problem(429, allowance.reason, kind="too-much-mail", headers=headers)
    return allowance


def _rate_headers(allowance: Allowance | None) -> Mapping[str, str]:
    """Return how much more may be sent, as draft-ietf-httpapi-ratelimit-headers has it."""
    if allowance is None or not allowance.quotas:
        return {}
    policies = [f'"{q.name}";q={q.limit};w={q.window_s:.0f}' for q in allowance.quotas]
    left = [f'"{q.name}";r={q.remaining}' for q in allowance.quotas]
    if allowance.refused:
        left[-1] += f";t={_seconds(allowance.retry_after_s)}"
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def _seconds(seconds: float) -> str:
    return str(max(1, math.ceil(seconds)))
