"""Quarantine: what lies there, and how a mail comes out of it.

Held mails lie in the mailbox of ``QUARANTINE_USER``: in its inbox while nobody decided, in its
folder ``sent`` once they were let out. Reads that mailbox and the blobs; writes `mail.received`
and `mailbox.commands`.

A mail is let out by being handed in once more, as a mail of its own: its id is derived from that
of the first, so that letting it out twice leads to one copy each, and the audit can tell what
became of either. Everything known of its way in is kept, so that it is judged as it was, except
that nobody looks for malware again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from topologies.events import (
    INBOX,
    QUARANTINE_USER,
    RAW_INLINE_BYTES,
    SENT,
    DeleteEmails,
    MailReceived,
    MoveEmails,
    Release,
)
from topologies.mail import ids, malware
from topologies.mail.raw import read_raw
from topologies.ports.blobs import Blobs
from topologies.ports.mailboxes import Email

State = Literal["held", "released"]
FOLDERS: dict[State, str] = {"held": INBOX, "released": SENT}


def state_of(email: Email) -> State:
    """Return whether somebody let *email* out."""
    return "released" if email.summary.folder_id == SENT else "held"


def recipients_of(email: Email) -> Sequence[str]:
    """Return who *email* was for."""
    return email.held.recipients if email.held is not None else (email.recipient,)


def released_id(mail_id: str) -> str:
    """Return the id under which a held mail is handed in again: the same each time."""
    return ids.derived_id(ids.time_of(mail_id), "released", mail_id)


async def release(email: Email, blobs: Blobs, *, by: str) -> MailReceived | None:
    """Return the fact that hands *email* in again; None if its envelope was not kept.

    Args:
        email: Of the quarantine.
        blobs: Where its message lies; a large one is written there whole.
        by: Who decided it.

    Raises:
        BlobMissing: The message is gone.
        Retryable: The blobs are out of reach.
    """
    if email.held is None:
        return None
    raw = await read_raw(blobs, email.raw_ref)
    is_small = len(raw) <= RAW_INLINE_BYTES
    blob = None if is_small else (await blobs.put([raw]))[0]
    findings = malware.findings_of(email.virus) if email.virus is not None else ()
    return msgspec.structs.replace(
        email.held,
        mail_id=released_id(email.mail_id),
        raw=raw if is_small else None,
        raw_blob=blob,
        released=Release(by=by, mail_id=email.mail_id, findings=tuple(findings)),
    )


def moved(email: Email, *, at: datetime, answer: bool = False) -> MoveEmails:
    """Return the command that lays *email* with those that were let out."""
    return MoveEmails(
        user_id=QUARANTINE_USER,
        command_id=ids.command_id("released", email.mail_id, at.isoformat()),
        issued_at=at,
        email_ids=(email.summary.email_id,),
        folder_id=SENT,
        answer=answer,
    )


def dropped(email: Email, *, at: datetime, answer: bool = False) -> DeleteEmails:
    """Return the command that deletes *email* for good."""
    return DeleteEmails(
        user_id=QUARANTINE_USER,
        command_id=ids.command_id("dropped", email.mail_id, at.isoformat()),
        issued_at=at,
        email_ids=(email.summary.email_id,),
        permanent=True,
        answer=answer,
    )
