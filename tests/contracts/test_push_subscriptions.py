"""What every store of browsers' subscriptions keeps to."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.push_subscriptions import MemoryPushSubscriptions
from connectors.sealed_text import Seal
from connectors.sqlite.database import Database
from connectors.sqlite.push_subscriptions import MIGRATIONS, SqlitePushSubscriptions
from tests.push import AT, Browser
from topologies.ports.push_subscriptions import (
    MOST_OF_USER,
    PushSubscription,
    PushSubscriptions,
)

SECOND = timedelta(seconds=1)


async def test_what_is_put_is_listed_by_age_and_told(
    subscriptions: PushSubscriptions, clock: ManualClock, ann: str
) -> None:
    first, second = subscription(ann, 1), subscription(ann, 2)
    assert list(await subscriptions.told(ann)) == []
    for each in (second, first):
        await subscriptions.put(each)
    assert list(await subscriptions.of(ann)) == [first, second]
    clock.move(SECOND)
    assert list(await subscriptions.told(ann)) == [first, second]


async def test_a_browser_that_says_it_again_is_the_same_with_what_it_says_now(
    subscriptions: PushSubscriptions, ann: str
) -> None:
    kept = subscription(ann, 1)
    await subscriptions.put(kept)
    changed = replace(kept, auth=b"another secret..", name="ünïcödé", created_at=AT + SECOND)
    await subscriptions.put(changed)
    assert list(await subscriptions.of(ann)) == [changed]


async def test_nobody_has_another_s(subscriptions: PushSubscriptions, ann: str) -> None:
    mine = subscription(ann, 1)
    await subscriptions.put(mine)
    assert list(await subscriptions.of(f"{ann}x")) == []
    assert not await subscriptions.remove(f"{ann}x", mine.subscription_id)
    assert list(await subscriptions.of(ann)) == [mine]


async def test_what_is_removed_is_gone_and_told_so_once(
    subscriptions: PushSubscriptions, ann: str
) -> None:
    gone, left = subscription(ann, 1), subscription(ann, 2)
    await subscriptions.put(gone)
    await subscriptions.put(left)
    assert await subscriptions.remove(ann, gone.subscription_id)
    assert not await subscriptions.remove(ann, gone.subscription_id)
    assert list(await subscriptions.of(ann)) == [left]
    assert list(await subscriptions.told(ann)) == [left]


async def test_one_too_many_is_kept_for_the_oldest(
    subscriptions: PushSubscriptions, ann: str
) -> None:
    given = [subscription(ann, n) for n in range(MOST_OF_USER + 2)]
    for each in given:
        await subscriptions.put(each)
    assert list(await subscriptions.of(ann)) == given[2:]


@pytest.mark.live
async def test_who_reads_the_database_can_not_send_in_our_name(
    request: pytest.FixtureRequest, ann: str
) -> None:
    from connectors.cassandra.push_subscriptions import CassandraPushSubscriptions
    from connectors.cassandra.session import CassandraSession

    session = CassandraSession(request.getfixturevalue("cassandra"))
    sealed = CassandraPushSubscriptions(session, ManualClock(AT), Seal("a secret", "X"))
    kept = subscription(ann, 1)
    await sealed.put(kept)
    assert list(await sealed.of(ann)) == [kept]
    [[endpoint, auth]] = await session.execute(
        "SELECT endpoint, auth FROM push_subscriptions WHERE user_id = ?", (ann,)
    )
    assert "push.example" not in endpoint
    assert kept.auth not in bytes(auth)


@pytest.fixture
def ann() -> str:
    return secrets.token_hex(8)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def subscriptions(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncGenerator[PushSubscriptions]:
    if request.param == "memory":
        yield MemoryPushSubscriptions()
        return
    if request.param == "cassandra":
        from connectors.cassandra.push_subscriptions import CassandraPushSubscriptions
        from connectors.cassandra.session import CassandraSession  # which loads the driver

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield CassandraPushSubscriptions(session, clock, Seal("", "X"))
        return
    with closing(Database(tmp_path / "push.db", MIGRATIONS)) as database:
        yield SqlitePushSubscriptions(database)


def subscription(user_id: str, number: int) -> PushSubscription:
    """Return the one of a browser that subscribed so many seconds after ``AT``."""
    browser = Browser(f"https://push.example/p/{number}")
    return browser.subscription(user_id, AT + number * SECOND)
