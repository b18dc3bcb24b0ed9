"""What operators do with mail that waits: counted by destination and age, ordered, tried now.

The queue is on the log, in the topics of what is to be tried later; what is known about each
delivery is in ``Deliveries``. An order is kept there and obeyed at the next attempt; to let that
be now, the delivery is written to `delivery.due` once more, as the attempt that it waits for.
When the first one's time comes, it is known as made.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from topologies.events import WAITS, DeliveryDue, as_kind
from topologies.events.upcasting import reader_of
from topologies.mail import ids
from topologies.ports.deliveries import MAX_QUEUE_PAGE, Deliveries, Delivery, Order, QueueFilter
from topologies.ports.log import Entry, LogReader, WrittenLog
from topologies.topics import topic_of

Word = Literal["hold", "release", "retry", "cancel", "bounce", "reroute"]

# What is kept as an order; None: it is another matter.
_KEPT: Mapping[Word, Order | None] = {
    "hold": "hold",
    "release": "go",
    "retry": None,
    "cancel": "cancel",
    "bounce": "bounce",
    "reroute": None,
}

MOST_COUNTED = 100_000
# Records of a waiting time are looked for so long after it: a timer may lag behind.
LATEST = timedelta(days=1)
AGES: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
OLDER = "older"  # than all of those


@dataclass(slots=True, kw_only=True)
class DestinationCount:
    """How many deliveries of one destination wait.

    Attributes:
        by_age: Of `count`, by the first of ``AGES`` that they are younger than, or ``OLDER``.
    """

    destination: str
    count: int
    held: int
    by_age: dict[str, int]
    oldest_at: datetime
    reason: str = ""  # what the peer of one of them said last


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """What waits, the destinations with most first."""

    destinations: Sequence[DestinationCount]
    count: int
    is_complete: bool  # False: there are more than were counted


class _Waiting(msgspec.Struct, frozen=True):
    """What is read of a record to find out whether it is asked for."""

    delivery_id: str
    attempt: int = 1


async def chosen(
    deliveries: Deliveries, wanted: QueueFilter, *, most: int = MOST_COUNTED
) -> AsyncIterator[Delivery]:
    """Yield the deliveries of the queue that *wanted* lets, oldest first, *most* at most."""
    cursor: str | None = None
    count = 0
    while True:
        page = await deliveries.queue(wanted, limit=MAX_QUEUE_PAGE, cursor=cursor)
        for delivery in page.deliveries:
            if count == most:
                return
            count += 1
            yield delivery
        cursor = page.next_cursor
        if cursor is None:
            return


async def counted(deliveries: Deliveries, wanted: QueueFilter, now: datetime) -> QueueCounts:
    """Return how many wait, by destination and age."""
    found: dict[str, DestinationCount] = {}
    total = 0
    async for delivery in chosen(deliveries, wanted, most=MOST_COUNTED + 1):
        total += 1
        if total > MOST_COUNTED:
            break
        count = found.get(delivery.destination)
        if count is None:  # the oldest comes first
            count = found[delivery.destination] = DestinationCount(
                destination=delivery.destination,
                count=0,
                held=0,
                by_age=dict.fromkeys([*AGES, OLDER], 0),
                oldest_at=delivery.submitted_at,
            )
        count.count += 1
        count.held += delivery.order == "hold"
        count.by_age[_age(now - delivery.submitted_at)] += 1
        count.reason = count.reason or next((e.text for e in delivery.recipients if e.text), "")
    return QueueCounts(
        destinations=sorted(found.values(), key=lambda each: (-each.count, each.destination)),
        count=min(total, MOST_COUNTED),
        is_complete=total <= MOST_COUNTED,
    )


async def give(
    deliveries: Deliveries, wanted: Sequence[Delivery], word: Word, *, via: str = ""
) -> tuple[Sequence[Delivery], Sequence[Delivery]]:
    """Keep what an operator says about deliveries.

    Args:
        deliveries: Where it is kept.
        wanted: About which.
        word: What is to be done with them.
        via: For ``reroute``: HOST or HOST:PORT; empty: their destination's own again.

    Returns:
        Those that it is kept of, which are not done; and of them those to be tried now.

    Raises:
        Retryable: The store is out of reach; it is kept of none or some.
    """
    given = [each for each in wanted if await _is_given(deliveries, each, word, via)]
    if word == "hold":
        return given, []
    return given, [each for each in given if word != "reroute" or each.order != "hold"]


async def _is_given(deliveries: Deliveries, delivery: Delivery, word: Word, via: str) -> bool:
    kept = _KEPT[word]
    if kept is not None:
        return await deliveries.give(delivery.delivery_id, kept)
    if word == "reroute":
        return await deliveries.reroute(delivery.delivery_id, via)
    return delivery.is_open


async def try_now(
    wanted: Collection[Delivery], reader: LogReader, log: WrittenLog, now: datetime
) -> Sequence[str]:
    """Let deliveries be tried now, and return the ids of those that were found waiting.

    Those not found are under way at this moment, or done.

    Raises:
        Retryable: The log is out of reach; none or some are tried now.
    """
    attempts = {each.delivery_id: each.attempt + 1 for each in wanted if each.is_open}
    found: dict[str, DeliveryDue] = {}
    for wait, kind in WAITS.items():
        if len(found) == len(attempts):
            break
        records = reader.read(topic_of(kind).name, since=now - wait - LATEST)
        async with aclosing(records):
            async for record in records:
                waiting = msgspec.json.decode(record.value, type=_Waiting)
                if attempts.get(waiting.delivery_id) == waiting.attempt:
                    due = reader_of(kind).read(record.value)
                    found[due.delivery_id] = as_kind(due, DeliveryDue, due_at=now)
    await log.write(
        [
            Entry(
                topic=topic_of(DeliveryDue).name,
                key=due.key,
                value=msgspec.json.encode(due),
                event_id=ids.event_id("queue", f"{due.delivery_id} {due.attempt}", 0),
            )
            for due in found.values()
        ]
    )
    return list(found)


def _age(waited: timedelta) -> str:
    return next((name for name, limit in AGES.items() if waited < limit), OLDER)
