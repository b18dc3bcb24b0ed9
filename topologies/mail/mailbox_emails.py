"""What is kept of a delivered mail, and how much of it a listing shows."""

from topologies.events.mailbox import Deliver
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
