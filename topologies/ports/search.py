"""Finding mails of one mailbox by what they say."""

from collections.abc import Mapping, Sequence
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
    attached: tuple[str, ...] = ()  # of each file that is read; searched as the text is
    senders: tuple[str, ...]  # "Name <address>"
    recipients: tuple[str, ...]
    file_names: tuple[str, ...]
    received_at: datetime
    is_read: bool
    is_starred: bool
    has_attachments: bool
    size_bytes: int
    labels: tuple[str, ...] = ()  # label ids

    @property
    def characters(self) -> int:
        """How many there are to be cut into words, about."""
        return len(self.text) + sum(map(len, self.attached))


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """What changes of a mail that is in the index."""

    email_id: str
    folder_id: str
    version: int  # as in ``SearchDocument``
    is_read: bool
    is_starred: bool
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition on text.

    Attributes:
        field: ``any`` is subject, text, senders, recipients and file names; ``text`` is that
            of the mail, and of its files as far as they are read; ``head`` is subject and
            senders.
        words: One word, or several that must follow each other (a quoted phrase).
        is_prefix: The last word may go on; true for all that is not quoted.
    """

    field: str  # any, head, subject, text, from, to, filename
    words: str
    is_prefix: bool = True
    is_negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What ``topologies.mail.query`` reads from what a person typed. All must hold.

    Attributes:
        either: Of each group of terms at least one must hold (``a OR b``).
        labels: The mail carries each of these; ids, or names before they are looked up.
        without_labels: It carries none of these.
    """

    terms: tuple[Term, ...] = ()
    either: tuple[tuple[Term, ...], ...] = ()
    folder_id: str | None = None
    is_read: bool | None = None
    is_starred: bool | None = None
    has_attachment: bool | None = None
    after: datetime | None = None  # received at or after
    before: datetime | None = None  # received before
    larger_bytes: int | None = None  # of more bytes than that
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Found mails, newest first."""

    email_ids: tuple[str, ...]
    total_count: int  # exact, of all hits
    next_cursor: str | None


class Search(Protocol):
    """The index. It may lag behind the mailboxes by seconds and can be rebuilt."""

    async def index(self, documents: Sequence[SearchDocument]) -> None:
        """Add or replace documents, by (user_id, email_id) and version; durable on return.

        A mail that was removed stays away: a late replay does not bring it back.
        """
        ...

    async def set_state(self, user_id: str, states: Sequence[SearchState]) -> Sequence[str]:
        """Change folder, flags and labels; return ids that need ``index`` first.

        No text is read. Those are mails the index never had. Older versions and removed mails
        are left alone.
        """
        ...

    async def remove(self, user_id: str, email_ids: Sequence[str]) -> None:
        """Forget documents for good; unknown ones are no error."""
        ...

    async def erase(self, user_id: str) -> None:
        """Forget everything about a user; done again, or after a crash within, it goes on."""
        ...

    async def versions_of(self, user_id: str, email_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the version of each mail that a search meets now; of those it meets at all.

        Raises:
            Retryable: As ``search``.
        """
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
