"""What every store of mail that waits to be sent keeps to."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.scheduled import MemoryScheduled
from connectors.sqlite.database import Database
from connectors.sqlite.scheduled import MIGRATIONS, SqliteScheduled
from topologies.events import MailHeld
from topologies.mail import ids
from topologies.ports.scheduled import KEPT_AFTER, Scheduled

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_what_waits_is_told_whole_to_its_user_page_by_page(it: "Store") -> None:
    mails = [it.mail(days) for days in (3, 1, 2)]
    for each in mails:
        await it.scheduled.put(each)
    first, second, third = sorted(mails, key=it.email_id)
    page = await it.scheduled.page(it.ann, limit=2)
    assert list(page) == [first, second]
    assert list(await it.scheduled.page(it.ann, after=it.email_id(second))) == [third]
    assert list(await it.scheduled.page(it.ann, after=it.email_id(third))) == []
    assert list(await it.scheduled.page(it.ann + "x")) == []


async def test_a_mail_that_is_put_again_is_one(it: "Store") -> None:
    for _ in range(2):
        await it.scheduled.put(it.mail(1))
    assert await it.all() == [it.mail(1)]


async def test_what_is_removed_is_gone_alone_and_may_be_removed_again(it: "Store") -> None:
    gone, stays = it.mail(1), it.mail(2)
    for each in (gone, stays):
        await it.scheduled.put(each)
    for _ in range(2):
        await it.scheduled.remove(it.ann, it.email_id(gone))
    assert await it.all() == [stays]


async def test_what_is_over_is_forgotten_after_a_while(it: "Store") -> None:
    kept = it.mail(1)
    await it.scheduled.put(kept)
    it.clock.move(timedelta(days=1) + KEPT_AFTER - timedelta(seconds=1))
    assert await it.all() == [kept]
    it.clock.move(timedelta(seconds=1))
    assert await it.all() == []


async def test_a_user_is_erased_alone(it: "Store") -> None:
    other = it.mail(1, user_id=it.ann + "x")
    for each in (it.mail(1), other):
        await it.scheduled.put(each)
    await it.scheduled.erase(it.ann)
    assert await it.all() == []
    assert list(await it.scheduled.page(it.ann + "x")) == [other]


async def test_what_was_over_long_ago_is_deleted_as_others_are_put(tmp_path: Path) -> None:
    clock = ManualClock(AT)
    with closing(Database(tmp_path / "scheduled.db", MIGRATIONS, is_durable=False)) as database:
        it = Store(SqliteScheduled(database, clock), clock, "ann")
        await it.scheduled.put(it.mail(1))
        clock.move(timedelta(days=9))
        await it.scheduled.put(it.mail(20))
        count = database.read_now(
            lambda connection: connection.execute("SELECT count(*) FROM scheduled").fetchone()
        )
        assert count == (1,)


@dataclass
class Store:
    scheduled: Scheduled
    clock: ManualClock
    ann: str

    def mail(self, days: int, *, user_id: str = "") -> MailHeld:
        due_at = AT + timedelta(days=days)
        return MailHeld(
            mail_id=ids.derived_id(due_at, "mail", str(days)),
            submitted_at=due_at,
            due_at=due_at,
            user_id=user_id or self.ann,
            mail_from="ann@shop.example",
            recipients=("zoe@far.example",),
            size_bytes=18,
            raw=b"Subject: Later\r\n\r\n\xff",
        )

    def email_id(self, mail: MailHeld) -> str:
        return ids.email_id(mail.mail_id, mail.user_id)

    async def all(self) -> Sequence[MailHeld]:
        return list(await self.scheduled.page(self.ann))


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def it(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    ann, clock = secrets.token_hex(8), ManualClock(AT)
    if request.param == "memory":
        yield Store(MemoryScheduled(clock), clock, ann)
        return
    if request.param == "cassandra":
        from connectors.cassandra.scheduled import CassandraScheduled
        from connectors.cassandra.session import CassandraSession  # which loads the driver

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield Store(CassandraScheduled(session, clock), clock, ann)
        return
    with closing(Database(tmp_path / "scheduled.db", MIGRATIONS, is_durable=False)) as database:
        yield Store(SqliteScheduled(database, clock), clock, ann)
