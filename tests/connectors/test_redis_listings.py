"""Listings by cache: never older than what was answered, whatever happens to Redis."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.redis.listings import CachedListings
from connectors.settings import load
from tests.engines.stages import until
from tests.live import engines
from tests.live.proxy import proxy
from tests.mailbox.commands import create, delete, deliver, folder_id, move, remove, set_flags
from topologies.events import INBOX, SPAM, SYSTEM_FOLDERS, TRASH, Command
from topologies.mail.mailbox import decide, needs
from topologies.mailbox.store import store
from topologies.ports.mailboxes import Mailboxes, Page

pytestmark = pytest.mark.live

OWN_DATABASE = 12  # that tests here may flush


async def test_a_listing_is_read_from_the_store_once_until_something_changes() -> None:
    async with cached() as (writer, reader, counted):
        user = a_user()
        await store(deliver(1, user), mailboxes=writer)
        first = await reader.page(user, INBOX)
        assert [await reader.page(user, INBOX) for _ in range(3)] == [first] * 3
        assert counted.pages == 1
        await store(set_flags(1, user_id=user, is_read=True), mailboxes=writer)
        shown = await reader.page(user, INBOX)
        assert shown is not None
        assert [mail.is_read for mail in shown.emails] == [True]
        assert counted.pages == 2


async def test_only_the_newest_fifty_without_a_filter_are_cached() -> None:
    async with cached() as (writer, reader, counted):
        user = a_user()
        for number in range(60):
            await store(deliver(number, user), mailboxes=writer)
        newest = await reader.page(user, INBOX)
        assert newest is not None
        for asked in (
            {"limit": 49},
            {"offset": 1},
            {"is_read": False},
            {"cursor": newest.next_cursor},
        ):
            before = counted.pages
            found = await reader.page(user, INBOX, **asked)
            assert found == await counted.direct(user, INBOX, **asked)
            assert counted.pages == before + 1
        assert newest == await reader.page(user, INBOX)


async def test_a_folder_that_is_not_there_is_asked_for_each_time() -> None:
    async with cached() as (writer, reader, _):
        user = a_user()
        assert await reader.page(user, folder_id("Work")) is None
        await store(create("Work", user_id=user), mailboxes=writer)
        assert await reader.page(user, folder_id("Work")) == NOTHING


async def test_an_old_page_that_was_on_its_way_when_a_change_came_is_not_kept() -> None:
    async with cached() as (writer, reader, counted):
        user = a_user()
        await store(deliver(1, user), mailboxes=writer)
        counted.is_held.clear()
        reading = asyncio.create_task(reader.page(user, INBOX))
        await until(lambda: counted.pages == 1)  # it has seen the old state
        await store(deliver(2, user), mailboxes=writer)
        counted.is_held.set()
        assert len((await reading or NOTHING).emails) == 1
        assert len((await reader.page(user, INBOX) or NOTHING).emails) == 2


async def test_an_old_page_is_not_kept_even_if_redis_forgot_all_meanwhile() -> None:
    async with cached(database=OWN_DATABASE) as (writer, reader, counted):
        user = a_user()
        await store(deliver(1, user), mailboxes=writer)
        counted.is_held.clear()
        reading = asyncio.create_task(reader.page(user, INBOX))
        await until(lambda: counted.pages == 1)
        await store(deliver(2, user), mailboxes=writer)
        await flush()
        counted.is_held.set()
        await reading
        assert len((await reader.page(user, INBOX) or NOTHING).emails) == 2


async def test_a_change_whose_writer_was_killed_before_it_told_the_cache_shows_when_replayed() -> (
    None
):
    async with cached() as (writer, reader, counted):
        user = a_user()
        await store(deliver(1, user), mailboxes=writer)
        await reader.page(user, INBOX)
        command = deliver(2, user)
        loaded = await counted.load(user, needs(command))
        await counted.write(decide(command, loaded))  # and then it is killed
        assert len((await reader.page(user, INBOX) or NOTHING).emails) == 1  # not answered yet
        await store(command, mailboxes=writer)
        assert len((await reader.page(user, INBOX) or NOTHING).emails) == 2


@pytest.mark.parametrize("seed", range(12))
async def test_what_was_answered_is_shown_after_any_history_with_readers_beside(seed: int) -> None:
    dice = random.Random(seed)
    database = OWN_DATABASE if seed % 3 == 0 else 11
    async with cached(database=database) as (writer, reader, counted):
        counted.dice = dice
        user, is_over = a_user(), asyncio.Event()

        async def read() -> None:
            while not is_over.is_set():
                await reader.page(user, dice.choice(FOLDERS))

        readers = [asyncio.create_task(read()) for _ in range(3)]
        for number in range(40):
            await store(a_command(dice, number, user), mailboxes=writer)
            if database == OWN_DATABASE and dice.random() < 0.2:
                await flush()
            for folder in dice.sample(FOLDERS, 3):
                assert await reader.page(user, folder) == await counted.direct(user, folder)
        is_over.set()
        await asyncio.gather(*readers)


async def test_without_redis_listings_are_read_from_the_store_at_no_delay() -> None:
    at = urlsplit(load().redis_url)
    async with proxy(at.hostname or "", at.port or 0) as line:
        url = f"redis://127.0.0.1:{line.port}"
        async with cached(url=url) as (writer, reader, counted), engines.redis(11) as direct:
            user = a_user()
            await store(deliver(1, user), mailboxes=writer)
            await reader.page(user, INBOX)
            await line.cut()
            await store(deliver(2, user), mailboxes=writer)
            assert await reader.page(user, INBOX) == await counted.direct(user, INBOX)
            begun_at = time.monotonic()
            for number in range(3, 53):
                await store(deliver(number, user), mailboxes=writer)
                assert await reader.page(user, INBOX) == await counted.direct(user, INBOX)
            assert time.monotonic() - begun_at < 5
            assert await direct.call("EXISTS", f"list:{user}:{INBOX}") == 1  # an old one
            await line.open()
            async with asyncio.timeout(10):
                while await direct.call("EXISTS", f"list:{user}:{INBOX}"):
                    assert await reader.page(user, INBOX) == await counted.direct(user, INBOX)


async def test_a_redis_that_hangs_delays_one_listing_and_not_the_next() -> None:
    at = urlsplit(load().redis_url)
    async with proxy(at.hostname or "", at.port or 0) as line:
        url = f"redis://127.0.0.1:{line.port}"
        async with cached(url=url) as (writer, reader, _):
            user = a_user()
            await store(deliver(1, user), mailboxes=writer)
            line.stall()
            begun_at = time.monotonic()
            for _ in range(20):
                assert len((await reader.page(user, INBOX) or NOTHING).emails) == 1
            assert time.monotonic() - begun_at < 5


# --- builders -----------------------------------------------------------------------

NOTHING = Page(emails=(), total_count=0, next_cursor=None)
FOLDERS = [*SYSTEM_FOLDERS, folder_id("Work"), folder_id("Play")]


class Counted:
    """Mailboxes that count pages, and may take their time after they saw the state."""

    def __init__(self, mailboxes: Mailboxes) -> None:
        self._mailboxes = mailboxes
        self.direct = mailboxes.page
        self.pages = 0
        self.is_held = asyncio.Event()
        self.is_held.set()
        self.dice: random.Random | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mailboxes, name)

    async def page(self, *asked: Any, **named: Any) -> Page | None:
        page = await self._mailboxes.page(*asked, **named)
        self.pages += 1
        await self.is_held.wait()
        if self.dice is not None:
            await asyncio.sleep(self.dice.choice([0, 0.0005, 0.002]))
        return page


@asynccontextmanager
async def cached(
    *, database: int = 11, url: str = ""
) -> AsyncGenerator[tuple[CachedListings, CachedListings, Counted]]:
    """Two processes before the same mailboxes: one that writes, one that reads."""
    counted = Counted(MemoryMailboxes(ManualClock()))
    async with engines.redis(database, url) as one, engines.redis(database, url) as other:
        yield CachedListings(counted, one), CachedListings(counted, other), counted


async def flush() -> None:
    async with engines.redis(OWN_DATABASE) as client:
        await client.call("FLUSHDB")


def a_user() -> str:
    return f"user-{secrets.token_hex(6)}"


def a_command(dice: random.Random, number: int, user: str) -> Command:
    some = dice.sample(range(8), 2)
    where = dice.choice([INBOX, SPAM, TRASH, folder_id("Work"), folder_id("Play")])
    named = {"user_id": user, "command_id": f"command {number}"}
    name = dice.choice(["Work", "Play"])
    return dice.choice(
        [
            deliver(
                some[0],
                user,
                command_id=f"command {number}",
                folder_id=where,
                message={"references": (f"m{some[1]}@sender.example",)},
            ),
            deliver(some[1], user, command_id=f"command {number}"),
            set_flags(*some, is_read=dice.random() < 0.5, **named),
            move(*some, to=where, **named),
            delete(*some, permanent=dice.random() < 0.3, **named),
            create(name, **named),
            remove(folder_id(name), **named),
        ]
    )
