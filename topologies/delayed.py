"""What waits its time: records of a topic with a delay, and when they go on.

Deliveries go on to `delivery.due`, mails that were sent for later to `mail.held`, messages for
webhooks to `webhook.due`, notices for browsers to `push.due`, wishes for no more mail to
`unsubscribe.due`, mails that were put off to `snooze.due`, and that a sender is to be told of what
was gathered to `delivery.outcomes`.

Shared by the timers of both logs. All records of such a topic wait equally long, so what was
written first is due first, and nothing has to be looked for.
"""

from datetime import datetime

import msgspec

from topologies.events import (
    DeliveryDue,
    Event,
    MailHeld,
    PushDue,
    ReportDue,
    SnoozeDue,
    UnsubscribeDue,
    WebhookDue,
    event_tag,
)
from topologies.events.base import as_kind
from topologies.events.summary import SummaryDue
from topologies.events.upcasting import reader_of
from topologies.mail import ids
from topologies.ports.log import Entry, Record
from topologies.ports.tracer import TRACEPARENT
from topologies.topics import BY_NAME, TIMER, TOPICS, Topic, dead_topic, topic_of

GROUP = TIMER  # whose positions these are
PATH = "outbound"  # whose dead letters hold what can't be read
# As what records go on.
DUE: tuple[type[Event], ...] = (
    DeliveryDue,
    MailHeld,
    PushDue,
    ReportDue,
    SnoozeDue,
    SummaryDue,
    UnsubscribeDue,
    WebhookDue,
)


def delayed_topics() -> tuple[Topic, ...]:
    """Return the topics whose records wait."""
    return tuple(topic for topic in TOPICS if topic.delay is not None)


def due_kind(topic: Topic) -> type[Event] | None:
    """Return as what the records of *topic*, which wait, go on; None: they are of none of ours."""
    return next((kind for kind in DUE if issubclass(topic.events[0], kind)), None)


def due_at(record: Record) -> datetime:
    """Return when *record*, of a topic with a delay, goes on."""
    delay = BY_NAME[record.topic].delay
    return record.appended_at + delay if delay is not None else record.appended_at


def moved(record: Record) -> Entry:
    """Return what is written when the time of *record* has come.

    Its id is derived: what is moved twice, after a crash, is the same event. What can't be
    decoded becomes a dead letter, and whoever replays it has it here again.
    """
    [kind] = BY_NAME[record.topic].events
    event_id = ids.event_id(GROUP, record.event_id, 0)
    try:
        waited = reader_of(kind).read(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _dead_letter(record, event_id, f"undecodable: {error}")
    due = due_kind(BY_NAME[record.topic])
    if due is None:
        return _dead_letter(record, event_id, f"{event_tag(kind)} does not wait for a time")
    event = as_kind(waited, due)
    return Entry(
        topic=topic_of(due).name,
        key=event.key,
        value=msgspec.json.encode(event),
        event_id=event_id,
        headers={name: record.headers[name] for name in (TRACEPARENT,) if name in record.headers},
    )


def _dead_letter(record: Record, event_id: str, reason: str) -> Entry:
    return Entry(
        topic=dead_topic(PATH),
        key=record.key,
        value=record.value,
        event_id=event_id,
        headers={
            "stage": GROUP,
            "topic": record.topic,
            "kind": "poison",
            "reason": reason,
            "traceback": "",
            "attempts": "1",
            "origin": f"{record.topic}/{record.partition}/{record.offset}",
        },
    )
