"""What the API answers about getting no more mail of a sender."""

from datetime import datetime
from typing import Literal

from api.shapes import Out


class UnsubscribeOut(Out, frozen=True, kw_only=True):
    """Whether no more mail like one can be asked for, and what came of it."""

    email_id: str
    way: Literal["one-click", "mail", "none"]  # none: the mail offers nothing that can be trusted
    to: str  # who is asked: a host, or an address
    state: Literal["offered", "asked", "done", "refused", "none"]
    asked_at: datetime | None = None
    settled_at: datetime | None = None  # since when it is done or refused
    next_try_at: datetime | None = None
    detail: str = ""  # what the sender answered, if that was no yes
