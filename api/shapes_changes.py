"""What the HTTP API gives about changes of a mailbox."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from api.shapes import In, Limit, Out

MAX_NUMBER = 2**63 - 1  # of a change
Since = Annotated[int, Meta(ge=0, le=MAX_NUMBER, description="number of the last change seen")]


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
