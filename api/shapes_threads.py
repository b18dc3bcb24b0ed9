"""What the HTTP API tells of threads."""

from datetime import datetime
from typing import Annotated

import msgspec

from api.shapes import ListQuery, Out
from api.shapes_emails import AddressOut, EmailLine


class ThreadsQuery(ListQuery, frozen=True, kw_only=True):
    """Which stretch of a folder."""

    folder: Annotated[str, msgspec.Meta(max_length=64, description="its id")] = "inbox"
    is_read: bool | None = None


class ThreadLine(Out, frozen=True, kw_only=True):
    """A conversation as a line of a listing.

    Its mails are those of all folders but trash and spam, unless these are what is listed.
    """

    thread_id: str
    subject: str  # of its first mail
    snippet: str  # of its last mail
    participants: tuple[AddressOut, ...]  # who wrote, in the order in which they first did
    total_count: int
    unread_count: int
    is_starred: bool  # one of them is
    has_attachments: bool  # one of them has
    created_at: datetime  # when its newest mail in this folder was received: its place here
    newest: EmailLine  # of its mails in this folder
    email_ids: tuple[str, ...]  # of its mails in this folder, newest first


class ThreadPage(Out, frozen=True, kw_only=True):
    """A stretch of a folder, newest first."""

    threads: tuple[ThreadLine, ...]
    email_count: int  # mails in the folder, exact; conversations are not counted
    has_more: bool
    next_cursor: str | None
