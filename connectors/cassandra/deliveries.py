"""What became of mail for others, in Cassandra: by mail, and by hour for operators."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import groupby

import msgspec

from connectors.cassandra.deliveries_schema import LISTED_S
from connectors.cassandra.session import CassandraSession, Row, Statement, gather
from topologies.events import DeliveryAttempted, DeliveryDue, RecipientResult
from topologies.mail import delivery_state
from topologies.ports.clock import Clock
from topologies.ports.deliveries import (
    Delivery,
    Order,
    Orders,
    QueueFilter,
    QueuePage,
    RecipientView,
)

ROWS_AT_ONCE = 100  # of one batch, all of one partition
HOURS_AT_ONCE = 48
LOOKED_AT = 1_000  # rows of one hour for one page
LOADED_AT_ONCE = 64

_COLUMNS = (
    "mail_id, delivery_id, recipient, told, user_id, mail_from, destination, kind, submitted_us"
)
_KEEP = (
    f"INSERT INTO delivery_recipients ({_COLUMNS})"  # noqa: S608  constants, here and below
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_OF_MAIL = f"SELECT {_COLUMNS} FROM delivery_recipients WHERE mail_id = ?"  # noqa: S608
_ONE = f"{_OF_MAIL} AND delivery_id = ?"
_NAME = "INSERT INTO deliveries (delivery_id, mail_id) VALUES (?, ?)"
_NAMED = "SELECT mail_id, told_order, via FROM deliveries WHERE delivery_id = ?"
_GIVE = "INSERT INTO deliveries (delivery_id, told_order) VALUES (?, ?)"
_REROUTE = "INSERT INTO deliveries (delivery_id, via) VALUES (?, ?)"
_TELL = "INSERT INTO delivery_attempts (delivery_id, attempt, results) VALUES (?, ?, ?)"
_TOLD = "SELECT results FROM delivery_attempts WHERE delivery_id = ? AND attempt = ?"
_LIST = (
    "INSERT INTO delivery_queue (destination, hour, submitted_us, delivery_id, mail_id)"
    " VALUES (?, ?, ?, ?, ?)"
)
_LISTED = (
    "SELECT submitted_us, delivery_id, mail_id FROM delivery_queue"
    " WHERE destination = ? AND hour = ? AND (submitted_us, delivery_id) > (?, ?) LIMIT ?"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR_US = 3_600_000_000


class CassandraDeliveries:
    """The deliveries of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock

    async def orders(self, due: DeliveryDue) -> Orders:
        return _orders(await self._session.execute(_NAMED, (due.delivery_id,)))

    async def told(self, delivery_id: str, attempt: int) -> tuple[RecipientResult, ...] | None:
        rows = await self._session.execute(_TOLD, (delivery_id, attempt))
        return msgspec.json.decode(rows[0][0], type=tuple[RecipientResult, ...]) if rows else None

    async def tell(self, attempted: DeliveryAttempted) -> None:
        news = delivery_state.after(attempted)
        beside = [*_listing(news)] if delivery_state.is_listed(news) else []
        if not attempted.is_late:
            results = msgspec.json.encode(attempted.results)
            beside.append((_TELL, (attempted.delivery_id, attempted.attempt, results)))
        await self._keep(news, *beside)

    async def expect(self, due: DeliveryDue) -> None:
        await self._keep(delivery_state.begun(due))

    async def of_mail(self, mail_id: str) -> Sequence[Delivery]:
        rows = await self._session.execute(_OF_MAIL, (mail_id,))
        groups = [list(group) for _, group in groupby(rows, key=lambda row: row[1])]
        orders = await self._session.execute_all([(_NAMED, (group[0][1],)) for group in groups])
        found = [
            _delivery(group, _orders(names)) for group, names in zip(groups, orders, strict=True)
        ]
        return sorted(found, key=lambda each: (each.destination, each.delivery_id))

    async def find(self, delivery_id: str) -> Delivery | None:
        names = await self._session.execute(_NAMED, (delivery_id,))
        if not names or names[0][0] is None:
            return None
        rows = await self._session.execute(_ONE, (names[0][0], delivery_id))
        return _delivery(rows, _orders(names)) if rows else None

    async def give(self, delivery_id: str, order: Order) -> bool:
        return await self._change(delivery_id, _GIVE, order)

    async def reroute(self, delivery_id: str, via: str) -> bool:
        return await self._change(delivery_id, _REROUTE, via)

    async def _change(self, delivery_id: str, statement: str, value: str) -> bool:
        known = await self.find(delivery_id)
        if known is None or not known.is_open:
            return False
        # Listed first: an order that nobody can find is worse than a line too many.
        await self._session.execute_all(_listing(known))
        await self._session.execute(statement, (delivery_id, value))
        return True

    async def queue(
        self, wanted: QueueFilter, *, limit: int = 100, cursor: str | None = None
    ) -> QueuePage:
        found: list[Delivery] = []
        async with aclosing(self._listed(wanted, cursor)) as stretches:
            async for rows, is_cut in stretches:
                for delivery in await self._load(rows):
                    if not wanted.lets(delivery):
                        continue
                    if len(found) == limit:
                        return _page(found, found[-1].submitted_at, found[-1].delivery_id)
                    found.append(delivery)
                if is_cut:
                    submitted_us, delivery_id, _ = rows[-1]
                    return _page(found, _EPOCH + submitted_us * _MICROSECOND, delivery_id)
        return QueuePage(deliveries=tuple(found), next_cursor=None)

    async def _listed(
        self, wanted: QueueFilter, cursor: str | None
    ) -> AsyncGenerator[tuple[Sequence[Row], bool]]:
        """Yield stretches of the queue; the last one may be cut, so that no page takes long."""
        place = delivery_state.place_of(cursor) if cursor is not None else None
        now_us = _us(self._clock.now())
        since = (_us(place[0]), place[1]) if place else (now_us - LISTED_S * 1_000_000, "")
        until = _us(wanted.submitted_before) if wanted.submitted_before else now_us
        hours = range(since[0] // _HOUR_US, min(until, now_us) // _HOUR_US + 1)
        for first in range(0, len(hours), HOURS_AT_ONCE):
            listed = await self._session.execute_all(
                [
                    (_LISTED, (wanted.destination, hour, *since, LOOKED_AT))
                    for hour in hours[first : first + HOURS_AT_ONCE]
                ]
            )
            for rows in listed:
                for begin in range(0, len(rows), LOADED_AT_ONCE):
                    end = begin + LOADED_AT_ONCE
                    yield rows[begin:end], len(rows) == LOOKED_AT and end >= LOOKED_AT

    async def _load(self, listed: Sequence[Row]) -> list[Delivery]:
        found = await gather([self.find(delivery_id) for _, delivery_id, _ in listed])
        return [delivery for delivery in found if delivery is not None]

    async def _keep(self, news: Delivery, *beside: Statement) -> None:
        rows: list[Statement] = [(_KEEP, _values(news, each)) for each in news.recipients]
        batches = [rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE)]
        statements = [(_NAME, (news.delivery_id, news.mail_id)), *beside]
        await gather(
            [
                *(self._session.batch(batch) for batch in batches),
                *(self._session.batch([statement]) for statement in statements),
            ]
        )


def _values(news: Delivery, recipient: RecipientView) -> tuple[object, ...]:
    return (
        news.mail_id,
        news.delivery_id,
        recipient.recipient,
        msgspec.json.encode(recipient),
        news.user_id,
        news.mail_from,
        news.destination,
        news.kind,
        _us(news.submitted_at),
        recipient.rank + 1,  # the timestamp
    )


def _listing(delivery: Delivery) -> tuple[Statement, ...]:
    submitted_us = _us(delivery.submitted_at)
    place = (submitted_us // _HOUR_US, submitted_us, delivery.delivery_id, delivery.mail_id)
    return ((_LIST, (delivery.destination, *place)), (_LIST, ("", *place)))


def _orders(names: Sequence[Row]) -> Orders:
    if not names:
        return Orders()
    _, order, via = names[0]
    return Orders(order or "go", via or "")


def _delivery(rows: Sequence[Row], orders: Orders) -> Delivery:
    mail_id, delivery_id, _, _, user_id, mail_from, destination, kind, submitted_us = rows[0]
    return Delivery(
        delivery_id=delivery_id,
        mail_id=mail_id,
        user_id=user_id,
        mail_from=mail_from,
        destination=destination,
        kind=kind,
        submitted_at=_EPOCH + submitted_us * _MICROSECOND,
        order=orders.order,
        via=orders.via,
        recipients=delivery_state.by_address(
            msgspec.json.decode(row[3], type=RecipientView) for row in rows
        ),
    )


def _page(found: Sequence[Delivery], submitted_at: datetime, delivery_id: str) -> QueuePage:
    cursor = delivery_state.cursor_of(submitted_at, delivery_id)
    return QueuePage(deliveries=tuple(found), next_cursor=cursor)


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
