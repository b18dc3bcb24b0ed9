"""Limits: whoever counts allows the same, and never more than the limit in any window."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.memory.clock import ManualClock
from connectors.memory.limits import MOST_KEYS, MemoryLimits
from connectors.sqlite.database import Database
from connectors.sqlite.limits import MIGRATIONS, SqliteLimits
from topologies.ports.limits import Limits, Verdict


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def key() -> str:
    return f"{secrets.token_hex(8)} bo@shop.example"


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.live)])
async def limits(
    request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path
) -> AsyncGenerator[Limits]:
    if request.param == "memory":
        yield MemoryLimits(clock)
        return
    if request.param == "sqlite":
        with opened(tmp_path) as database:
            yield SqliteLimits(database, clock)
        return
    from connectors.redis.limits import RedisLimits  # which loads the library
    from tests.live.engines import redis

    async with redis() as client:
        yield RedisLimits(client, clock, otherwise=MemoryLimits(clock))


async def test_as_many_as_the_limit_are_allowed(limits: Limits, key: str) -> None:
    assert [await limits.hit(key, 3, 60) for _ in range(3)] == [
        Verdict(allowed=True, remaining=left) for left in (2, 1, 0)
    ]
    refused = await limits.hit(key, 3, 60)
    assert not refused.allowed
    assert 60 <= refused.retry_after_s <= 66


async def test_who_comes_when_told_is_let_in_and_not_before(
    limits: Limits, key: str, clock: ManualClock
) -> None:
    for _ in range(2):
        assert (await limits.hit(key, 2, 60)).allowed
        clock.move(timedelta(seconds=20))
    wait = timedelta(seconds=(await limits.hit(key, 2, 60)).retry_after_s)
    clock.move(wait - timedelta(milliseconds=1))
    assert not (await limits.hit(key, 2, 60)).allowed
    clock.move(timedelta(milliseconds=2))
    assert await limits.hit(key, 2, 60) == Verdict(allowed=True, remaining=0)
    assert not (await limits.hit(key, 2, 60)).allowed  # the second is not forgotten yet


async def test_what_is_refused_does_not_count(limits: Limits, key: str, clock: ManualClock) -> None:
    for _ in range(200):
        await limits.hit(key, 1, 60)
        clock.move(timedelta(seconds=1))
    allowed = [(await limits.hit(key, 1, 60)).allowed]
    for _ in range(66):
        clock.move(timedelta(seconds=1))
        allowed.append((await limits.hit(key, 1, 60)).allowed)
    assert any(allowed)


async def test_what_is_taken_back_makes_room(limits: Limits, key: str) -> None:
    await limits.take_back(key, 60)
    assert (await limits.hit(key, 1, 60)).allowed
    await limits.take_back(key, 60)
    await limits.take_back(key, 60)
    assert await limits.hit(key, 1, 60) == Verdict(allowed=True, remaining=0)
    assert not (await limits.hit(key, 1, 60)).allowed


async def test_keys_and_windows_do_not_meet(limits: Limits, key: str) -> None:
    assert (await limits.hit(key, 1, 60)).allowed
    assert (await limits.hit(key, 1, 61)).allowed
    assert (await limits.hit(key + "x", 1, 60)).allowed
    assert not (await limits.hit(key, 1, 60)).allowed
    assert (await limits.hit(key, 2, 60)).allowed


async def test_a_limit_of_zero_allows_none(limits: Limits, key: str) -> None:
    refused = await limits.hit(key, 0, 60)
    assert (refused.allowed, refused.retry_after_s > 0) == (False, True)


async def test_of_many_at_once_no_more_are_allowed(limits: Limits, key: str) -> None:
    verdicts = await asyncio.gather(*(limits.hit(key, 7, 60) for _ in range(50)))
    assert sum(verdict.allowed for verdict in verdicts) == 7


async def test_any_key_is_taken(limits: Limits, key: str) -> None:
    for name in (f"{key}\ud800", key + "x" * 100_000, f"{key}\0\r\n"):
        assert (await limits.hit(name, 1, 60)).allowed
        assert not (await limits.hit(name, 1, 60)).allowed


@given(waits_s=st.lists(st.floats(0, 90), max_size=60), limit=st.integers(1, 5))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_window_holds_more_than_the_limit_and_none_waits_longer_than_told(
    limits: Limits, clock: ManualClock, waits_s: list[float], limit: int
) -> None:
    key = secrets.token_hex(8)
    allowed_at: list[float] = []
    for wait_s in waits_s:
        clock.move(timedelta(seconds=wait_s))
        now_s = clock.now().timestamp()
        verdict = await limits.hit(key, limit, 60)
        if verdict.allowed:
            allowed_at.append(now_s)
        else:
            # Those that left over a window and a tenth ago count no more.
            assert len([at for at in allowed_at if at > now_s - 66.001]) >= limit
            assert 0 < verdict.retry_after_s <= 66.001
        assert len([at for at in allowed_at if at > now_s - 60]) <= limit


async def test_memory_is_bounded_and_forgets_the_oldest(clock: ManualClock) -> None:
    limits = MemoryLimits(clock)
    for number in range(MOST_KEYS + 1):
        await limits.hit(str(number), 1, 60)
    assert (await limits.hit("0", 1, 60)).allowed
    assert not (await limits.hit("5", 1, 60)).allowed


async def test_who_opens_the_same_file_shares_its_counts(
    clock: ManualClock, tmp_path: Path
) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        processes = [SqliteLimits(database, clock) for database in (one, other)]
        assert (await processes[0].hit("ann", 2, 60)).allowed
        assert (await processes[1].hit("ann", 2, 60)).allowed
        assert not (await processes[0].hit("ann", 2, 60)).allowed
        await processes[1].take_back("ann", 60)
        assert (await processes[0].hit("ann", 2, 60)).allowed


async def test_a_file_forgets_what_counts_no_more(clock: ManualClock, tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        limits = SqliteLimits(database, clock)
        for number in range(20):
            await limits.hit(str(number), 1, 60)
        clock.move(timedelta(seconds=67))
        for number in range(2):
            await limits.hit(f"new {number}", 1, 60)
        rows = await database.read(lambda c: c.execute("SELECT count(*) FROM counts").fetchone())
        assert rows == (2,)


async def test_a_file_that_can_not_be_written_lets_pass(clock: ManualClock, tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        limits = SqliteLimits(database, clock)
    assert (await limits.hit("ann", 1, 60)).allowed
    assert (await limits.hit("ann", 1, 60)).allowed
    await limits.take_back("ann", 60)


@pytest.mark.live
async def test_processes_share_their_counts_and_count_alone_without_redis(
    clock: ManualClock, key: str
) -> None:
    from connectors.redis.client import RedisClient
    from connectors.redis.limits import RedisLimits
    from tests.live.engines import redis

    async with redis() as one, redis() as other:
        processes = [
            RedisLimits(client, clock, otherwise=MemoryLimits(clock)) for client in (one, other)
        ]
        assert (await processes[0].hit(key, 2, 60)).allowed
        assert (await processes[1].hit(key, 2, 60)).allowed
        assert not (await processes[0].hit(key, 2, 60)).allowed
    nowhere = RedisClient("redis://127.0.0.1:1/0")
    alone = RedisLimits(nowhere, clock, otherwise=MemoryLimits(clock))
    assert (await alone.hit(key, 1, 60)).allowed
    assert not (await alone.hit(key, 1, 60)).allowed
    await alone.take_back(key, 60)
    assert (await alone.hit(key, 1, 60)).allowed
    await nowhere.close()


@contextmanager
def opened(folder: Path) -> Generator[Database]:
    database = Database(folder / "limits.db", MIGRATIONS, is_shared=True, is_durable=False)
    try:
        yield database
    finally:
        database.close()
