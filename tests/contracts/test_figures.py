"""What whoever keeps the stages' figures keeps to."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.figures import MemoryFigures
from connectors.redis.client import RedisClient
from connectors.redis.figures import RedisFigures
from connectors.settings import load
from topologies.ports.figures import Figures, StageFigures

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_before_anybody_told_nothing_is_known(figures: Figures) -> None:
    assert await figures.told() == {}


async def test_processes_are_added_up_and_of_ages_the_oldest_counts(figures: Figures) -> None:
    one = StageFigures(done_per_s=2, again_per_s=1, waiting=3, oldest_s=7, lag_s=0.5)
    other = StageFigures(done_per_s=4, buried_per_s=0.5, waiting=1, oldest_s=2)
    await figures.tell("one", {"parse": one})
    await figures.tell("other", {"parse": other, "store": StageFigures(done_per_s=9)})
    assert await figures.told() == {
        "parse": StageFigures(
            done_per_s=6, again_per_s=1, buried_per_s=0.5, waiting=4, oldest_s=7, lag_s=0.5
        ),
        "store": StageFigures(done_per_s=9),
    }


async def test_what_a_process_says_replaces_what_it_said_before(figures: Figures) -> None:
    await figures.tell("one", {"parse": StageFigures(done_per_s=2), "scan": StageFigures()})
    await figures.tell("one", {"parse": StageFigures(done_per_s=3)})
    assert await figures.told() == {"parse": StageFigures(done_per_s=3)}


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.live)])
async def figures(request: pytest.FixtureRequest) -> AsyncIterator[Figures]:
    clock = ManualClock(NOW)
    if request.param == "memory":
        yield MemoryFigures(clock)
        return
    client = RedisClient(load().redis_url)
    try:
        yield RedisFigures(client, clock, names=f"figures-{uuid4().hex}")
    finally:
        await client.close()
