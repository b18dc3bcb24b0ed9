"""Finding mails of one mailbox by what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDocument:
    """One mail as the index needs it."""

    user_id: str
    email_id: str
    folder_id: str
    version: int  # the mailbox's seq; an older version never replaces a newer
    subject: str
    text: str
    senders: tuple[str, ...]  # "Name <address>"
    recipients: tuple[str, ...]
    file_names: tuple[str, ...]
    received_at: datetime
    is_read: bool
    is_starred: bool
    has_attachments: bool
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition on text.

    Attributes:
        field: ``any`` is subject, text, senders, recipients and file names.
        words: One word, or several that must follow each other (a quoted phrase).
        is_prefix: The last word may go on; true for all that is not quoted.
    """

    field: str  # any, subject, text, from, to, filename
    words: str
    is_prefix: bool = True
    is_negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What ``topologies.mail.query`` reads from what a person typed. All must hold."""

    terms: tuple[Term, ...] = ()
    folder_id: str | None = None
    is_read: bool | None = None
    is_starred: bool | None = None
    has_attachment: bool | None = None
    after: datetime | None = None  # received at or after
    before: datetime | None = None  # received before
    larger_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Found mails, newest first."""

    email_ids: tuple[str, ...]
    total_count: int
    next_cursor: str | None


class Search(Protocol):
    """The index. It may lag behind the mailboxes by seconds and can be rebuilt."""

    async def index(self, documents: Sequence[SearchDocument]) -> None:
        """Add or replace documents, by (user_id, email_id) and version; durable on return."""
        ...

    async def remove(self, user_id: str, email_ids: Sequence[str]) -> None:
        """Forget documents; unknown ones are no error."""
        ...

    async def search(
        self, user_id: str, query: SearchQuery, *, limit: int = 50, cursor: str | None = None
    ) -> Hits:
        """Return hits of this user only, newest first.

        Raises:
            ValueError: The cursor is not one of ours.
            Retryable: The index is out of reach: search answers 503, mail flows on.
        """
        ...
