"""What whoever counts senders by the hour keeps to."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.memory.top_senders import MemoryTopSenders
from connectors.redis.client import RedisClient
from connectors.redis.top_senders import RedisTopSenders
from connectors.settings import load
from connectors.sqlite.database import Database
from connectors.sqlite.top_senders import MIGRATIONS, SqliteTopSenders
from topologies.events import SenderJudged
from topologies.ports.top_senders import SenderCount, TopSenders

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


async def test_an_hour_without_mail_has_nobody(senders: TopSenders) -> None:
    assert list(await senders.top(NOW)) == []


async def test_who_sent_most_in_the_hour_comes_first(senders: TopSenders) -> None:
    for number in range(3):
        await senders.count(judged("big.example", f"{number}", is_bad=number == 0))
    for name in ("b.example", "a.example"):
        await senders.count(judged(name, "x"))
    await senders.count(judged("other.example", "x", at=NOW + timedelta(hours=1)))
    assert list(await senders.top(NOW.replace(minute=59))) == [
        SenderCount(sender="big.example", mails=3, bad=1),
        SenderCount(sender="a.example", mails=1, bad=0),
        SenderCount(sender="b.example", mails=1, bad=0),
    ]
    [first] = await senders.top(NOW, limit=1)
    assert first.sender == "big.example"


async def test_a_mail_that_is_counted_again_counts_once(senders: TopSenders) -> None:
    for _ in range(2):
        await senders.count(judged("a.example", "1", is_bad=True))
        await senders.count(judged("a.example", "2"))
    assert list(await senders.top(NOW)) == [SenderCount(sender="a.example", mails=2, bad=1)]


async def test_a_late_mail_counts_in_its_own_hour(senders: TopSenders) -> None:
    await senders.count(judged("a.example", "1"))
    await senders.count(judged("a.example", "2", at=NOW - timedelta(hours=5)))
    assert [each.mails for each in await senders.top(NOW)] == [1]
    assert [each.mails for each in await senders.top(NOW - timedelta(hours=5))] == [1]


async def test_what_is_older_than_a_day_before_the_newest_is_not_kept(senders: TopSenders) -> None:
    await senders.count(judged("a.example", "1"))
    await senders.count(judged("a.example", "0", at=NOW - timedelta(days=1)))
    assert list(await senders.top(NOW - timedelta(days=1))) == []
    await senders.count(judged("a.example", "2", at=NOW + timedelta(hours=1)))
    assert [each.mails for each in await senders.top(NOW)] == [1]


def judged(sender: str, mail_id: str, *, at: datetime = NOW, is_bad: bool = False) -> SenderJudged:
    return SenderJudged(sender=sender, mail_id=mail_id, judged_at=at, is_bad=is_bad)


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.live)])
async def senders(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TopSenders]:
    if request.param == "memory":
        yield MemoryTopSenders()
    elif request.param == "sqlite":
        database = Database(tmp_path / "senders.db", MIGRATIONS, is_durable=False)
        yield SqliteTopSenders(database)
        database.close()
    else:
        client = RedisClient(load().redis_url)
        try:
            yield RedisTopSenders(client, {}, names=f"senders-{uuid4().hex}")
        finally:
            await client.close()
