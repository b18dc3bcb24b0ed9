"""What the HTTP API takes and gives about the quarantine, as JSON."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from api.shapes import ListQuery, Out
from api.shapes_emails import EmailLine, EmailOut, FindingOut

State = Literal["held", "released"]


class QuarantineQuery(ListQuery, frozen=True, kw_only=True):
    """Which stretch of the quarantine."""

    state: Annotated[State, Meta(description="not decided yet, or let out")] = "held"


class HeldLine(EmailLine, frozen=True, kw_only=True):
    """A held mail as a line of a listing."""

    mail_id: str
    mail_from: str  # envelope sender
    recipients: tuple[str, ...]  # who does not get it
    state: State
    note: str  # what was found, in a sentence
    findings: tuple[FindingOut, ...]


class HeldPage(Out, frozen=True, kw_only=True):
    """A stretch of the quarantine, newest first."""

    emails: tuple[HeldLine, ...]
    total_count: int
    has_more: bool
    next_cursor: str | None


class HeldOut(EmailOut, frozen=True, kw_only=True):
    """A held mail whole."""

    mail_from: str
    recipients: tuple[str, ...]
    state: State


class ReleasedOut(Out, frozen=True, kw_only=True):
    """A mail was handed in again."""

    email_id: str  # in the quarantine, where it stays
    mail_id: str  # under which it is on its way now
    recipients: tuple[str, ...]
    state: Literal["released"]
    received_at: datetime  # when it was accepted: it lies there in its recipients' folders
