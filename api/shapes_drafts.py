"""What the HTTP API takes and gives about drafts, as JSON."""

from datetime import datetime

import msgspec

from api.shapes import Out
from api.shapes_emails import AddressOut, AttachmentOut
from api.shapes_sending import Sending, Sent
from topologies.events import Stream


class DraftIn(Sending, frozen=True, kw_only=True):
    """A mail as far as it is written, whole: what is left out is not in it any more.

    Addresses are kept as they are typed, finished or not; a file is kept by its attachment_id.
    """


class UnsubscribeOut(Out, frozen=True, kw_only=True):
    """How recipients end a mailing with one click."""

    url: str
    mailto: str | None


class DraftOut(Out, frozen=True, kw_only=True):
    """A draft as it was typed."""

    draft_id: str  # the same for its life; also its email_id
    email_id: str
    etag: str  # as in the header ETag: name it in If-Match
    thread_id: str
    folder_id: str
    from_: AddressOut | None = msgspec.field(name="from")
    to: tuple[AddressOut, ...]
    cc: tuple[AddressOut, ...]
    bcc: tuple[AddressOut, ...]
    reply_to: tuple[AddressOut, ...]
    subject: str
    body: str
    html: str | None
    attachments: tuple[AttachmentOut, ...]
    in_reply_to: str | None
    headers: dict[str, str]
    stream: Stream
    unsubscribe: UnsubscribeOut | None
    send_at: datetime | None
    remind_at: datetime | None
    undo_s: int | None
    require_tls: bool | None
    size: int  # of the message that it makes
    created_at: datetime
    saved_at: datetime
    sending: Sent | None  # it is to be sent later, and can't be changed before that is taken back
