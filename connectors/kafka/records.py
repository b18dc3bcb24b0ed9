"""Our entries and records as Kafka's messages: key, value, and headers with the event_id."""

from datetime import UTC, datetime

import msgspec
from confluent_kafka import Message
from confluent_kafka._types import HeadersType

from topologies.events.base import Event
from topologies.mail.ids import new_id
from topologies.ports.log import Entry, Record
from topologies.ports.tracer import trace_headers
from topologies.topics import EVENT_ID, topic_of

Headers = list[tuple[str, str | bytes | None]]


def entry_of(event: Event, at: datetime) -> Entry:
    """Return *event*, which comes from outside at the moment *at*, as it is appended."""
    return Entry(
        topic=topic_of(type(event)).name,
        key=event.key,
        value=msgspec.json.encode(event),
        event_id=event.own_id or new_id(at),
        headers=trace_headers(),
    )


def headers_of(entry: Entry) -> Headers:
    """Return the headers of *entry* as Kafka has them: bytes.

    A reason may quote a mail, and so hold what UTF-8 can't: that is escaped.
    """
    headers: Headers = [(EVENT_ID, entry.event_id.encode())]
    for name, text in entry.headers.items():
        headers.append((name, text.encode("utf-8", "backslashreplace")))
    return headers


def record_of(message: Message, topic: str) -> Record:
    """Return *message*, read from *topic* (named without the prefix), as a record.

    What others wrote is taken as far as it goes: a dead letter must show what is there.
    """
    headers = _texts(message.headers())
    return Record(
        topic=topic,
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_text(message.key()),
        value=message.value() or b"",
        event_id=headers.pop(EVENT_ID, ""),
        appended_at=datetime.fromtimestamp(max(0, message.timestamp()[1]) / 1000, UTC),
        headers=headers,
    )


def _texts(headers: HeadersType | None) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return {name: _text(value) for name, value in pairs}


def _text(value: str | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def partition_of(key: str, partitions: int) -> int:
    """Return in which of so many *partitions* the records with *key* lie.

    As ``murmur2_random`` of the producers and Java's clients hash.
    """
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """Return the hash of *data* that Kafka's clients take, 32 bits."""
    factor, bits = 0x5BD1E995, 0xFFFFFFFF
    value = (0x9747B28C ^ len(data)) & bits
    whole = len(data) - len(data) % 4
    for start in range(0, whole, 4):
        part = int.from_bytes(data[start : start + 4], "little") * factor & bits
        part = (part ^ part >> 24) * factor & bits
        value = (value * factor & bits) ^ part
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * factor & bits
    value = (value ^ value >> 13) * factor & bits
    return value ^ value >> 15
