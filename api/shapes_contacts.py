"""What the API takes and answers about contacts."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from api.shapes import In, ListOut, Out, StretchQuery
from topologies.mail.contact_book import LONGEST_NAME


class ContactsQuery(StretchQuery, frozen=True, kw_only=True):
    """Whom to look for."""

    q: Annotated[
        str,
        Meta(
            max_length=320,
            description="beginnings of words of a name, or of parts of an address; empty: all",
        ),
    ] = ""


class ContactOut(Out, frozen=True, kw_only=True):
    """Somebody that the user wrote to."""

    address: str
    name: str  # as the user calls them, else as their mail does; maybe empty
    use_count: int  # mails that they were written to by
    last_used_at: datetime


class ContactsOut(ListOut, frozen=True, kw_only=True):
    """Whom the user wrote to; those written to most and lately first."""

    contacts: tuple[ContactOut, ...]


class ContactIn(In, frozen=True, kw_only=True):
    """What is known better of a contact."""

    name: Annotated[str, Meta(max_length=LONGEST_NAME)]
