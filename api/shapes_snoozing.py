"""What the API takes and answers about mails that are put off."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from api.shapes import In, ListOut, Out
from api.shapes_emails import EmailLine


class SnoozeIn(In, frozen=True, kw_only=True):
    """When a mail is to come back."""

    until: Annotated[datetime, Meta(tz=True, description="in the future, within a year")]


class SnoozedOut(Out, frozen=True, kw_only=True):
    """A mail that is put off."""

    email_id: str  # until then; it comes back under another one
    until: datetime
    folder_id: str  # where it goes back to if it is not put off any more
    email: EmailLine


class SnoozedMailsOut(ListOut, frozen=True, kw_only=True):
    """Mails that are put off, the first that comes back first."""

    snoozed: tuple[SnoozedOut, ...]
