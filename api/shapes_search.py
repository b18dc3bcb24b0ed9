"""What the HTTP API tells of a search besides the mails that it found."""

from api.shapes import Out
from api.shapes_emails import EmailLine


class LagOut(Out, frozen=True, kw_only=True):
    """How far the index is behind the mailbox, by the mailbox's last 20 changes.

    ``changes`` that can't be found yet, and how many seconds ago the first of them was made.
    """

    changes: int
    seconds: float


class PieceOut(Out, frozen=True, kw_only=True):
    """A piece of text, and whether a word of the search stands in it."""

    text: str
    is_hit: bool


class HighlightOut(Out, frozen=True, kw_only=True):
    """Where the words of a search stand in a mail.

    All of its subject, and of its text a passage around the first place; empty if there is none.
    """

    email_id: str
    subject: tuple[PieceOut, ...]
    text: tuple[PieceOut, ...]


class SearchPage(Out, frozen=True, kw_only=True):
    """A stretch of what was found."""

    emails: tuple[EmailLine, ...]
    total_count: int
    has_more: bool
    next_cursor: str | None
    lag: LagOut
    highlights: tuple[HighlightOut, ...] | None = None  # with `?highlight=true`
