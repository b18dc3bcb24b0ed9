"""What became of mail to other systems: by destination and by the day it was sent on.

Reads `delivery.outcomes`, its partitions beside each other. Each recipient of a delivery counts
once, as its last attempt left it: delivered, deferred, or bounced; a bounce that came later takes
the place of the attempt it is about. So records that the log holds twice change nothing. What the
log has forgotten stays as an earlier report told it: of two rows of one day the one that knows
more is kept.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false
# Beam types its transforms only in part, and Arrow has no types.

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import apache_beam as beam
import msgspec
import pyarrow as pa

from connectors.assembly.stores import Stores
from pipelines.at_stores import AtStores
from topologies.events import DeliveryAttempted, Event, MailComplained
from topologies.events.upcasting import EventReader
from topologies.topics import topic_of

MOST_PARTITIONS = 1_024  # that a topic may have had before the settings' number
COUNTS = (
    *("sent", "delivered", "deferred", "bounced"),
    *("deferrals", "suppressed", "complained"),
)
SCHEMA: Any = pa.schema(
    [
        pa.field("destination", pa.string(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in COUNTS),
    ]
)

_Key = tuple[str, str]  # destination, day
_reader: EventReader[Event] = EventReader((DeliveryAttempted, MailComplained))


class Told(NamedTuple):
    """What is known of one recipient of one delivery.

    Attributes:
        day: ISO 8601: what every runner can group by.
        rank: Of the attempt that ``status`` is of; a late bounce is above its attempt.
        deferred: The attempts that the peer put off.
    """

    destination: str = ""
    day: str = ""
    rank: int = -1
    status: str = ""
    deferred: frozenset[int] = frozenset()
    is_complained: bool = False


class Deliverability(beam.PTransform[Any, Any]):
    """From the numbers of partitions to rows of ``SCHEMA``.

    Args:
        known: Rows of an earlier report; None: there is none.
    """

    def __init__(self, known: Any = None) -> None:
        super().__init__()
        self._known = known

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        rows = (
            input_or_inputs
            | "Outcomes" >> beam.ParDo(AtStores(_outcomes))
            | "Last of each recipient" >> beam.CombinePerKey(last_of)
            | "By day" >> beam.MapTuple(_counted)
            | "Add up" >> beam.CombinePerKey(_added)
            | "Row" >> beam.MapTuple(_row)
        )
        if self._known is None:
            return rows
        new = rows | "New" >> beam.Map(_by_key, 1)
        old = self._known | "Old" >> beam.Map(_by_key, 0)
        return (
            (new, old)
            | "Both" >> beam.Flatten()
            | "Which knows more" >> beam.CombinePerKey(fuller)
            | "Of both" >> beam.MapTuple(_the_row)
        )


def partitions(known: int) -> list[tuple[int, ...]]:
    """Return which partitions are read together: each alone, and what lies beyond those known."""
    return [*((number,) for number in range(known)), tuple(range(known, MOST_PARTITIONS))]


def outcomes(event: Event) -> Iterator[tuple[tuple[str, str], Told]]:
    """Yield what *event* says of each recipient, by delivery_id and recipient."""
    if isinstance(event, MailComplained):
        domain = event.recipient.rpartition("@")[2].lower()
        told = Told(domain, _day(event.submitted_at), is_complained=True)
        yield (event.delivery_id, event.recipient), told
    elif isinstance(event, DeliveryAttempted):
        day = _day(event.submitted_at)
        for result in event.results:
            told = Told(
                destination=event.destination,
                day=day,
                rank=2 * event.attempt + event.is_late,
                status="suppressed" if result.is_suppressed else result.status,
                deferred=frozenset([event.attempt] if result.status == "deferred" else []),
            )
            yield (event.delivery_id, result.recipient), told


def last_of(parts: Iterable[Told]) -> Told:
    """Return what *parts*, in any order and any of them twice, say together."""
    last = Told()
    for part in map(Told._make, parts):
        newer = part if (part.rank, part.status) > (last.rank, last.status) else last
        last = newer._replace(
            destination=newer.destination or part.destination or last.destination,
            day=max(part.day, last.day),
            deferred=last.deferred | part.deferred,
            is_complained=last.is_complained or part.is_complained,
        )
    return last


def fuller(parts: Iterable[tuple[dict[str, Any], int]]) -> tuple[dict[str, Any], int]:
    """Return the row of more recipients; of two that know as many, the newer."""
    chosen: tuple[dict[str, Any], int] = ({}, -1)
    for row, is_new in parts:
        if (row["sent"], is_new) > (chosen[0].get("sent", -1), chosen[1]):
            chosen = (row, is_new)
    return chosen


async def _outcomes(
    stores: Stores, numbers: Sequence[int]
) -> AsyncIterator[tuple[tuple[str, str], Told]]:
    name = topic_of(DeliveryAttempted).name
    offsets = dict.fromkeys(numbers, 0)
    async with aclosing(stores.reader.read(name, offsets=offsets)) as records:
        async for record in records:
            try:
                event = _reader.read(record.value)
            except msgspec.DecodeError:
                continue  # another kind of fact of this topic, or among the dead letters
            for each in outcomes(event):
                yield each


def _counted(_: tuple[str, str], told: Told) -> tuple[_Key, tuple[int, ...]]:
    told = Told._make(told)
    is_sent = told.status in ("delivered", "deferred", "failed")
    counts = (
        is_sent,
        told.status == "delivered",
        told.status == "deferred",
        told.status == "failed",
        len(told.deferred),
        told.status == "suppressed",
        told.is_complained,
    )
    return (told.destination, told.day), tuple(map(int, counts))


def _added(parts: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    total = [0] * len(COUNTS)
    for part in parts:
        total = [have + more for have, more in zip(total, part, strict=True)]
    return tuple(total)


def _row(key: _Key, counts: tuple[int, ...]) -> dict[str, Any]:
    return {
        "destination": key[0],
        "day": date.fromisoformat(key[1]),
        **dict(zip(COUNTS, counts, strict=True)),
    }


def _by_key(row: dict[str, Any], is_new: int) -> tuple[_Key, tuple[dict[str, Any], int]]:
    return (row["destination"], row["day"].isoformat()), (row, is_new)


def _the_row(_: _Key, chosen: tuple[dict[str, Any], int]) -> dict[str, Any]:
    return chosen[0]


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()
