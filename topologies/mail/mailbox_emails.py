"""What is kept of a delivered mail, and how much of it a listing shows."""

from dataclasses import replace

from msgspec import structs

from topologies.events.mailbox import DRAFTS, Deliver, SaveDraft
from topologies.events.message import Address
from topologies.ports.mailboxes import Email, Summary

# A sender writes fields as long as they like; a line of a listing stays a line.
SUBJECT_CHARACTERS = 500
NAME_CHARACTERS = 200
ADDRESS_CHARACTERS = 320  # RFC 5321 §4.5.3.1: 64 and 255 octets, and the @ between
SNIPPET_CHARACTERS = 300
ADDRESSES = 10


def email_of(command: Deliver, *, folder_id: str, thread_id: str, seq: int) -> Email:
    """Return the mail that *command* brings, as it is kept."""
    return Email(
        summary=_summary(command, folder_id, thread_id, seq),
        mail_id=command.mail_id,
        message=command.message,
        raw_ref=command.raw_ref,
        mail_from=command.mail_from,
        recipient=command.recipient,
        tag=command.tag,
        authentication=command.authentication,
        spam=command.spam,
        note=command.note,
        virus=command.virus,
        held=command.held,
    )


def draft_of(command: SaveDraft, before: Summary | None, *, thread_id: str, seq: int) -> Email:
    """Return the draft that *command* saves, as it is kept.

    Args:
        command: What is saved.
        before: What it replaces; None: it is new.
        thread_id: The conversation it belongs to.
        seq: The number of the change.
    """
    as_mail = Deliver(
        user_id=command.user_id,
        command_id=command.command_id,
        issued_at=command.issued_at,
        email_id=command.email_id,
        mail_id=command.email_id,
        folder_id=DRAFTS,
        message=command.message,
        raw_ref=command.raw_ref,
        received_at=command.issued_at if before is None else before.created_at,
        is_read=before is None or before.is_read,
        is_starred=before is not None and before.is_starred,
    )
    email = email_of(as_mail, folder_id=DRAFTS, thread_id=thread_id, seq=seq)
    summary = structs.replace(email.summary, labels=() if before is None else before.labels)
    return replace(email, summary=summary, draft=command.draft)


def _summary(command: Deliver, folder_id: str, thread_id: str, seq: int) -> Summary:
    message = command.message
    # Without From, which RFC 5322 §3.6 wants, the envelope is all there is.
    sender = message.from_[0] if message.from_ else Address(address=command.mail_from)
    return Summary(
        email_id=command.email_id,
        folder_id=folder_id,
        thread_id=thread_id,
        is_read=command.is_read,
        is_starred=command.is_starred,
        from_name=sender.name[:NAME_CHARACTERS],
        from_address=sender.address[:ADDRESS_CHARACTERS],
        to=tuple([a.address[:ADDRESS_CHARACTERS] for a in message.to[:ADDRESSES]]),
        subject=message.subject[:SUBJECT_CHARACTERS],
        snippet=message.snippet[:SNIPPET_CHARACTERS],
        has_attachments=message.has_attachments,
        size_bytes=command.raw_ref.size_bytes,
        created_at=command.received_at,
        spam_probability=command.spam.probability if command.spam else None,
        changed_seq=seq,
    )
