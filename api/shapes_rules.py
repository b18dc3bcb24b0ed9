"""What the HTTP API takes and gives about a user's rules, as JSON."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from api.shapes import In, Out
from api.shapes_sending import MAX_ADDRESS_CHARACTERS
from topologies.mail.rule_book import LONGEST_SUBJECT, LONGEST_TEXT
from topologies.mail.sieve_lexer import MOST_BYTES
from topologies.mail.sieve_run import MOST_DAYS
from topologies.ports.rules import MOST_FORWARDED_TO

Source = Annotated[str, Meta(max_length=MOST_BYTES, description="Sieve (RFC 5228)")]
Moment = Annotated[datetime, Meta(tz=True)]
GivenAddress = Annotated[str, Meta(max_length=MAX_ADDRESS_CHARACTERS)]


class ScriptIn(In, frozen=True, kw_only=True):
    """A script to keep, or to check."""

    source: Source


class ScriptLine(Out, frozen=True, kw_only=True):
    """A script as a line of a listing."""

    name: str
    is_active: bool  # run on each mail; one at most
    size: int  # bytes
    etag: str  # as in the header ETag
    changed_at: datetime


class ScriptOut(ScriptLine, frozen=True, kw_only=True):
    """A script whole."""

    source: str


class ActiveScript(In, frozen=True, kw_only=True):
    """Which script is run on each mail."""

    name: str | None  # null: none


class Checked(Out, frozen=True, kw_only=True):
    """A script that could be run."""

    extensions: tuple[str, ...]  # that it requires


class Away(In, frozen=True, kw_only=True):
    """What is answered while the user is away."""

    is_on: bool
    text: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""
    subject: Annotated[str, Meta(max_length=LONGEST_SUBJECT)] = ""  # empty: made of the mail's
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] = 7  # before a sender is answered again
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class Forwards(In, frozen=True, kw_only=True):
    """Where mail goes on to."""

    is_on: bool
    addresses: Annotated[tuple[GivenAddress, ...], Meta(max_length=MOST_FORWARDED_TO)] = ()
    keeps_copy: bool = True
