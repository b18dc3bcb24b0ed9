"""What a user has written of a mail that is not sent: a value that commands and views share.

It is kept as it was typed, be it complete or not: an unfinished address is no error here. The
message that is made of it, as far as one can be, lies beside it. What of it can't be sent is told
when it is to be sent.
"""

from datetime import datetime

import msgspec

from topologies.events.message import Address, BlobId
from topologies.events.outbound import Stream

DRAFT_INLINE_BYTES = 32 * 1024  # of both texts; larger ones go to the blob store
ANY_VERSION = "*"


class DraftTexts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a draft, as plain text and as HTML if it has any."""

    text: str = ""
    html: str | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A draft as its writer typed it, but for attachments, which the message has."""

    version: str  # another one each time it is saved
    saved_at: datetime  # UTC
    sender: Address | None = None  # None: the user's own address
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    texts: DraftTexts | None = None  # None: they lie in `texts_blob`, as JSON
    texts_blob: BlobId | None = None
    in_reply_to: str = ""  # an email_id or a Message-ID
    fields: tuple[tuple[str, str], ...] = ()  # further ones of the header, name and text
    stream: Stream = "default"
    unsubscribe_url: str | None = None  # None: there is no way to end a mailing
    unsubscribe_mailto: str | None = None
    send_at: datetime | None = None
    remind_at: datetime | None = None  # if nobody has answered by then
    undo_s: int | None = None
    require_tls: bool | None = None  # RFC 8689; None: as usual
