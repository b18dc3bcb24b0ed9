"""What the HTTP API takes and gives, as JSON: the source of its OpenAPI description.

Times are RFC 3339 in UTC, sizes are bytes. Input refuses unknown fields, so that a
misspelt one is told; output may gain fields at any time.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from topologies.events import FindingKind
from topologies.ports.mailboxes import MAX_PAGE

MAX_OFFSET = 10_000  # deeper pages by cursor, which costs the same however deep
MAX_SUBJECT_CHARACTERS = 2_000
MAX_NAME_CHARACTERS = 255
MAX_ADDRESS_CHARACTERS = 512
MAX_ATTACHMENTS = 200
MAX_UNDO_S = 120

Limit = Annotated[int, Meta(ge=1, le=MAX_PAGE, description="how many at most")]
Cursor = Annotated[str, Meta(max_length=512, description="`next_cursor` of the page before")]
MAX_NUMBER = 2**63 - 1  # of a change
Since = Annotated[int, Meta(ge=0, le=MAX_NUMBER, description="number of the last change seen")]


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered."""


class In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is taken, in a body or a query."""


class ListOut(Out, frozen=True, kw_only=True):
    """A stretch of a list."""

    total_count: int  # of the whole list
    has_more: bool
    next_cursor: str | None


# --- problems -----------------------------------------------------------------------


class FieldProblem(Out, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one field or parameter."""

    detail: str
    pointer: str = ""  # JSON Pointer (RFC 6901) into the body
    parameter: str = ""  # of the query, or a header


class ProblemBody(Out, frozen=True, kw_only=True, omit_defaults=True):
    """A problem (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: tuple[FieldProblem, ...] = ()
    position: int | None = None  # in the search text, in characters from 0
    advice: str | None = None  # what to type instead
    line: int | None = None  # in the script, from 1
    column: int | None = None  # in that line, in characters from 1
    error: str | None = None  # RFC 6749 §5.2, of sign-in
    error_description: str | None = None


# --- signing in ---------------------------------------------------------------------


class TokenForm(In, frozen=True, kw_only=True):
    """Sign-in with a password (RFC 6749 §4.3) or a refresh token (§6), as a form."""

    grant_type: Literal["password", "refresh_token"]
    username: str = ""  # the mail address
    password: str = ""
    otp: str = ""  # a code of the second factor, or a recovery code, where one is asked for
    refresh_token: str = ""
    scope: str = ""  # some of: read send admin, of which none is all; and offline_access
    client_id: str = ""  # taken and ignored, since clients send them
    client_secret: str = ""


class Token(Out, frozen=True, kw_only=True):
    """What signs further requests: `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int  # seconds
    scope: str
    refresh_token: str | UnsetType = UNSET  # where offline_access was asked for; good for one turn


class Me(Out, frozen=True, kw_only=True):
    """Who is signed in, and how their mailbox stands."""

    user_id: str
    address: str
    name: str
    is_admin: bool
    used_bytes: int
    quota_bytes: int | None
    cursor: int  # number of the mailbox's last change


# --- folders ------------------------------------------------------------------------


class FolderOut(Out, frozen=True, kw_only=True):
    """A folder and its exact counts."""

    folder_id: str
    name: str
    is_system: bool
    total_count: int
    unread_count: int
    parent_id: str | None = None  # the folder that it lies in
    path: str = ""  # its name, after those of the folders that it lies in: `Work/Ideas`


ParentId = Annotated[str, Meta(max_length=64, description="a folder of one's own; null for none")]


class FolderIn(In, frozen=True, kw_only=True):
    """A folder to be made."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    parent_id: ParentId | None = None


class FolderPatch(In, frozen=True, kw_only=True):
    """What to change of a folder (RFC 7396): what is absent stays."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)] | UnsetType = UNSET
    parent_id: ParentId | UnsetType | None = UNSET


# --- labels -------------------------------------------------------------------------

LabelName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
Colour = Annotated[
    str, Meta(pattern="^(#[0-9a-fA-F]{6})?$", max_length=7, description='"#1f6feb", or "" for none')
]
LabelIds = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
    Meta(max_length=50, description="all labels that the mail is to carry"),
]


class LabelOut(Out, frozen=True, kw_only=True):
    """A label and the exact counts of the mails that carry it, wherever they lie."""

    label_id: str
    name: str
    colour: str
    total_count: int
    unread_count: int


class LabelIn(In, frozen=True, kw_only=True):
    """A label to be made."""

    name: LabelName
    colour: Colour = ""


class LabelPatch(In, frozen=True, kw_only=True):
    """What to change of a label (RFC 7396): what is absent stays."""

    name: LabelName | UnsetType = UNSET
    colour: Colour | UnsetType = UNSET


class EmailIds(In, frozen=True, kw_only=True):
    """Some mails."""

    email_ids: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(min_length=1, max_length=1_000),
    ]


class LabelledIn(In, frozen=True, kw_only=True):
    """Labels put on mails, and taken off them, all in one step."""

    email_ids: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(min_length=1, max_length=1_000),
    ]
    add: LabelIds = ()
    remove: LabelIds = ()


# --- mails --------------------------------------------------------------------------


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


class ListQuery(In, frozen=True, kw_only=True):
    """Which stretch of a list."""

    limit: Limit = 50
    cursor: Cursor | None = None


class StretchQuery(ListQuery, frozen=True, kw_only=True):
    """The same of a list in which one may leap; a cursor takes precedence."""

    offset: Annotated[int, Meta(ge=0, le=MAX_OFFSET)] = 0


class PageQuery(StretchQuery, frozen=True, kw_only=True):
    """Which stretch of a folder."""

    is_read: bool | None = None


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


# --- sending ------------------------------------------------------------------------


class AddressIn(In, frozen=True, kw_only=True):
    """A mailbox, with a name to show."""

    address: Annotated[str, Meta(max_length=MAX_ADDRESS_CHARACTERS)]
    name: Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)] = ""


Recipient = Annotated[str, Meta(max_length=MAX_ADDRESS_CHARACTERS)] | AddressIn
RemindAt = Annotated[
    datetime,
    Meta(
        tz=True,
        description="after the mail is sent, within a year",
        examples=["2026-03-20T09:00:00+01:00"],
    ),
]


class AttachmentIn(In, frozen=True, kw_only=True):
    """A file to send: its content in base64, or the id of one that was uploaded."""

    file_name: Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)] = ""  # of an upload: as then
    data: bytes | None = None
    attachment_id: Annotated[str, Meta(max_length=2_000)] | None = None
    content_type: Annotated[str, Meta(max_length=200)] = ""  # application/octet-stream


class UploadQuery(In, frozen=True, kw_only=True):
    """What the body of an upload is called."""

    file_name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]


class Uploaded(Out, frozen=True, kw_only=True):
    """A file that can be sent, once or several times, until it expires."""

    attachment_id: str
    file_name: str
    content_type: str
    size: int
    expires_at: datetime


class UnsubscribeIn(In, frozen=True, kw_only=True):
    """How recipients end a mailing with one click (RFC 8058): `url` takes a POST."""

    url: Annotated[str, Meta(max_length=900, description="https")]
    mailto: Annotated[str, Meta(max_length=MAX_ADDRESS_CHARACTERS)] | None = None


class Sending(In, frozen=True, kw_only=True):
    """A mail to send. Addresses are texts, or objects with a name."""

    from_: Recipient | None = msgspec.field(name="from", default=None)
    to: tuple[Recipient, ...] = ()
    cc: tuple[Recipient, ...] = ()
    bcc: tuple[Recipient, ...] = ()
    subject: Annotated[str, Meta(max_length=MAX_SUBJECT_CHARACTERS)] = ""
    body: str = ""
    html: str | None = None
    attachments: Annotated[tuple[AttachmentIn, ...], Meta(max_length=MAX_ATTACHMENTS)] = ()
    in_reply_to: Annotated[str, Meta(max_length=998)] | None = None  # email_id or Message-ID
    reply_to: tuple[Recipient, ...] = ()
    headers: Annotated[dict[str, str], Meta(max_length=50)] = {}  # X-… and a few others
    stream: Literal["default", "transactional", "marketing"] = "default"
    unsubscribe: UnsubscribeIn | None = None  # marketing mail has to have it
    send_at: datetime | None = None  # up to 30 days ahead; with its zone
    remind_at: RemindAt | None = None  # if nobody has answered by then
    # true: to hosts alone that prove who they are, and by TLS all the way (REQUIRETLS); false: even
    # where TLS fails though it was promised (TLS-Required: No); null: as the hosts promise
    require_tls: bool | None = None
    # For how many seconds it can be taken back; as the deployment has it, which is 0 by default
    undo_s: Annotated[int, Meta(ge=0, le=MAX_UNDO_S)] | None = None


class Sent(Out, frozen=True, kw_only=True):
    """The mail is safe and on its way."""

    email_id: str  # of the copy in the sender's Sent folder
    mail_id: str
    status: Literal["queued", "scheduled"]
    undo_until: datetime | None = None  # until then DELETE /emails/{email_id}/send takes it back


class AppPasswordIn(In, frozen=True, kw_only=True):
    """A program that shall be able to send mail."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]


class AppPasswordOut(Out, frozen=True, kw_only=True):
    """An app password, without its text."""

    password_id: str
    name: str
    created_at: datetime


class NewAppPassword(AppPasswordOut, frozen=True, kw_only=True):
    """The same with its text, which is told this once."""

    username: str
    password: str


class Pending(Out, frozen=True, kw_only=True):
    """The change is safe, yet the view does not show it: look again."""

    command_ids: tuple[str, ...]
    status: Literal["queued"]


# --- changes ------------------------------------------------------------------------


class ChangeOut(Out, frozen=True, kw_only=True, omit_defaults=True):
    """One change of the mailbox; over the WebSocket each is one message."""

    type: str  # email.added, email.updated, email.moved, email.removed, folder.…, label.…, …
    cursor: int  # its number: 1, 2, 3 … without gaps
    changed_at: datetime
    email_id: str = ""
    folder_id: str = ""  # where it is now
    from_folder_id: str = ""  # where it was
    thread_id: str = ""
    merged_thread_id: str = ""
    is_read: bool | None = None
    is_starred: bool | None = None
    is_rewritten: bool = False  # it says something else now: a draft that was saved again
    label_id: str = ""  # the label that changed
    labels: tuple[str, ...] | None = None  # of the mail, as they are now
    is_restorable: bool = False  # of a removed mail: POST /emails/restore brings it back


class ChangesOut(Out, frozen=True, kw_only=True):
    """What changed, in order."""

    changes: tuple[ChangeOut, ...]
    cursor: int  # ask on from here
    has_more: bool


class ChangesQuery(In, frozen=True, kw_only=True):
    """From where on."""

    since: Since = 0
    limit: Limit = 100


class SocketQuery(In, frozen=True, kw_only=True):
    """From where on; without it, from now on."""

    since: Since | None = None


# --- administration -----------------------------------------------------------------


class DeadLetterLine(Out, frozen=True, kw_only=True):
    """A record that no stage could pass."""

    letter_id: str
    path: str
    stage: str
    kind: str
    reason: str
    attempts: int
    key: str
    event_id: str
    origin: str
    buried_at: datetime
    state: str


class DeadLetterOut(DeadLetterLine, frozen=True, kw_only=True):
    """The same, with what it holds."""

    traceback: str
    value: Any  # the event, or as base64 in `value_base64` if it is no JSON
    value_base64: str | None


class DeadLettersOut(Out, frozen=True, kw_only=True):
    """Dead letters, newest first."""

    dead_letters: tuple[DeadLetterLine, ...]
    counts: dict[str, int]  # dead ones by path
    has_more: bool
    next_cursor: str | None


class DeadLettersQuery(ListQuery, frozen=True, kw_only=True):
    """Which of them."""

    path: Annotated[str, Meta(max_length=64)] | None = None
    stage: Annotated[str, Meta(max_length=64)] | None = None
    settled: Annotated[bool, Meta(description="also replayed and dropped ones")] = False


class Settled(Out, frozen=True, kw_only=True):
    """What became of a dead letter."""

    letter_id: str
    state: Literal["replayed", "dropped"]


class DeadLetterEdit(In, frozen=True, kw_only=True):
    """How the event of a dead letter is to be: given whole, or changed at some places."""

    value: Annotated[Any, Meta(description="the whole event")] | UnsetType = UNSET
    put: Annotated[
        dict[str, Any], Meta(max_length=100, description="by JSON Pointer (RFC 6901)")
    ] = msgspec.field(default_factory=dict[str, Any])
    remove: Annotated[tuple[Annotated[str, Meta(max_length=1_000)], ...], Meta(max_length=100)] = ()


class Edited(Out, frozen=True, kw_only=True):
    """The event was put right and handed to its stage."""

    letter_id: str
    state: Literal["replayed"]
    changed: tuple[str, ...]  # JSON Pointers of the places that are otherwise than in what died


class Alive(Out, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"]


class NoQuery(In, frozen=True, kw_only=True):
    """No parameters."""
