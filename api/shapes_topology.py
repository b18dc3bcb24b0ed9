"""What the HTTP API gives about stages, how mail flows through them, and where a mail is."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from api.shapes import In, Out
from api.shapes_delivery import QueuedOut
from topologies.ports.top_senders import MOST_SHOWN


class StageOut(Out, frozen=True, kw_only=True):
    """A stage, and how it does at the moment."""

    name: str
    path: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    reads_topic: str
    writes_topics: tuple[str, ...]
    timeout_s: float
    attempts: int
    heads_chain: bool  # reads its topic; else it is handed what it reads in process
    done_per_s: float  # over the last minute, as are the next two
    again_per_s: float  # retries
    buried_per_s: float
    waiting: int  # records that are tried again at the moment
    oldest_s: float  # for how long the oldest of those has been tried
    lag_records: int | None  # null: it heads no chain, or it is not known
    lag_s: float | None  # age of the oldest record before it
    dead_letters: int  # that nobody settled


class TopologyOut(Out, frozen=True, kw_only=True):
    """All stages, and how mail flows through them."""

    at: datetime
    stages: tuple[StageOut, ...]
    cuts: tuple[str, ...]
    taps: tuple[str, ...]
    replay_lag: dict[str, int]  # what comes back and waits, by path
    later: dict[str, int]  # records that wait for their time, by topic
    unknown: tuple[str, ...]  # what could not be looked up, and why


class TopSendersQuery(In, frozen=True, kw_only=True):
    """Of which hour."""

    hour: (
        Annotated[datetime, Meta(tz=True, description="any moment in it; by default the last")]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=MOST_SHOWN)] = 20


class TopSenderOut(Out, frozen=True, kw_only=True):
    """Who sent how much in an hour."""

    sender: str  # a domain that DMARC has proved; or "user:" and the id of a user of ours
    mails: int  # exact below 256, else to about 6 %
    bad: int  # spam or malware among them


class TopSendersOut(Out, frozen=True, kw_only=True):
    """Who sent most in one hour, by when their mails were received."""

    hour: datetime  # when it begins
    senders: tuple[TopSenderOut, ...]


class TraceEvent(Out, frozen=True, kw_only=True):
    """One event of a mail on the log."""

    at: datetime
    after_s: float  # since the first event
    topic: str
    partition: int
    offset: int
    key: str
    event_id: str
    tag: str  # name/version; empty: it can't be read
    mail_id: str
    written_by: str  # the stage; empty: it entered from outside, or it is not known
    came_of: str  # the event_id of what that stage had read
    is_replay: bool
    said: str  # what it says, in a few words
    fields: dict[str, Any]  # the event as it stands there, less the message


class TraceCopy(Out, frozen=True, kw_only=True):
    """A user's copy of the mail."""

    user_id: str
    address: str
    mail_id: str
    email_id: str
    folder_id: str  # empty: it is gone


class TraceLetter(Out, frozen=True, kw_only=True):
    """A dead letter about the mail."""

    letter_id: str
    path: str
    stage: str
    kind: str
    state: str
    reason: str
    attempts: int
    buried_at: datetime


class TraceOut(Out, frozen=True, kw_only=True):
    """Where a mail is, and how it came there."""

    mail_ids: tuple[str, ...]  # its own, and those of mails that came of it or that it came of
    events: tuple[TraceEvent, ...]  # in order of time
    copies: tuple[TraceCopy, ...]
    deliveries: tuple[QueuedOut, ...]
    dead_letters: tuple[TraceLetter, ...]
    incomplete: tuple[str, ...]  # what was not looked into as far as it goes
