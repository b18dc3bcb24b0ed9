"""What a message is once it was read: the values that events and views share.

Shapes follow RFC 5322 (header fields) and RFC 2045 (parts). All text is valid
Unicode without U+0000; what could not be decoded is U+FFFD, and ``defects``
says so. The raw bytes are never changed: ``RawRef`` leads to them.
"""

from datetime import datetime
from typing import Literal

import msgspec

BODY_INLINE_BYTES = 100 * 1024  # larger bodies go to the blob store
BlobId = str  # SHA-256 of the content, 64 lower-case hex digits


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mailbox of an address list (RFC 5322 §3.4)."""

    address: str  # addr-spec as written, maybe empty or invalid; domain in Unicode
    name: str = ""  # display-name, decoded


class Attachment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part that is not body text."""

    attachment_id: str  # "1", "2" … in order of appearance; stable for one message
    file_name: str  # decoded (RFC 2231, RFC 2047), without path parts; never empty
    content_type: str  # lower-case type/subtype as declared
    size_bytes: int  # of the decoded content
    blob: BlobId  # the decoded content
    content_id: str = ""  # without <>, for cid: links
    is_inline: bool = False  # Content-Disposition: inline, or referred to by cid:


class RawRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where the raw message lies, byte for byte as it was accepted."""

    blob: BlobId
    kind: Literal["whole", "skeleton"]  # a skeleton refers to attachments' blobs
    size_bytes: int  # of the raw message


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message as read (RFC 5322, RFC 2045-2049, RFC 6532)."""

    subject: str = ""
    from_: tuple[Address, ...] = msgspec.field(default=(), name="from")
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()  # only in the sender's own copy
    date: datetime | None = None  # None when absent or unreadable
    message_id: str = ""  # without <>; empty when absent or unusable
    in_reply_to: tuple[str, ...] = ()  # msg-ids without <>
    references: tuple[str, ...] = ()  # msg-ids without <>, oldest first, at most 100
    snippet: str = ""  # first ~200 characters of the visible text, on one line
    text: str = ""  # plain text, derived from HTML if there is no text part
    text_blob: BlobId | None = None  # the whole text, when `text` is only its start
    html: str | None = None  # as sent; whoever shows it sanitises it
    html_blob: BlobId | None = None  # the whole HTML, when too large to be inline
    attachments: tuple[Attachment, ...] = ()
    auto_submitted: str = ""  # RFC 3834 value in lower case, empty when absent
    list_id: str = ""  # RFC 2919, without <>
    defects: tuple[str, ...] = ()  # what was wrong with it, in our words
    truncated: bool = False  # parts beyond the limits were not listed
    marks: tuple[str, ...] = ()  # of the program that made it; see topologies.mail.marks

    @property
    def has_attachments(self) -> bool:
        """True when a person would see a paper clip."""
        return any(not a.is_inline for a in self.attachments)
