"""What mailboxes keep of a mail beside its line in a listing: compressed JSON, in either store."""

import zlib

import msgspec

from topologies.errors import Poison
from topologies.events.draft import Draft
from topologies.events.inbound import Authentication, MailReceived, SpamVerdict, VirusVerdict
from topologies.events.message import Message, RawRef
from topologies.mail import threads
from topologies.ports.mailboxes import Email, Summary

COMPRESSION = 1  # zlib level: higher ones cost twice the time for a few per cent of the space


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a mail beside its line."""

    mail_id: str
    message: Message
    raw_ref: RawRef
    mail_from: str = ""
    recipient: str = ""
    tag: str = ""
    authentication: Authentication | None = None
    spam: SpamVerdict | None = None
    note: str = ""
    virus: VirusVerdict | None = None
    held: MailReceived | None = None
    draft: Draft | None = None


class _Version(msgspec.Struct, frozen=True):
    version: str = ""


class _OfADraft(msgspec.Struct, frozen=True):
    draft: _Version | None = None


_encode = msgspec.json.Encoder().encode
_body = msgspec.json.Decoder(_Body).decode
_of_a_draft = msgspec.json.Decoder(_OfADraft).decode


def body_of(email: Email) -> bytes:
    """Return what is kept of *email* beside its line."""
    body = _Body(
        mail_id=email.mail_id,
        message=email.message,
        raw_ref=email.raw_ref,
        mail_from=email.mail_from,
        recipient=email.recipient,
        tag=email.tag,
        authentication=email.authentication,
        spam=email.spam,
        note=email.note,
        virus=email.virus,
        held=email.held,
        draft=email.draft,
    )
    return zlib.compress(_encode(body), COMPRESSION)


def draft_version_of(content: bytes) -> str:
    """Return which version of a draft ``body_of`` was given; empty if it is no draft.

    Raises:
        Poison: It can't be read any more.
    """
    try:
        found = _of_a_draft(zlib.decompress(content))
    except (zlib.error, msgspec.DecodeError, TypeError) as error:
        raise Poison(f"a draft is damaged where it is kept: {error}") from error
    return found.draft.version if found.draft is not None else ""


def named_in(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the mail_id, and the message-ids that a thread is found by.

    Raises:
        Poison: It can't be read any more.
    """
    try:
        body = _body(zlib.decompress(content))
    except (zlib.error, msgspec.DecodeError, TypeError) as error:
        raise Poison(f"a mail is damaged where it is kept: {error}") from error
    return body.mail_id, tuple(threads.named(body.message))


def email_of(summary: Summary, content: bytes) -> Email:
    """Return the mail whole.

    Raises:
        Poison: It can't be read any more.
    """
    try:
        body = _body(zlib.decompress(content))
    except (zlib.error, msgspec.DecodeError, TypeError) as error:
        raise Poison(f"{summary.email_id} is damaged where it is kept: {error}") from error
    return Email(
        summary=summary,
        mail_id=body.mail_id,
        message=body.message,
        raw_ref=body.raw_ref,
        mail_from=body.mail_from,
        recipient=body.recipient,
        tag=body.tag,
        authentication=body.authentication,
        spam=body.spam,
        note=body.note,
        virus=body.virus,
        held=body.held,
        draft=body.draft,
    )
