"""What the HTTP API takes and gives about sending mail."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.shapes import In, Out
from api.shapes_folders import MAX_NAME_CHARACTERS

MAX_SUBJECT_CHARACTERS = 2_000
MAX_ADDRESS_CHARACTERS = 512
MAX_ATTACHMENTS = 200
MAX_UNDO_S = 120


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
    # X-… and a few others; a struct makes a dict of its own.
    headers: Annotated[dict[str, str], Meta(max_length=50)] = {}  # noqa: RUF012
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


class Pending(Out, frozen=True, kw_only=True):
    """The change is safe, yet the view does not show it: look again."""

    command_ids: tuple[str, ...]
    status: Literal["queued"]
