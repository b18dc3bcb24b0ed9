"""What the HTTP API takes and gives about mails: read, listed, searched and changed."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.shapes import In, ListQuery, Out
from api.shapes_folders import LabelIds
from topologies.events import FindingKind


class AddressOut(Out, frozen=True, kw_only=True):
    """A mailbox; the name may be empty."""

    address: str
    name: str = ""


class FindingOut(Out, frozen=True, kw_only=True):
    """One thing that a scanner found in a mail."""

    kind: FindingKind
    name: str
    part: str  # file name of the part it was found in, with its path in archives


class EmailLine(Out, frozen=True, kw_only=True):
    """A mail as a line of a listing."""

    email_id: str
    thread_id: str
    folder_id: str
    from_: AddressOut = msgspec.field(name="from")
    to: tuple[AddressOut, ...]  # the first ten, without names
    subject: str
    snippet: str
    is_read: bool
    is_starred: bool
    is_spam: bool
    has_attachments: bool
    size: int
    created_at: datetime
    labels: tuple[str, ...] = ()  # label_ids
    removed_at: datetime | None = None  # when it came to trash or spam, or was deleted


class AttachmentOut(Out, frozen=True, kw_only=True):
    """An attachment; its content is at `url`, with the token."""

    attachment_id: str
    file_name: str
    content_type: str
    size: int
    is_inline: bool
    url: str


class SignedUrl(Out, frozen=True, kw_only=True):
    """Where a content can be fetched without a token, within minutes."""

    url: str


class DkimOut(Out, frozen=True, kw_only=True):
    """The verdict on one signature."""

    result: str
    domain: str


class AuthenticationOut(Out, frozen=True, kw_only=True):
    """What is known about who sent it (RFC 8601)."""

    spf: str
    dkim: tuple[DkimOut, ...]
    dmarc: str
    arc: str
    from_domain: str
    is_signed_in: bool


class HeaderOut(Out, frozen=True, kw_only=True):
    """One header field as it stands in the raw message, unfolded."""

    name: str
    value: str


class EmailOut(Out, frozen=True, kw_only=True):
    """A mail whole."""

    email_id: str
    mail_id: str
    thread_id: str
    folder_id: str
    from_: AddressOut = msgspec.field(name="from")
    to: tuple[AddressOut, ...]
    cc: tuple[AddressOut, ...]
    bcc: tuple[AddressOut, ...]  # only in the sender's own copy
    reply_to: tuple[AddressOut, ...]
    subject: str
    snippet: str
    body: str  # plain text
    html: str | None  # safe to show in a sandboxed frame
    blocked_images: int  # remote images left out of `html`; `?images=true` keeps them
    is_read: bool
    is_starred: bool
    is_spam: bool
    has_attachments: bool
    attachments: tuple[AttachmentOut, ...]
    size: int
    created_at: datetime
    date: datetime | None  # as the sender wrote it
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    list_id: str
    recipient: str  # the address that led here
    authentication: AuthenticationOut | None
    spam_probability: float | None
    spam_reasons: tuple[str, ...]
    note: str  # why it lies here, when that is not plain
    findings: tuple[FindingOut, ...]  # what scanners found in it that is worth telling
    is_truncated: bool  # parts or texts beyond the limits were left out
    headers: tuple[HeaderOut, ...] | None = None  # with `?headers=true`
    is_draft: bool = False  # it is not sent: see `/drafts/{draft_id}`
    labels: tuple[str, ...] = ()  # label_ids
    removed_at: datetime | None = None  # when it came to trash or spam
    remind_at: datetime | None = None  # of a mail that was sent, if nobody has answered by then


class EmailPage(Out, frozen=True, kw_only=True):
    """A stretch of a listing, newest first."""

    emails: tuple[EmailLine, ...]
    total_count: int
    has_more: bool
    next_cursor: str | None


class EmailLines(Out, frozen=True, kw_only=True):
    """The mails that were named, as they are now; those that are not there are left out."""

    emails: tuple[EmailLine, ...]


class ThreadOut(Out, frozen=True, kw_only=True):
    """A conversation, oldest first."""

    thread_id: str
    emails: tuple[EmailLine, ...]


class EmailQuery(In, frozen=True, kw_only=True):
    """What to show of a mail."""

    images: Annotated[bool, Meta(description="keep remote images in `html`")] = False
    headers: Annotated[bool, Meta(description="all header fields, too")] = False


class RawQuery(In, frozen=True, kw_only=True):
    """How a raw message is given out."""

    trace: Annotated[
        bool,
        Meta(
            description="put Return-Path, Authentication-Results and Received of ours in front, "
            "and leave out Authentication-Results that only pretend to be ours"
        ),
    ] = False


class AttachmentQuery(In, frozen=True, kw_only=True):
    """How to be told where an attachment is."""

    redirect: Annotated[bool, Meta(description="false: answer the URL as JSON")] = True
    here: Annotated[
        bool, Meta(description="of the API in any case, for pages that may read nowhere else")
    ] = False


class EmailPatch(In, frozen=True, kw_only=True):
    """What to change of a mail (RFC 7396): what is absent stays."""

    is_read: bool | UnsetType = UNSET
    is_starred: bool | UnsetType = UNSET
    folder_id: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    is_spam: bool | UnsetType = UNSET
    labels: LabelIds | UnsetType = UNSET


class DeleteQuery(In, frozen=True, kw_only=True):
    """How to delete."""

    permanent: Annotated[bool, Meta(description="for good, not into trash")] = False


Text = Annotated[str, Meta(max_length=1_000)]


class SearchParameters(ListQuery, frozen=True, kw_only=True):
    """What to look for; all must hold."""

    query: Annotated[str, Meta(max_length=2_000, description="as in docs/search.md")] = ""
    from_: Text | None = msgspec.field(name="from", default=None)
    to: Text | None = None
    after: Annotated[str, Meta(max_length=40, description="RFC 3339, 2026-03-14 or 7d")] | None = (
        None
    )
    before: Annotated[str, Meta(max_length=40, description="as after")] | None = None
    folder: Annotated[str, Meta(max_length=255, description="id or name")] | None = None
    label: Annotated[str, Meta(max_length=255, description="id or name")] | None = None
    is_read: bool | None = None
    has_attachment: bool | None = None
    sort: Annotated[
        Literal["date", "relevance"],
        Meta(description="relevance: what says it in subject or sender first, then by date"),
    ] = "date"
    highlight: Annotated[bool, Meta(description="tell where the words stand")] = False
