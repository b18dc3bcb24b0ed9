"""Windows in a Faust table: what a kill or a replay does to them is nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.redis.client import RedisClient
from connectors.redis.top_senders import RedisTopSenders
from connectors.settings import load
from tests.engines.kafka_house import opened_on_kafka, working
from tests.engines.stages import AT
from tests.engines.test_faust import crashing
from topologies.engines.faust_table import FaustTable
from topologies.events import SenderJudged
from topologies.inbound.tally_senders import tally_senders
from topologies.ports.top_senders import SenderCount, TopSenders
from topologies.stage import declared_by
from topologies.topics import TABLES

pytestmark = pytest.mark.live

[WINDOWS] = (table for table in TABLES if table.stage == "tally_senders")
MAILS = [
    SenderJudged(
        sender=f"s{number % 10}.example", mail_id=f"{number}", judged_at=AT, is_bad=number < 10
    )
    for number in range(30)
]


async def test_mails_count_once_though_a_worker_was_killed_and_all_were_replayed(
    tmp_path: Path, redis: RedisClient
) -> None:
    names = f"senders-{uuid4().hex}"
    table = FaustTable(WINDOWS)
    stage = declared_by(tally_senders)
    async with opened_on_kafka(tmp_path / "a", stage, tables=[table]) as house:
        house.services = {TopSenders: RedisTopSenders(redis, table, names=names)}
        async with crashing(house):
            await house.log.append(MAILS)
            await house.drained()
        await redis.call("DEL", f"{names}:{int(AT.timestamp()) // 3600}")
        again = FaustTable(WINDOWS)
        house.tables = [again]
        house.services = {TopSenders: RedisTopSenders(redis, again, names=names)}
        async with working(house):
            await house.log.append(MAILS)
            await house.drained()
            found = await house.services[TopSenders].top(AT)
    assert list(found) == [
        SenderCount(sender=f"s{number}.example", mails=3, bad=1) for number in range(10)
    ]


@pytest.fixture
async def redis() -> AsyncIterator[RedisClient]:
    client = RedisClient(load().redis_url)
    yield client
    await client.close()
