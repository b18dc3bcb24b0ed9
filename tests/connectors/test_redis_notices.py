"""Notices by Redis: between servers, through outages, and after Redis forgot all.

What every hub of notices must do is in tests/contracts/test_notices.py.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from connectors.memory.notices import MemoryNotices
from connectors.redis.client import RedisClient
from connectors.redis.notices import LIVES_S, RedisNotices
from connectors.settings import load
from tests.live import engines
from tests.live.proxy import Proxy, proxy
from topologies.errors import Misconfigured
from topologies.events import CommandAnswered, MailboxChanged
from topologies.ports.notices import Missed, Notice

pytestmark = pytest.mark.live

OWN_DATABASE = 13  # that a test here may flush


async def test_a_user_who_listens_at_two_servers_hears_the_same_at_both() -> None:
    user = a_user()
    async with (
        servers(2) as (one, other),
        servers(1) as (publisher,),
        one.listen(user) as at_one,
        other.listen(user) as at_other,
    ):
        for seq in (1, 2, 3):
            await publisher.publish(changed(user, seq))
        told = [changed(user, seq) for seq in (1, 2, 3)]
        assert [await soon(at_one) for _ in told] == told
        assert [await soon(at_other) for _ in told] == told


async def test_who_asks_hears_the_answer_of_another_process_at_once() -> None:
    user = a_user()
    async with servers(1) as (api,), worker() as stage:
        for number in range(20):
            async with api.listen(user) as heard:
                answer = answered(user, f"command {number}")
                await stage.publish(answer)
                assert await soon(heard) == answer


async def test_the_listeners_of_a_server_that_has_ended_are_forgotten() -> None:
    user = a_user()
    async with engines.redis() as redis:
        async with servers(1) as (server,), server.listen(user):
            assert await redis.call("HLEN", f"ws:{user}") == 1
            assert 0 < await redis.call("TTL", f"ws:{user}") <= LIVES_S
        assert await redis.call("EXISTS", f"ws:{user}") == 0


async def test_a_server_that_died_is_forgotten_although_the_user_listens_elsewhere() -> None:
    user = a_user()
    async with engines.redis() as redis, servers(1) as (server,), worker() as stage:
        await redis.call("HSET", f"ws:{user}", "dead", "1700000000 1700000030")
        async with server.listen(user) as heard:
            await stage.publish(changed(user, 1))
            assert await soon(heard) == changed(user, 1)
            assert await redis.call("HGET", f"ws:{user}", "dead") is None


async def test_who_listens_for_longer_than_a_presence_lives_stays_known() -> None:
    user = a_user()
    quick = servers(1, refresh_s=0.05, beat_s=0.02)
    async with engines.redis() as redis, quick as (server,):
        async with server.listen(user):
            await redis.call("EXPIRE", f"ws:{user}", 20)
            await becomes(redis, lambda ttl: ttl > 50, "TTL", f"ws:{user}")
        await becomes(redis, lambda found: found == 0, "EXISTS", f"ws:{user}")


async def test_after_redis_forgot_all_who_listens_is_known_again_and_reads_what_it_missed() -> None:
    user = a_user()
    database = {"database": OWN_DATABASE}
    async with (
        servers(1, beat_s=0.05, **database) as (server,),
        worker(**database) as stage,
        server.listen(user) as heard,
        engines.redis(OWN_DATABASE) as redis,
    ):
        await becomes(redis, lambda found: found == 1, "EXISTS", f"ws:{user}")
        await redis.call("FLUSHDB")
        assert await soon(heard) == Missed(user_id=user)
        await stage.publish(changed(user, 1))
        assert await soon(heard) == changed(user, 1)


async def test_while_redis_is_away_publishing_costs_nothing_and_who_is_here_hears() -> None:
    user = a_user()
    async with (
        cuttable() as line,
        servers(1, url=url_of(line)) as (server,),
        server.listen(user) as heard,
    ):
        await line.cut()
        begun_at = time.monotonic()
        for seq in range(1, 501):
            await server.publish(changed(user, seq))
        assert time.monotonic() - begun_at < 5
        assert [await soon(heard) for _ in range(500)] == [
            changed(user, seq) for seq in range(1, 501)
        ]


async def test_a_redis_that_hangs_delays_one_notice_and_not_the_next() -> None:
    user = a_user()
    async with cuttable() as line, worker(url=url_of(line)) as stage:
        await stage.publish(changed(user, 1))
        line.stall()
        begun_at = time.monotonic()
        for seq in range(2, 502):
            await stage.publish(changed(user, seq))
        assert time.monotonic() - begun_at < 5


async def test_a_server_that_was_cut_off_has_its_listeners_read_on_and_hears_again() -> None:
    user, late = a_user(), a_user()
    async with (
        cuttable() as line,
        servers(1, url=url_of(line), beat_s=0.1) as (server,),
        worker() as stage,
        server.listen(user) as heard,
    ):
        await line.cut()
        await stage.publish(changed(user, 1))  # is lost
        async with server.listen(late) as heard_late:  # begins while it is cut off
            await line.open()
            assert await soon(heard) == Missed(user_id=user)
            assert await soon(heard_late) == Missed(user_id=late)
            await stage.publish(changed(user, 2))
            await stage.publish(changed(late, 1))
            assert await after_missed(heard) == changed(user, 2)
            assert await after_missed(heard_late) == changed(late, 1)


async def test_who_missed_what_a_cut_off_worker_said_is_told_to_read_on() -> None:
    user = a_user()
    async with (
        cuttable() as line,
        servers(1) as (server,),
        worker(url=url_of(line)) as stage,
        server.listen(user) as heard,
    ):
        await line.cut()
        await stage.publish(changed(user, 1))
        await line.open()
        assert await soon(heard) == Missed(user_id=user)


async def test_a_server_begins_without_redis_and_finds_it_later() -> None:
    user = a_user()
    async with cuttable() as line:
        await line.cut()
        async with a_client(url_of(line)) as client:
            server = RedisNotices(client, MemoryNotices(), beat_s=0.1)
            async with server.serving(), server.listen(user) as heard, worker() as stage:
                await server.publish(changed(user, 1))
                assert await soon(heard) == changed(user, 1)
                await line.open()
                assert await soon(heard) == Missed(user_id=user)
                await stage.publish(changed(user, 2))
                assert await after_missed(heard) == changed(user, 2)


async def test_what_can_not_be_read_on_the_channel_is_passed_over() -> None:
    user = a_user()
    async with (
        servers(1, server_id=f"server-{user}") as (server,),
        engines.redis() as redis,
        server.listen(user) as heard,
        worker() as stage,
    ):
        for junk in (b"{", b"\xff", b'{"event":"mailbox.changed/99"}'):
            await redis.call("PUBLISH", f"server:server-{user}", junk)
        await stage.publish(changed(user, 1))
        assert await soon(heard) == changed(user, 1)


def test_an_address_that_is_none_is_a_matter_of_the_settings() -> None:
    with pytest.raises(Misconfigured):
        RedisClient("http://127.0.0.1")


# --- builders -----------------------------------------------------------------------


@asynccontextmanager
async def servers(
    count: int,
    *,
    database: int = 11,
    url: str = "",
    server_id: str | None = None,
    refresh_s: float = 30,
    beat_s: float = 2,
) -> AsyncGenerator[list[RedisNotices]]:
    """Processes of their own, as far as Redis can tell."""
    async with AsyncExitStack() as opened:
        made: list[RedisNotices] = []
        for _ in range(count):
            client = await opened.enter_async_context(engines.redis(database, url))
            server = RedisNotices(
                client, MemoryNotices(), server_id=server_id, refresh_s=refresh_s, beat_s=beat_s
            )
            await opened.enter_async_context(server.serving())
            made.append(server)
        yield made


@asynccontextmanager
async def worker(*, database: int = 11, url: str = "") -> AsyncGenerator[RedisNotices]:
    """A process that publishes and serves nobody."""
    async with engines.redis(database, url) as client:
        yield RedisNotices(client, MemoryNotices())


@asynccontextmanager
async def a_client(url: str) -> AsyncGenerator[RedisClient]:
    """A client of a Redis that need not be there."""
    client = RedisClient(f"{url}/11")
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def cuttable() -> AsyncGenerator[Proxy]:
    at = urlsplit(load().redis_url)
    async with proxy(at.hostname or "", at.port or 0) as line:
        yield line


def url_of(line: Proxy) -> str:
    return f"redis://127.0.0.1:{line.port}"


async def soon(heard: AsyncIterator[Notice]) -> Notice:
    async with asyncio.timeout(10):
        return await anext(heard)


async def after_missed(heard: AsyncIterator[Notice]) -> Notice:
    """The next notice that is no hint to read on, of which there may be several."""
    while isinstance(notice := await soon(heard), Missed):
        continue
    return notice


async def becomes(redis: RedisClient, is_it: Callable[[int], bool], *command: str) -> None:
    async with asyncio.timeout(10):
        while not is_it(await redis.call(*command)):  # noqa: ASYNC110  nothing tells
            await asyncio.sleep(0.005)


def a_user() -> str:
    return f"user-{secrets.token_hex(6)}"


def changed(user_id: str, seq: int) -> MailboxChanged:
    return MailboxChanged(
        user_id=user_id,
        seq=seq,
        command_id="command-1",
        changed_at=datetime(2026, 3, 1, tzinfo=UTC),
        kind="email.updated",
    )


def answered(user_id: str, command_id: str) -> CommandAnswered:
    return CommandAnswered(user_id=user_id, command_id=command_id, status="done", seq=1)
