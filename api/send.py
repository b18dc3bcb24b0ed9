"""Sending: a mail is checked, made, and written to the log; then it is safe, and answered.

What can't be sent is told field by field (JSON Pointer). With an Idempotency-Key, asking again
sends the same mail, which all stages know to be the same: nobody gets it twice, and nothing
is lost when the first try ended between being noted and being written.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from api.context import Context
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, invalid_parameter
from api.shapes import AddressIn, FieldProblem, Recipient, Sending, Sent
from topologies.events import RAW_INLINE_BYTES, Address, MailSubmitted
from topologies.mail import compose, ids, mailbox_address
from topologies.ports.directory import User
from topologies.ports.request_keys import Claim

COMPOSED_IN_A_THREAD_BYTES = 64 * 1024
_KEY = re.compile(r"[!-~]{1,255}")
# Visible ASCII but <, > and @: what a header can carry as it is (RFC 5322 §3.6.4).
_MESSAGE_ID = re.compile(r"<?([!-;=?A-~]{1,490}@[!-;=?A-~]{1,490})>?")


async def send(call: Call) -> Response:
    """Take a mail to be sent."""
    given: Sending = await call.body(Sending)
    key = call.request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise invalid_parameter("Idempotency-Key", "it has 1 to 255 visible ASCII characters")
    context, now = call.context, call.context.clock.now()
    digest = hashlib.sha256(await call.raw_body()).digest()
    claim = Claim(mail_id=ids.new_id(now), submitted_at=now, digest=digest)
    earlier = await context.request_keys.find(call.user_id, key) if key is not None else None
    if earlier is not None:
        claim = _same(earlier, digest)
        # What was sent is answered so, whatever became of the quota or the recipients since.
        if await context.mailboxes.summaries(call.user_id, [_email_id(call, claim)]):
            return _sent(call, claim)
    checked = await _checked(call, given)
    raw = await _made(given, checked, claim)
    if earlier is None:
        await _check_room(call, len(raw))
        if key is not None:
            fresh = claim
            claim = _same(await context.request_keys.claim(call.user_id, key, fresh), digest)
            if claim != fresh:  # another request with this key was faster: it is one mail
                raw = await _made(given, checked, claim)
    is_small = len(raw) <= RAW_INLINE_BYTES
    [blob] = [None] if is_small else await context.blobs.put([raw])
    submitted = MailSubmitted(
        mail_id=claim.mail_id,
        submitted_at=claim.submitted_at,
        user_id=call.user_id,
        mail_from=checked.sender.address,
        recipients=checked.recipients,
        bcc=tuple(address.address for address in checked.bcc),
        size_bytes=len(raw),
        raw=raw if is_small else None,
        raw_blob=blob,
    )
    await context.log.append([submitted])
    return _sent(call, claim)


def _sent(call: Call, claim: Claim) -> Response:
    told = Sent(email_id=_email_id(call, claim), mail_id=claim.mail_id, status="queued")
    return json_answer(told, 202)


def _email_id(call: Call, claim: Claim) -> str:
    return ids.email_id(claim.mail_id, call.user_id)  # as the stage `split` makes it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What the request means, once all of it is known to be possible."""

    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    in_reply_to: str
    references: tuple[str, ...]

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(a.address for a in (*self.to, *self.cc, *self.bcc)))


class _Errors(list[FieldProblem]):
    def add(self, pointer: str, detail: str) -> None:
        self.append(FieldProblem(pointer=pointer, detail=detail))


async def _checked(call: Call, given: Sending) -> _Checked:
    """Return what is to be sent.

    Raises:
        Problem: What can't be sent, field by field.
    """
    errors = _Errors()
    sender = await _sender(call.context, call.user, given.from_, errors)
    people = {
        name: await _recipients(call.context, name, addresses, errors)
        for name, addresses in (("to", given.to), ("cc", given.cc), ("bcc", given.bcc))
    }
    most = call.context.settings.max_recipients
    count = len(given.to) + len(given.cc) + len(given.bcc)
    if count == 0:
        errors.add("/to", "say to whom: an address is missing")
    elif count > most:
        errors.add("/to", f"a mail has at most {most} recipients")
    if compose.has_controls(given.subject):
        errors.add("/subject", "a subject is one line without control characters")
    for index, file in enumerate(given.attachments):
        if compose.has_controls(file.file_name):
            errors.add(f"/attachments/{index}/file_name", "it holds a control character")
        if not compose.is_content_type(file.content_type):
            errors.add(f"/attachments/{index}/content_type", "write a type as application/pdf")
    in_reply_to, references = await _answered(call, given.in_reply_to, errors)
    if errors:
        raise invalid(*errors)
    return _Checked(sender=sender, in_reply_to=in_reply_to, references=references, **people)


async def _sender(
    context: Context, user: User, given: Recipient | None, errors: _Errors
) -> Address:
    if given is None:
        return Address(
            address=user.address, name="" if compose.has_controls(user.name) else user.name
        )
    address = _address("/from", given, errors)
    if address is not None:
        targets = (await context.directory.resolve(address.address)).targets
        if [target.user_id for target in targets] == [user.user_id]:
            return address
        errors.add("/from", f"{address.address} is no address of yours")
    return Address(address=user.address)


async def _recipients(
    context: Context, name: str, given: Sequence[Recipient], errors: _Errors
) -> tuple[Address, ...]:
    found: list[Address] = []
    for index, each in enumerate(given[: context.settings.max_recipients]):
        pointer = f"/{name}/{index}"
        address = _address(pointer, each, errors)
        if address is None:
            continue
        status = (await context.directory.resolve(address.address)).status
        if status == "unknown":
            errors.add(pointer, f"there is no mailbox {address.address}")
        elif status == "foreign":
            errors.add(
                pointer, f"mail to {address.address.rpartition('@')[2]} can't be sent from here"
            )
        else:
            found.append(address)
    return tuple(found)


def _address(pointer: str, given: Recipient, errors: _Errors) -> Address | None:
    given = given if isinstance(given, AddressIn) else AddressIn(address=given)
    if compose.has_controls(given.name):
        errors.add(f"{pointer}/name", "a name is one line without control characters")
        return None
    try:
        parsed = mailbox_address.parse(given.address.strip())
    except ValueError as error:
        errors.add(pointer, str(error))
        return None
    return Address(address=str(parsed), name=given.name.strip())


async def _answered(call: Call, given: str | None, errors: _Errors) -> tuple[str, tuple[str, ...]]:
    """Return the Message-ID of the mail that is answered, and its references."""
    if not given:
        return "", ()
    if match := _MESSAGE_ID.fullmatch(given.strip()):
        return match[1], ()
    email = await call.context.mailboxes.email(call.user_id, given)
    if email is None:
        errors.add("/in_reply_to", "it is neither a mail of yours nor a Message-ID")
        return "", ()
    message = email.message
    if not _MESSAGE_ID.fullmatch(message.message_id):
        return "", ()  # that mail has none, or none that can be written: nothing to refer to
    known = message.references or message.in_reply_to
    return message.message_id, tuple(each for each in known if _MESSAGE_ID.fullmatch(each))


def _same(claim: Claim, digest: bytes) -> Claim:
    """Return *claim* if it is of this request.

    Raises:
        Problem: Its key was used for another mail.
    """
    if claim.digest == digest:
        return claim
    raise Problem(
        422,
        "this Idempotency-Key was used for another mail: take a new one for this",
        kind="key-reused",
        errors=[FieldProblem(parameter="Idempotency-Key", detail="used for another mail")],
    )


async def _made(given: Sending, checked: _Checked, claim: Claim) -> bytes:
    draft = compose.Draft(
        message_id=f"{claim.mail_id}@{checked.sender.address.rpartition('@')[2]}",
        date=_to_the_second(claim.submitted_at),
        sender=checked.sender,
        to=checked.to,
        cc=checked.cc,
        subject=given.subject.strip(),
        text=given.body,
        html=given.html,
        files=[
            compose.File(name=f.file_name, content_type=f.content_type, content=f.data)
            for f in given.attachments
        ],
        in_reply_to=checked.in_reply_to,
        references=checked.references,
    )
    size = len(given.body) + len(given.html or "") + sum(len(f.data) for f in given.attachments)
    if size <= COMPOSED_IN_A_THREAD_BYTES:
        return compose.compose(draft)
    return await asyncio.to_thread(compose.compose, draft)


def _to_the_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


async def _check_room(call: Call, size_bytes: int) -> None:
    most = call.context.settings.max_message_bytes
    if size_bytes > most:
        raise Problem(413, f"the mail has {size_bytes:,} bytes of at most {most:,}")
    quota = call.user.quota_bytes
    if quota and await call.context.mailboxes.usage(call.user_id) + size_bytes > quota:
        raise Problem(
            507,
            "your mailbox is full: delete something, and empty the trash",
            kind="quota-exceeded",
        )
