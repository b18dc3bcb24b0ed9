"""Stages, engine, timer and messenger together: a message waits its time, and arrives once."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.http_out.lines import MOST_AT_ONCE, Lines
from connectors.http_out.messenger import HttpMessenger, context_of
from connectors.memory.clock import ManualClock
from connectors.memory.dns import MemoryDns
from connectors.sqlite.database import Database
from connectors.sqlite.webhooks import MIGRATIONS, SqliteWebhooks
from tests.engines.stages import House, running, until
from tests.feedback.hooks import a_webhook
from tests.services import AT
from tests.sink import Answer, Sink, listening
from topologies.events import DeliveryAttempted, RecipientResult
from topologies.feedback.announce import announce
from topologies.feedback.post import post
from topologies.ports.clock import Clock
from topologies.ports.messenger import Messenger
from topologies.ports.webhooks import Webhooks


async def test_a_message_is_posted_until_it_is_taken_whatever_is_started_anew(
    world: "World", sink: Sink
) -> None:
    sink.answers = [Answer(500), Answer(0)]
    await world.webhooks.add(a_webhook("ann", "w", url=sink.url))
    async with world.working() as house:
        await house.log.append([bounced(1)])
        await until(lambda: len(sink.posts) == 1)
        await house.drained()
    for count, wait in ((2, timedelta(seconds=5)), (3, timedelta(minutes=5))):
        world.clock.move(wait)
        async with world.working() as house:
            await until(lambda count=count: len(sink.posts) == count)
            await house.drained()
    world.clock.move(timedelta(days=1))
    async with world.working() as house:
        await house.drained()
        assert await house.engine.later() == dict.fromkeys(await house.engine.later(), 0)
    assert len(sink.posts) == 3
    assert len({(post.headers["webhook-id"], post.body) for post in sink.posts}) == 1
    assert [each.status for each in await world.webhooks.attempts("w")] == [204, 0, 500]


async def test_an_event_that_is_there_twice_is_posted_once(world: "World", sink: Sink) -> None:
    await world.webhooks.add(a_webhook("ann", "w", url=sink.url))
    async with world.working() as house:
        await house.log.append([bounced(1) for _ in range(5)])
        await until(lambda: len(sink.posts) >= 1)
        await house.drained()
    assert len(sink.posts) == 1


async def test_messages_for_a_dead_webhook_do_not_hold_up_another_s(
    world: "World", sink: Sink
) -> None:
    async with silent() as dead:
        url = f"http://127.0.0.1:{dead.port}/"
        await world.webhooks.add(a_webhook("ann", "w", url=sink.url))
        await world.webhooks.add(a_webhook("bo", "dead", url=url))
        async with world.working(timeout_s=2.0) as house:
            await house.log.append([bounced(number, user="bo") for number in range(600)])
            # No more than have a place at once: a busy machine may make a webhook slow.
            await house.log.append([bounced(number) for number in range(MOST_AT_ONCE)])
            await until(lambda: len(sink.posts) == MOST_AT_ONCE)
            await house.drained()
    assert dead.connections <= MOST_AT_ONCE
    attempts = await world.webhooks.attempts("dead", limit=100)
    assert {each.status for each in attempts} == {0}


@dataclass
class World:
    """A folder in which an engine works now and then."""

    folder: Path
    webhooks: SqliteWebhooks
    clock: ManualClock

    @asynccontextmanager
    async def working(self, *, timeout_s: float = 20.0) -> AsyncGenerator[House]:
        messenger = HttpMessenger(
            MemoryDns({}),
            context_of(""),
            is_private_allowed=True,
            timeout_s=timeout_s,
            lines=Lines(slow_s=timeout_s / 2),
        )
        services = {Clock: self.clock, Messenger: messenger, Webhooks: self.webhooks}
        try:
            async with running(
                self.folder, announce, post, services=services, clock=self.clock, in_flight=64
            ) as house:
                yield house
        finally:
            await messenger.close()


@dataclass
class Silent:
    """Takes connections and says nothing."""

    port: int = 0
    connections: int = 0


@asynccontextmanager
async def silent() -> AsyncGenerator[Silent]:
    it, is_over = Silent(), asyncio.Event()

    async def keep(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        it.connections += 1
        with closing(writer):
            await is_over.wait()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        is_over.set()
        server.close()
        await server.wait_closed()


def bounced(number: int, *, user: str = "ann") -> DeliveryAttempted:
    return DeliveryAttempted(
        delivery_id=f"{user}-{number}",
        mail_id="0198f3a1-7c00-7000-8000-000000000001",
        user_id=user,
        submitted_at=AT,
        mail_from=f"{user}@shop.example",
        destination="far.example",
        attempt=1,
        attempted_at=AT,
        results=(RecipientResult(recipient="cy@far.example", status="failed", code=550),),
    )


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening(Sink()) as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(Database(tmp_path / "webhooks.db", MIGRATIONS)) as database:
        yield World(tmp_path, SqliteWebhooks(database), ManualClock(AT))
