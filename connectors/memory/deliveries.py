"""Deliveries in dicts: for tests, and what the others are held against."""

from collections.abc import Sequence
from dataclasses import replace

from topologies.events import DeliveryAttempted, DeliveryDue, RecipientResult
from topologies.mail import delivery_state
from topologies.ports.deliveries import Delivery, Order, Orders, QueueFilter, QueuePage


class MemoryDeliveries:
    """All deliveries of one process, gone with it."""

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}
        self._attempts: dict[tuple[str, int], tuple[RecipientResult, ...]] = {}
        self._listed: set[str] = set()

    async def orders(self, due: DeliveryDue) -> Orders:
        known = self._deliveries.get(due.delivery_id)
        return Orders(known.order, known.via) if known else Orders()

    async def told(self, delivery_id: str, attempt: int) -> tuple[RecipientResult, ...] | None:
        return self._attempts.get((delivery_id, attempt))

    async def tell(self, attempted: DeliveryAttempted) -> None:
        if not attempted.is_late:
            place = (attempted.delivery_id, attempted.attempt)
            self._attempts.setdefault(place, attempted.results)
        news = delivery_state.after(attempted)
        self._keep(news)
        if delivery_state.is_listed(news):
            self._listed.add(news.delivery_id)

    async def expect(self, due: DeliveryDue) -> None:
        self._keep(delivery_state.begun(due))

    async def of_mail(self, mail_id: str) -> Sequence[Delivery]:
        found = (each for each in self._deliveries.values() if each.mail_id == mail_id)
        return sorted(found, key=lambda each: (each.destination, each.delivery_id))

    async def find(self, delivery_id: str) -> Delivery | None:
        return self._deliveries.get(delivery_id)

    async def give(self, delivery_id: str, order: Order) -> bool:
        known = self._deliveries.get(delivery_id)
        if known is None or not known.is_open:
            return False
        self._deliveries[delivery_id] = replace(known, order=order)
        self._listed.add(delivery_id)
        return True

    async def reroute(self, delivery_id: str, via: str) -> bool:
        known = self._deliveries.get(delivery_id)
        if known is None or not known.is_open:
            return False
        self._deliveries[delivery_id] = replace(known, via=via)
        self._listed.add(delivery_id)
        return True

    async def queue(
        self, wanted: QueueFilter, *, limit: int = 100, cursor: str | None = None
    ) -> QueuePage:
        start = delivery_state.place_of(cursor) if cursor is not None else None
        places = sorted((self._deliveries[i].submitted_at, i) for i in self._listed)
        found = [
            self._deliveries[place[1]]
            for place in places
            if (start is None or place > start) and wanted.lets(self._deliveries[place[1]])
        ]
        page = tuple(found[:limit])
        has_more = len(found) > limit
        return QueuePage(
            deliveries=page,
            next_cursor=delivery_state.cursor_of(page[-1].submitted_at, page[-1].delivery_id)
            if has_more
            else None,
        )

    def _keep(self, news: Delivery) -> None:
        known = self._deliveries.get(news.delivery_id, replace(news, recipients=()))
        recipients = delivery_state.merged(known.recipients, news.recipients)
        self._deliveries[news.delivery_id] = replace(known, recipients=recipients)
