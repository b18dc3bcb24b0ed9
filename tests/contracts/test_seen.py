"""What every memory of who was here keeps to."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.seen import MOST_KEYS, MemorySeen
from connectors.sqlite.database import Database
from connectors.sqlite.seen import MIGRATIONS, SqliteSeen
from topologies.ports.seen import Seen

DAY_S = 86_400


async def test_the_first_time_is_told_ever_after(seen: Seen, key: str, clock: ManualClock) -> None:
    assert await seen.when(key) is None
    first_at = await seen.see(key, DAY_S)
    assert first_at == clock.now()
    clock.move(timedelta(hours=1))
    assert await seen.see(key, DAY_S) == first_at
    assert await seen.when(key) == first_at


async def test_keys_are_apart(seen: Seen, key: str) -> None:
    await seen.see(key, DAY_S)
    assert await seen.when(key + "x") is None


async def test_of_many_at_once_all_are_told_the_same(seen: Seen, key: str) -> None:
    told = await asyncio.gather(*(seen.see(key, DAY_S) for _ in range(20)))
    assert len(set(told)) == 1


async def test_a_long_time_is_not_shortened_by_a_short_one(clocked: "Clocked") -> None:
    seen, clock = clocked
    first_at = await seen.see("k", DAY_S)
    await seen.see("k", 60)
    clock.move(timedelta(hours=20))
    assert await seen.when("k") == first_at


async def test_what_was_not_seen_for_its_time_is_forgotten(clocked: "Clocked") -> None:
    seen, clock = clocked
    first_at = await seen.see("k", DAY_S)
    clock.move(timedelta(hours=20))
    assert await seen.see("k", DAY_S) == first_at
    clock.move(timedelta(hours=20))
    assert await seen.when("k") == first_at
    clock.move(timedelta(hours=5))
    assert await seen.when("k") is None
    assert await seen.see("k", DAY_S) == clock.now()


async def test_what_is_forgotten_takes_no_room(tmp_path: Path) -> None:
    clock = ManualClock()
    with closing(Database(tmp_path / "seen.db", MIGRATIONS)) as database:
        seen = SqliteSeen(database, clock)
        for number in range(20):
            await seen.see(f"old {number}", 60)
        clock.move(timedelta(minutes=2))
        for number in range(3):
            await seen.see(f"new {number}", 60)
        [count] = database.read_now(
            lambda connection: connection.execute("SELECT count(*) FROM seen").fetchone()
        )
        assert count == 3


async def test_memory_is_bounded() -> None:
    seen = MemorySeen(ManualClock())
    for number in range(MOST_KEYS + 1):
        await seen.see(str(number), DAY_S)
    assert await seen.when("0") is None
    assert await seen.when("1") is not None


async def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    with closing(Database(tmp_path / "seen.db", MIGRATIONS)) as database:
        first_at = await SqliteSeen(database, clock).see("k", DAY_S)
    with closing(Database(tmp_path / "seen.db", MIGRATIONS)) as database:
        assert await SqliteSeen(database, clock).when("k") == first_at


Clocked = tuple[Seen, ManualClock]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def key() -> str:
    return secrets.token_hex(8)


@pytest.fixture(params=["memory", "sqlite"])
async def clocked(
    request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path
) -> AsyncGenerator[Clocked]:
    """Those that go by our clock; Redis has its own."""
    if request.param == "memory":
        yield MemorySeen(clock), clock
        return
    with closing(Database(tmp_path / "seen.db", MIGRATIONS)) as database:
        yield SqliteSeen(database, clock), clock


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.live)])
async def seen(
    request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path
) -> AsyncGenerator[Seen]:
    if request.param == "memory":
        yield MemorySeen(clock)
    elif request.param == "sqlite":
        with closing(Database(tmp_path / "seen.db", MIGRATIONS)) as database:
            yield SqliteSeen(database, clock)
    else:
        from connectors.redis.seen import RedisSeen  # which loads the library
        from tests.live.engines import redis

        async with redis() as client:
            yield RedisSeen(client, clock)
