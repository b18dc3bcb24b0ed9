"""What a request to send means, and everything that is wrong with it: each by its field.

Reads the directory (who may write as whom, who is here), the mailbox (what is answered) and
uploads; sends nothing. Each error has a JSON Pointer (RFC 6901) into the body.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api import uploads
from api.context import Context
from api.endpoint import Call
from api.problems import Problem, invalid
from api.shapes import FieldProblem
from api.shapes_sending import AddressIn, AttachmentIn, Recipient, Sending, UnsubscribeIn
from topologies.errors import BlobMissing
from topologies.events import Address
from topologies.mail import compose, identities, mailbox_address, own_fields, require_tls
from topologies.mail.sender_rights import may_write_as
from topologies.ports.directory import User

FURTHEST = timedelta(days=30)  # that a mail may be sent for later
DEFAULT_TYPE = "application/octet-stream"
NO_UPLOAD = "it is no upload of yours, or its time is over: upload it again"

# Visible ASCII but <, > and @: what a header can carry as it is (RFC 5322 §3.6.4).
_MESSAGE_ID = re.compile(r"<?([!-;=?A-~]{1,490}@[!-;=?A-~]{1,490})>?")
_HTTPS = re.compile(r"https://[!#-;=?-\[\]_a-z~]{4,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the request means, once all of it is known to be possible.

    Attributes:
        due_at: When it is to be sent; None: at once.
    """

    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    in_reply_to: str
    references: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    files: tuple[compose.File, ...]
    due_at: datetime | None

    @property
    def recipients(self) -> tuple[str, ...]:
        """The envelope: each address once."""
        return tuple(dict.fromkeys(a.address for a in (*self.to, *self.cc, *self.bcc)))


class Errors(list[FieldProblem]):
    """What is wrong, by field."""

    def add(self, pointer: str, detail: str) -> None:
        """Take note of what is wrong with the field at *pointer*."""
        self.append(FieldProblem(pointer=pointer, detail=detail))


async def checked(call: Call, given: Sending) -> Checked:
    """Return what is to be sent.

    Raises:
        Problem: What can't be sent, field by field.
    """
    errors = Errors()
    context = call.context
    sender = await _sender(context, call.user, given.from_, errors)
    people = {
        name: await _recipients(context, name, addresses, errors)
        for name, addresses in (("to", given.to), ("cc", given.cc), ("bcc", given.bcc))
    }
    most = context.settings.max_recipients
    count = len(given.to) + len(given.cc) + len(given.bcc)
    if count == 0:
        errors.add("/to", "say to whom: an address is missing")
    elif count > most:
        errors.add("/to", f"a mail has at most {most} recipients")
    if compose.has_controls(given.subject):
        errors.add("/subject", "a subject is one line without control characters")
    files = await _files(call, given.attachments, errors)
    in_reply_to, references = await answered(call, given.in_reply_to, errors)
    reply_to = tuple(
        address
        for index, each in enumerate(given.reply_to[:most])
        if (address := _address(f"/reply_to/{index}", each, errors)) is not None
    )
    fields = (
        *_own_fields(given.headers, errors),
        *_unsubscribing(given, errors),
        *([(require_tls.FIELD, "No")] if given.require_tls is False else []),  # RFC 8689 §3
    )
    due_at = _due_at(given, context.clock.now(), context.settings.undo_s, errors)
    if errors:
        raise invalid(*errors)
    return Checked(
        sender=sender,
        reply_to=reply_to,
        in_reply_to=in_reply_to,
        references=references,
        fields=fields,
        files=files,
        due_at=due_at,
        **people,
    )


async def uploaded_bytes(call: Call, given: Sending) -> int:
    """Return how large the uploads are that are to be sent, as far as a mail can hold them."""
    total = 0
    for file in given.attachments:
        if file.attachment_id is not None:
            kept = await uploads.known(call.context, call.user_id, file.attachment_id)
            total += kept.size if kept is not None else 0
    return min(total, call.context.settings.max_message_bytes)


async def _sender(context: Context, user: User, given: Recipient | None, errors: Errors) -> Address:
    own = Address(address=user.address)
    address = own if given is None else _address("/from", given, errors)
    if address is None:
        return own
    is_ours = given is None or await may_write_as(context.directory, user.user_id, address.address)
    if not is_ours:
        errors.add("/from", f"{address.address} is no address of yours")
        return own
    if address.name:
        return address
    rules = await context.rules.read(user.user_id)
    name = identities.name_at(user, rules, address.address)
    return Address(address=address.address, name=name)


async def _recipients(
    context: Context, name: str, given: Sequence[Recipient], errors: Errors
) -> tuple[Address, ...]:
    found: list[Address] = []
    for index, each in enumerate(given[: context.settings.max_recipients]):
        pointer = f"/{name}/{index}"
        address = _address(pointer, each, errors)
        if address is None:
            continue
        if (await context.directory.resolve(address.address)).status == "unknown":
            errors.add(pointer, f"there is no mailbox {address.address}")
        else:
            found.append(address)
    return tuple(found)


def _address(pointer: str, given: Recipient, errors: Errors) -> Address | None:
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


async def _files(
    call: Call, given: Sequence[AttachmentIn], errors: Errors
) -> tuple[compose.File, ...]:
    """Return the files.

    Raises:
        Problem: They are too large together; no more of them than a mail holds are read.
    """
    found: list[compose.File] = []
    left_bytes = call.context.settings.max_message_bytes
    for index, file in enumerate(given):
        if not is_named_well(index, file, errors):
            continue
        if (made := await _file(call, file, left_bytes)) is None:
            errors.add(f"/attachments/{index}/attachment_id", NO_UPLOAD)
        else:
            left_bytes -= len(made.content)
            found.append(made)
    return tuple(found)


def is_named_well(index: int, file: AttachmentIn, errors: Errors) -> bool:
    """Return whether the *index*-th file can be looked up; else *errors* tells why not."""
    file_pointer = f"/attachments/{index}"
    if compose.has_controls(file.file_name):
        errors.add(f"{file_pointer}/file_name", "it holds a control character")
    elif file.content_type and not compose.is_content_type(file.content_type):
        errors.add(f"{file_pointer}/content_type", "write a type as application/pdf")
    elif (file.data is None) == (file.attachment_id is None):
        errors.add(file_pointer, "give either data or an attachment_id")
    elif file.data is not None and not file.file_name:
        errors.add(f"{file_pointer}/file_name", "say what it is called")
    else:
        return True
    return False


async def _file(call: Call, given: AttachmentIn, most_bytes: int) -> compose.File | None:
    if given.data is not None:
        content_type = given.content_type or DEFAULT_TYPE
        return compose.File(name=given.file_name, content_type=content_type, content=given.data)
    kept = await uploads.known(call.context, call.user_id, given.attachment_id or "")
    if kept is None:
        return None
    if kept.size > most_bytes:  # one upload may be named many times
        most = call.context.settings.max_message_bytes
        raise Problem(413, f"the files have more than the {most:,} bytes of a mail")
    try:
        content = await call.context.blobs.get(kept.blob)
    except BlobMissing:
        return None
    return compose.File(
        name=given.file_name or kept.file_name,
        content_type=given.content_type or kept.content_type,
        content=content,
    )


async def answered(call: Call, given: str | None, errors: Errors) -> tuple[str, tuple[str, ...]]:
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


def _own_fields(given: dict[str, str], errors: Errors) -> Sequence[tuple[str, str]]:
    names: set[str] = set()
    for name, text in given.items():
        pointer = f"/headers/{name.replace('~', '~0').replace('/', '~1')}"
        if problem := own_fields.problem_with(name, text):
            errors.add(pointer, problem)
        elif name.lower() in names:
            errors.add(pointer, "it is there twice")
        names.add(name.lower())
    return tuple((name, text.strip()) for name, text in given.items())


def _unsubscribing(given: Sending, errors: Errors) -> Sequence[tuple[str, str]]:
    """Return the fields by which recipients end a mailing (RFC 2369 §3.2, RFC 8058 §3.1)."""
    wish: UnsubscribeIn | None = given.unsubscribe
    if wish is None:
        if given.stream == "marketing":
            errors.add("/unsubscribe", "marketing mail says how to end it: give an https URL")
        return ()
    if not _HTTPS.fullmatch(wish.url):
        errors.add("/unsubscribe/url", "it is no https URL in ASCII")
    ways = [f"<{wish.url}>"]
    if wish.mailto is not None:
        address = _address("/unsubscribe/mailto", wish.mailto, errors)
        if address is not None and not address.address.isascii():
            errors.add("/unsubscribe/mailto", "it is beyond ASCII, which a URI can't be")
        elif address is not None:
            ways.append(f"<mailto:{address.address}>")
    return (
        ("List-Unsubscribe", ", ".join(ways)),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )


def _due_at(given: Sending, now: datetime, undo_s: int, errors: Errors) -> datetime | None:
    """Return when the mail goes out; None: at once."""
    undo_s = undo_s if given.undo_s is None else given.undo_s
    if given.send_at is None:
        return now + timedelta(seconds=undo_s) if undo_s else None
    if given.send_at.tzinfo is None:
        errors.add("/send_at", "say of which zone it is, such as 2026-03-14T09:00:00Z")
    elif given.send_at > now + FURTHEST:
        errors.add("/send_at", f"it is at most {FURTHEST.days} days ahead")
    elif given.send_at > now + timedelta(seconds=undo_s):
        return given.send_at
    return now + timedelta(seconds=undo_s)  # a time that is over means now
