"""What every store of deliveries keeps to."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.deliveries import MemoryDeliveries
from connectors.sqlite.database import Database
from connectors.sqlite.deliveries import MIGRATIONS, SqliteDeliveries
from topologies.events import DeliveryAttempted, DeliveryDue, RecipientResult
from topologies.ports.deliveries import KEPT, Deliveries, Orders, QueueFilter

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_what_is_due_is_pending_until_it_was_tried(deliveries: Deliveries) -> None:
    mail = Mail()
    await deliveries.expect(mail.due())
    [delivery] = await deliveries.of_mail(mail.mail_id)
    assert (delivery.state, delivery.attempt, delivery.next_try_at) == ("pending", 0, AT)
    assert [each.recipient for each in delivery.recipients] == ["bea@far.example", "bo@far.example"]
    assert await deliveries.find(mail.delivery_id) == delivery


async def test_what_an_attempt_came_to_is_told_by_recipient(deliveries: Deliveries) -> None:
    mail = Mail()
    await deliveries.expect(mail.due())
    await deliveries.tell(mail.attempted(1, bo="delivered", bea="deferred"))
    [delivery] = await deliveries.of_mail(mail.mail_id)
    bea, bo = delivery.recipients
    assert (bo.state, bo.attempt, bo.next_try_at) == ("delivered", 1, None)
    assert (bea.state, bea.next_try_at) == ("deferred", AT + timedelta(minutes=5))
    assert (bea.code, bea.enhanced, bea.text) == (450, "4.2.1", "Mailbox busy")
    assert (bea.host, bea.tls, bea.attempted_at) == ("mx.far.example", "TLSv1.3", AT)
    assert delivery.state == "deferred"


async def test_an_attempt_that_was_made_is_known_by_its_number(deliveries: Deliveries) -> None:
    mail = Mail()
    attempted = mail.attempted(1, bo="delivered", bea="deferred")
    assert await deliveries.told(mail.delivery_id, 1) is None
    await deliveries.tell(attempted)
    assert await deliveries.told(mail.delivery_id, 1) == attempted.results
    assert await deliveries.told(mail.delivery_id, 2) is None


async def test_an_older_attempt_never_replaces_a_newer_one(deliveries: Deliveries) -> None:
    mail = Mail()
    first = mail.attempted(1, bo="deferred", bea="deferred")
    await deliveries.tell(mail.attempted(2, bo="delivered", bea="failed"))
    await deliveries.tell(first)
    await deliveries.expect(mail.due())
    [delivery] = await deliveries.of_mail(mail.mail_id)
    assert [each.state for each in delivery.recipients] == ["failed", "delivered"]
    assert not delivery.is_open
    assert await deliveries.told(mail.delivery_id, 1) == first.results


async def test_told_twice_is_told_once(deliveries: Deliveries) -> None:
    mail = Mail()
    for _ in range(2):
        await deliveries.tell(mail.attempted(1, bo="failed", bea="deferred"))
    assert len(await deliveries.of_mail(mail.mail_id)) == 1
    page = await deliveries.queue(QueueFilter(destination=mail.destination))
    assert [each.delivery_id for each in page.deliveries] == [mail.delivery_id]


async def test_a_late_bounce_counts_more_than_the_attempt_and_is_none(
    deliveries: Deliveries,
) -> None:
    mail = Mail()
    attempted = mail.attempted(1, bo="delivered", bea="deferred")
    late = msgspec.structs.replace(mail.attempted(1, bo="failed"), is_late=True)
    for each in (attempted, late, attempted):
        await deliveries.tell(each)
    [delivery] = await deliveries.of_mail(mail.mail_id)
    bea, bo = delivery.recipients
    assert (bo.state, bo.is_late, bea.state) == ("failed", True, "deferred")
    assert await deliveries.told(mail.delivery_id, 1) == attempted.results
    await deliveries.tell(mail.attempted(2, bea="delivered"))
    [delivery] = await deliveries.of_mail(mail.mail_id)
    assert [each.state for each in delivery.recipients] == ["delivered", "failed"]


async def test_a_mail_has_a_delivery_for_each_destination(deliveries: Deliveries) -> None:
    here, there = Mail(), Mail()
    there.mail_id = here.mail_id
    await deliveries.expect(here.due())
    await deliveries.expect(there.due())
    found = await deliveries.of_mail(here.mail_id)
    assert [each.destination for each in found] == sorted([here.destination, there.destination])
    assert await deliveries.of_mail("another") == []


async def test_without_an_order_a_delivery_goes(deliveries: Deliveries) -> None:
    mail = Mail()
    assert await deliveries.orders(mail.due()) == Orders()
    assert not await deliveries.give(mail.delivery_id, "hold")
    assert await deliveries.orders(mail.due()) == Orders()


async def test_an_order_is_kept_until_another_is_given(deliveries: Deliveries) -> None:
    mail = Mail()
    await deliveries.expect(mail.due())
    assert await deliveries.give(mail.delivery_id, "hold")
    assert await deliveries.orders(mail.due()) == Orders("hold")
    await deliveries.tell(mail.attempted(1, bo="deferred", bea="deferred"))
    await deliveries.expect(mail.due())
    assert await deliveries.orders(mail.due()) == Orders("hold")
    [delivery] = await deliveries.of_mail(mail.mail_id)
    assert (delivery.order, delivery.state) == ("hold", "held")
    assert await deliveries.give(mail.delivery_id, "go")
    assert await deliveries.orders(mail.due()) == Orders()


async def test_what_is_done_takes_no_order(deliveries: Deliveries) -> None:
    mail = Mail()
    await deliveries.tell(mail.attempted(1, bo="delivered", bea="failed"))
    assert not await deliveries.give(mail.delivery_id, "cancel")
    assert not await deliveries.reroute(mail.delivery_id, "relay.example")
    assert not await deliveries.reroute("nothing", "relay.example")


async def test_another_host_is_kept_beside_the_order_until_it_is_taken_back(
    deliveries: Deliveries,
) -> None:
    mail = Mail()
    await deliveries.expect(mail.due())
    assert await deliveries.reroute(mail.delivery_id, "relay.example:2525")
    assert await deliveries.orders(mail.due()) == Orders("go", "relay.example:2525")
    await deliveries.give(mail.delivery_id, "hold")
    await deliveries.tell(mail.attempted(1, bo="deferred", bea="deferred"))
    assert await deliveries.orders(mail.due()) == Orders("hold", "relay.example:2525")
    [delivery] = await deliveries.of_mail(mail.mail_id)
    assert (delivery.order, delivery.via) == ("hold", "relay.example:2525")
    await deliveries.give(mail.delivery_id, "go")
    assert await deliveries.reroute(mail.delivery_id, "")
    assert await deliveries.orders(mail.due()) == Orders()


async def test_an_untried_delivery_is_in_the_queue_when_it_is_rerouted(
    deliveries: Deliveries,
) -> None:
    mail = Mail()
    await deliveries.expect(mail.due())
    await deliveries.reroute(mail.delivery_id, "relay.example")
    await deliveries.expect(mail.due())
    page = await deliveries.queue(QueueFilter(destination=mail.destination))
    assert [each.via for each in page.deliveries] == ["relay.example"]


async def test_the_queue_holds_what_waits_oldest_first(deliveries: Deliveries) -> None:
    mails = [Mail(at=AT - timedelta(hours=hours)) for hours in (1, 50, 3)]
    for mail in mails:
        mail.user_id = mails[0].user_id
        await deliveries.tell(mail.attempted(1, bo="deferred", bea="failed"))
    untried = Mail(user_id=mails[0].user_id)
    await deliveries.expect(untried.due())
    done = Mail(user_id=mails[0].user_id)
    await deliveries.tell(done.attempted(1, bo="delivered", bea="delivered"))
    found = await ids_in(deliveries, QueueFilter(user_id=mails[0].user_id))
    assert found == [mails[1].delivery_id, mails[2].delivery_id, mails[0].delivery_id]


async def test_the_queue_is_found_by_what_one_asks_for(deliveries: Deliveries) -> None:
    mine = secrets.token_hex(8)
    old = Mail(at=AT - timedelta(days=2), user_id=mine, mail_from="cy@shop.example")
    young, held, failed = Mail(user_id=mine), Mail(user_id=mine), Mail(user_id=mine)
    for mail in (old, young, held):
        await deliveries.tell(mail.attempted(1, bo="deferred", bea="deferred"))
    await deliveries.give(held.delivery_id, "hold")
    await deliveries.tell(failed.attempted(1, bo="failed", bea="delivered"))

    async def found(**wanted: Any) -> set[str]:
        return set(await ids_in(deliveries, QueueFilter(user_id=mine, **wanted)))

    assert await found() == {old.delivery_id, young.delivery_id, held.delivery_id}
    assert await found(state="held") == {held.delivery_id}
    assert await found(state="deferred") == {old.delivery_id, young.delivery_id}
    assert await found(state="failed") == {failed.delivery_id}
    assert await found(destination=young.destination) == {young.delivery_id}
    assert await found(sender="cy@shop.example") == {old.delivery_id}
    assert await found(submitted_before=AT - timedelta(days=1)) == {old.delivery_id}


async def test_an_untried_delivery_is_in_the_queue_when_it_is_held(deliveries: Deliveries) -> None:
    mail = Mail()
    await deliveries.expect(mail.due())
    await deliveries.give(mail.delivery_id, "hold")
    page = await deliveries.queue(QueueFilter(destination=mail.destination, state="held"))
    assert [each.delivery_id for each in page.deliveries] == [mail.delivery_id]


async def test_what_is_delivered_leaves_the_queue(deliveries: Deliveries) -> None:
    mail = Mail()
    await deliveries.tell(mail.attempted(1, bo="deferred", bea="deferred"))
    await deliveries.tell(mail.attempted(2, bo="delivered", bea="delivered"))
    page = await deliveries.queue(QueueFilter(destination=mail.destination))
    assert (page.deliveries, page.next_cursor) == ((), None)


async def test_pages_of_the_queue_hold_each_delivery_once(deliveries: Deliveries) -> None:
    mine = secrets.token_hex(8)
    mails = [Mail(at=AT - timedelta(minutes=25 * (n // 2)), user_id=mine) for n in range(9)]
    for mail in mails:
        await deliveries.tell(mail.attempted(1, bo="deferred", bea="deferred"))
    found = await ids_in(deliveries, QueueFilter(user_id=mine), limit=2)
    ordered = sorted(mails, key=lambda mail: (mail.at, mail.delivery_id))
    assert found == [mail.delivery_id for mail in ordered]


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "MTIz", "é", "A" * 500])
async def test_a_cursor_of_another_listing_is_refused(deliveries: Deliveries, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await deliveries.queue(QueueFilter(), cursor=cursor)


async def test_it_is_there_after_a_restart_and_forgotten_after_months(tmp_path: Path) -> None:
    path, old = tmp_path / "deliveries.db", Mail(at=AT - KEPT - timedelta(seconds=1))
    with closing(Database(path, MIGRATIONS)) as database:
        await SqliteDeliveries(database).tell(old.attempted(1, bo="deferred", bea="delivered"))
    with closing(Database(path, MIGRATIONS)) as database:
        deliveries = SqliteDeliveries(database)
        assert await deliveries.of_mail(old.mail_id)
        await deliveries.expect(Mail().due())
        assert await deliveries.of_mail(old.mail_id) == []
        assert await deliveries.told(old.delivery_id, 1) is None


async def ids_in(deliveries: Deliveries, wanted: QueueFilter, *, limit: int = 100) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await deliveries.queue(wanted, limit=limit, cursor=cursor)
        assert len(page.deliveries) <= limit
        found += [each.delivery_id for each in page.deliveries]
        if (cursor := page.next_cursor) is None:
            return found


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def deliveries(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Deliveries]:
    if request.param == "memory":
        yield MemoryDeliveries()
        return
    if request.param == "cassandra":
        from connectors.cassandra.deliveries import CassandraDeliveries  # which loads the driver
        from connectors.cassandra.session import CassandraSession

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield CassandraDeliveries(session, ManualClock(AT + timedelta(hours=1)))
        return
    with closing(Database(tmp_path / "deliveries.db", MIGRATIONS)) as database:
        yield SqliteDeliveries(database)


@dataclass
class Mail:
    """A mail of ours to two people, with names that no other test knows."""

    at: datetime = AT
    user_id: str = field(default_factory=lambda: secrets.token_hex(8))
    mail_from: str = "ann@shop.example"
    mail_id: str = field(default_factory=lambda: secrets.token_hex(8))
    delivery_id: str = field(default_factory=lambda: secrets.token_hex(8))
    destination: str = field(default_factory=lambda: f"{secrets.token_hex(8)}.example")

    def due(self) -> DeliveryDue:
        return DeliveryDue(
            **self._known(),
            recipients=("bo@far.example", "bea@far.example"),
            size_bytes=1,
            raw=b"x",
            due_at=self.at,
        )

    def attempted(self, attempt: int, **states: Any) -> DeliveryAttempted:
        results = [
            RecipientResult(
                recipient=f"{name}@far.example",
                status=state,
                code=450,
                enhanced="4.2.1",
                text="Mailbox busy",
                host="mx.far.example",
                tls="TLSv1.3",
            )
            for name, state in states.items()
        ]
        return DeliveryAttempted(
            **self._known(),
            attempt=attempt,
            attempted_at=self.at,
            results=tuple(results),
            next_try_at=self.at + timedelta(minutes=5),
        )

    def _known(self) -> dict[str, Any]:
        return {
            "delivery_id": self.delivery_id,
            "mail_id": self.mail_id,
            "user_id": self.user_id,
            "submitted_at": self.at,
            "mail_from": self.mail_from,
            "destination": self.destination,
        }
