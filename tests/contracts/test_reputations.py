"""What every store of reputations keeps to."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.reputations import MemoryReputations
from connectors.redis.client import RedisClient
from connectors.redis.reputations import RedisReputations
from connectors.settings import load
from topologies.events import SenderJudged
from topologies.mail.ids import new_id
from topologies.ports.reputations import Reputation, Reputations

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_a_sender_nobody_heard_of_is_not_known(desk: "Desk") -> None:
    assert await desk.reputations.of(desk.sender) is None


async def test_mails_of_the_last_day_are_counted(desk: "Desk") -> None:
    for hours, is_bad in ((0, True), (1, False), (23, False), (25, True)):
        await desk.count(hours, is_bad=is_bad)
    assert await desk.reputations.of(desk.sender) == Reputation(mails=3, bad=1)


async def test_each_sender_has_its_own(desk: "Desk") -> None:
    await desk.count(0, is_bad=True)
    assert await desk.reputations.of(f"other.{desk.sender}") is None


class Desk:
    def __init__(self, reputations: Reputations) -> None:
        self.reputations = reputations
        self.sender = f"{new_id(datetime.now(UTC))}.example"

    async def count(self, hours_ago: int, *, is_bad: bool) -> None:
        at = NOW - timedelta(hours=hours_ago)
        await self.reputations.count(
            SenderJudged(sender=self.sender, mail_id="m", judged_at=at, is_bad=is_bad)
        )


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.live)])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    if request.param == "memory":
        yield Desk(MemoryReputations(ManualClock(NOW)))
        return
    client = RedisClient(load().redis_url)
    try:
        yield Desk(RedisReputations(client, {}, ManualClock(NOW)))
    finally:
        await client.close()
