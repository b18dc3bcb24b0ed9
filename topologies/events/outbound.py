"""Facts on the way of a mail that one of our users sends."""

from datetime import datetime

from topologies.events.base import Event
from topologies.events.message import BlobId


class MailSubmitted(Event, frozen=True, kw_only=True, tag="mail.submitted/1"):
    """A user sent a message and was told 202: it must not be lost."""

    mail_id: str  # UUIDv7
    submitted_at: datetime
    user_id: str  # the sender
    mail_from: str  # the sender's address
    recipients: tuple[str, ...]  # to, cc and bcc, without duplicates
    bcc: tuple[str, ...] = ()  # shown in the sender's own copy only
    size_bytes: int  # of the raw message
    raw: bytes | None = None  # the message without Bcc while small, CRLF line ends
    raw_blob: BlobId | None = None

    @property
    def key(self) -> str:
        return self.mail_id
