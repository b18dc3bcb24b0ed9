"""Every topic: what it holds, by which key, for how long.

A topic is a *step* when exactly one stage follows along the same key: then the
events are handed on in process unless the edge is cut. All others are always
written. Topics of other distributions come behind ours (``topologies.extensions``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from topologies import extensions
from topologies.errors import Misconfigured
from topologies.events import (
    HOLDS,
    PUSH_WAITS,
    SNOOZE_WAITS,
    UNSUBSCRIBE_WAITS,
    WAITS,
    WEBHOOK_WAITS,
    AggregateArrived,
    ChangeLabel,
    CommandAnswered,
    CreateFolder,
    CreateLabel,
    DeleteEmails,
    DeleteFolder,
    DeleteLabel,
    Deliver,
    DeliveryAttempted,
    DeliveryDue,
    EmptyFolder,
    EraseMailbox,
    Event,
    LabelEmails,
    MailAuthenticated,
    MailboxChanged,
    MailComplained,
    MailDisposed,
    MailHeld,
    MailOutgoing,
    MailParsed,
    MailQuarantined,
    MailReceived,
    MailScanned,
    MailScored,
    MailSubmitted,
    MailUndeliverable,
    MailVetted,
    MoveEmails,
    PushDue,
    RenameFolder,
    ReportArrived,
    ReportDue,
    ReportDue5s,
    RestoreEmails,
    SaveDraft,
    SenderJudged,
    SentMailKept,
    SetFlags,
    SnoozeDue,
    SpamReported,
    UnsubscribeDue,
    UseMailbox,
    UserDeleted,
    WebhookDue,
    event_tag,
)
from topologies.events.summary import SUMMARY_WAITS, DmarcSeen, SummaryDue
from topologies.events.webhook import SenderRestrained
from topologies.topic import Topic

MORE_WITHOUT_ORDER = 4
_TAG = re.compile(r"[a-z][a-z0-9.-]*/[1-9][0-9]*")
DEAD_SUFFIX = ".dead"
REPLAY_SUFFIX = ".replay"
TIMER = "timer"  # whose positions those are of what waits; so no stage is called that
EVENT_ID = "event_id"  # header of records in Kafka; elsewhere it has a place of its own
FOR_STAGE = "stage"  # header of what comes back from the dead letters: whom alone it is for
TAPPED = "tapped"  # header of events that were handed on in process besides being written
EARLY = "early"  # header: the stage that had the event before it was written


def _waiting(name: str, key: str, waits: Mapping[timedelta, type[Event]]) -> Sequence[Topic]:
    """Return the topics in which records wait, by how long: `name.5m` after an event `…-5m`."""
    return [
        Topic(
            name=f"{name}.{event_tag(kind).partition('/')[0].partition('-')[2]}",
            key=key,
            events=(kind,),
            delay=wait,
        )
        for wait, kind in waits.items()
    ]


OWN_TOPICS: tuple[Topic, ...] = (
    Topic(name="mail.held", key="mail_id", events=(MailHeld,)),
    *_waiting("mail.held", "mail_id", HOLDS),
    Topic(name="mail.submitted", key="mail_id", events=(MailSubmitted,)),
    Topic(name="mail.vetted", key="mail_id", events=(MailVetted,), is_step=True),
    Topic(name="mail.received", key="mail_id", events=(MailReceived,)),
    Topic(name="mail.parsed", key="mail_id", events=(MailParsed,), is_step=True),
    Topic(name="mail.authenticated", key="mail_id", events=(MailAuthenticated,), is_step=True),
    Topic(name="mail.scanned", key="mail_id", events=(MailScanned,), is_step=True),
    Topic(name="mail.scored", key="mail_id", events=(MailScored,), is_step=True),
    Topic(
        name="mail.exceptions",
        key="mail_id",
        events=(MailQuarantined, MailUndeliverable, MailDisposed),
        retention=timedelta(days=30),
    ),
    Topic(name="mail.outgoing", key="mail_id", events=(MailOutgoing,)),
    Topic(
        name="delivery.due",
        key="destination",
        events=(DeliveryDue,),
        keeps_order=False,  # or a big destination would get one mail at a time
    ),
    *_waiting("delivery.later", "destination", WAITS),
    Topic(
        name="delivery.outcomes",
        key="mail_id",
        events=(DeliveryAttempted, MailComplained, SenderRestrained, ReportDue),
        retention=timedelta(days=30),
    ),
    Topic(
        name="delivery.reports.5s",
        key="mail_id",
        events=(ReportDue5s,),
        delay=timedelta(seconds=5),
    ),
    Topic(
        name="mail.reports",
        key="mail_id",
        events=(ReportArrived, AggregateArrived),
        retention=timedelta(days=30),
    ),
    Topic(
        name="webhook.due",
        key="webhook_id",
        events=(WebhookDue,),
        keeps_order=False,  # or a slow webhook would get one message at a time
    ),
    *_waiting("webhook.later", "webhook_id", WEBHOOK_WAITS),
    Topic(
        name="push.due",
        key="subscription_id",
        events=(PushDue,),
        keeps_order=False,  # or a slow push service would get one notice at a time
    ),
    *_waiting("push.later", "subscription_id", PUSH_WAITS),
    Topic(
        name="unsubscribe.due",
        key="host",
        events=(UnsubscribeDue,),
        keeps_order=False,  # or a slow host would get one at a time
    ),
    *_waiting("unsubscribe.later", "host", UNSUBSCRIBE_WAITS),
    Topic(name="senders.judged", key="sender", events=(SenderJudged,)),
    Topic(name="dmarc.seen", key="domain", events=(DmarcSeen,), keeps_order=False),
    Topic(name="summaries.due", key="domain", events=(SummaryDue,)),
    *_waiting("summaries.later", "domain", SUMMARY_WAITS),
    Topic(
        name="users.deleted",
        key="user_id",
        events=(UserDeleted,),
        retention=timedelta(days=30),
    ),
    Topic(name="snooze.due", key="user_id", events=(SnoozeDue,)),
    *_waiting("snooze.later", "user_id", SNOOZE_WAITS),
    Topic(
        name="mailbox.commands",
        key="user_id",
        events=(
            Deliver,
            SetFlags,
            MoveEmails,
            DeleteEmails,
            CreateFolder,
            RenameFolder,
            DeleteFolder,
            CreateLabel,
            ChangeLabel,
            DeleteLabel,
            LabelEmails,
            RestoreEmails,
            EmptyFolder,
            UseMailbox,
            SaveDraft,
            EraseMailbox,
        ),
    ),
    Topic(name="mailbox.reports", key="user_id", events=(SpamReported,)),
    Topic(name="mailbox.sent", key="user_id", events=(SentMailKept,)),
    Topic(name="mailbox.changes", key="user_id", events=(MailboxChanged, CommandAnswered)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a stage remembers from event to event, approximately, near the stream.

    In the cluster a Faust table, rebuilt from its changelog; partitioned as what the stage reads.

    Attributes:
        stage: The stage that alone writes it.
    """

    name: str
    stage: str


TABLES: tuple[Table, ...] = (
    Table(name="senders", stage="remember"),
    Table(name="windows", stage="tally_senders"),
)


def checked(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    """Return *topics* if each name and each event's tag is there once, and each event has a key.

    Raises:
        Misconfigured: What does not fit.
    """
    names: set[str] = set()
    tags: dict[str, str] = {}
    for topic in topics:
        if topic.name in names:
            raise Misconfigured(f"there are two topics {topic.name}")
        names.add(topic.name)
        for kind in topic.events:
            tag = event_tag(kind)
            if tag in tags:
                raise Misconfigured(f"{tags[tag]} and {topic.name} both hold {tag}")
            if not _TAG.fullmatch(tag):
                raise Misconfigured(f'{kind.__name__} is tagged {tag}: say tag="name/1"')
            if kind.key is Event.key:
                raise Misconfigured(
                    f"{kind.__name__} has no key: those of one key keep their order, so say which"
                    f" it is by a property `key`, such as its {topic.key}"
                )
            tags[tag] = topic.name
    return topics


TOPICS: tuple[Topic, ...] = checked((*OWN_TOPICS, *extensions.topics()))
_BY_EVENT: dict[type[Event], Topic] = {e: topic for topic in TOPICS for e in topic.events}
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def topic_of(kind: type[Event]) -> Topic:
    """Return the topic that events of *kind* are written to.

    Raises:
        Misconfigured: No topic holds them.
    """
    try:
        return _BY_EVENT[kind]
    except KeyError:
        raise Misconfigured(f"no topic holds {kind.__name__}: add it to topics.py") from None


def keeps_order(name: str) -> bool:
    """Return whether records of one key of the topic *name* are worked on one after another."""
    return name not in BY_NAME or BY_NAME[name].keeps_order


def in_flight(name: str, usual: int) -> int:
    """Return how many records of the topic *name* are worked on at once, where *usual* are.

    More where no order is kept: such work waits for others' systems, some of which are slow.
    """
    return usual if keeps_order(name) else usual * MORE_WITHOUT_ORDER


def dead_topic(path: str) -> str:
    """Return the name of the dead-letter topic of *path*."""
    return path + DEAD_SUFFIX


def replay_topic(path: str) -> str:
    """Return the topic by which dead letters of *path* come back to stages that read a step."""
    return path + REPLAY_SUFFIX


def comes_back_by(path: str, read: str) -> str:
    """Return the topic by which a dead letter comes back to a stage of *path* that reads *read*.

    It is the same topic, so that the order by key holds there, or ``replay_topic`` where that is
    a step: what is handed on in process has no reader of its own.
    """
    topic = BY_NAME.get(read)
    return read if topic is not None and not topic.is_step else replay_topic(path)
