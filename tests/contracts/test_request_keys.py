"""What every store of request keys keeps to."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory.request_keys import MemoryRequestKeys
from connectors.sqlite.database import Database
from connectors.sqlite.request_keys import KEPT, MIGRATIONS, SqliteRequestKeys
from topologies.ports.request_keys import Claim, RequestKeys

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_the_first_claim_is_kept_and_told_to_whoever_comes_later(keys: RequestKeys) -> None:
    assert await keys.find("ann", "k") is None
    assert await keys.claim("ann", "k", claim("1")) == claim("1")
    assert await keys.claim("ann", "k", claim("2")) == claim("1")
    assert await keys.find("ann", "k") == claim("1")


async def test_a_key_is_one_user_s(keys: RequestKeys) -> None:
    await keys.claim("ann", "k", claim("1"))
    assert await keys.find("bo", "k") is None
    assert await keys.claim("bo", "k", claim("2")) == claim("2")


async def test_of_many_at_once_all_are_told_the_same(keys: RequestKeys) -> None:
    told = await asyncio.gather(*(keys.claim("ann", "k", claim(str(n))) for n in range(20)))
    assert len(set(told)) == 1
    assert await keys.find("ann", "k") == told[0]


async def test_keys_are_there_after_a_restart_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "requests.db"
    with closing(Database(path, MIGRATIONS)) as database:
        await SqliteRequestKeys(database).claim("ann", "old", claim("1"))
    with closing(Database(path, MIGRATIONS)) as database:
        keys = SqliteRequestKeys(database)
        assert await keys.find("ann", "old") == claim("1")
        later = AT + KEPT + timedelta(seconds=1)
        await keys.claim("ann", "new", Claim(mail_id="2", submitted_at=later, digest=b"2"))
        assert await keys.find("ann", "old") is None


async def test_a_claim_for_later_makes_no_other_one_old(keys: RequestKeys) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    today = Claim(mail_id="1", submitted_at=now, digest=b"1")
    later = Claim(mail_id="2", submitted_at=now + timedelta(days=30), digest=b"2")
    await keys.claim("ann", "today", today)
    await keys.claim("ann", "later", later)
    await keys.claim("ann", "other", later)
    assert await keys.find("ann", "today") == today
    assert await keys.find("ann", "later") == later


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def keys(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[RequestKeys]:
    if request.param == "memory":
        yield MemoryRequestKeys()
        return
    if request.param == "cassandra":
        from tests.live.cassandra_names import own_request_keys  # which loads the driver

        yield own_request_keys(request.getfixturevalue("cassandra"))
        return
    with closing(Database(tmp_path / "requests.db", MIGRATIONS)) as database:
        yield SqliteRequestKeys(database)


def claim(name: str) -> Claim:
    return Claim(mail_id=name, submitted_at=AT, digest=name.encode())
