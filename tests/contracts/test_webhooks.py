"""What every store of webhooks keeps to."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.webhooks import MemoryWebhooks
from connectors.sealed_text import Seal
from connectors.sqlite.database import Database
from connectors.sqlite.webhooks import KEPT_FOR, MIGRATIONS, SqliteWebhooks
from topologies.mail import ids
from topologies.ports.webhooks import (
    MOST_OF_OWNER,
    TEST,
    Webhook,
    WebhookAttempt,
    Webhooks,
    WebhookSecret,
)

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
DAY = timedelta(days=1)


async def test_what_is_added_is_found_and_listed_by_age(webhooks: Webhooks, ann: str) -> None:
    first = webhook(ann, at=AT, description="first")
    second = webhook(ann, at=AT + DAY, disabled_at=AT + DAY, disabled_why="tired")
    for each in (second, first):
        await webhooks.add(each)
    assert await webhooks.find(ann, first.webhook_id) == first
    assert list(await webhooks.of(ann)) == [first, second]
    assert list(await webhooks.told(ann)) == [first]


async def test_nobody_has_another_s(webhooks: Webhooks, ann: str) -> None:
    mine = webhook(ann)
    await webhooks.add(mine)
    assert await webhooks.find(f"{ann}x", mine.webhook_id) is None
    assert list(await webhooks.of(f"{ann}x")) == []
    assert not await webhooks.remove(f"{ann}x", mine.webhook_id)
    assert not await webhooks.put(replace(mine, owner=f"{ann}x"))
    assert list(await webhooks.of(f"{ann}x")) == []


async def test_what_is_put_replaces_all_of_it(webhooks: Webhooks, ann: str) -> None:
    kept = webhook(ann)
    await webhooks.add(kept)
    changed = replace(
        kept,
        url="https://other.example/",
        events=("email.complained",),
        description="ünïcödé",
        secrets=(WebhookSecret(text="whsec_Qg=="), replace(kept.secrets[0], until=AT + DAY)),
        enabled_at=AT + DAY,
        disabled_at=AT + 2 * DAY,
        disabled_why="why not",
        failing_since=AT,
        failures=7,
    )
    assert await webhooks.put(changed)
    assert await webhooks.find(ann, kept.webhook_id) == changed
    assert list(await webhooks.told(ann)) == []
    assert await webhooks.put(kept)
    assert await webhooks.find(ann, kept.webhook_id) == kept


async def test_what_is_removed_stays_away(webhooks: Webhooks, ann: str) -> None:
    gone = webhook(ann)
    await webhooks.add(gone)
    assert await webhooks.remove(ann, gone.webhook_id)
    assert not await webhooks.remove(ann, gone.webhook_id)
    assert not await webhooks.put(gone)
    await webhooks.disable(ann, gone.webhook_id, AT, "late")
    await webhooks.note(gone, attempt(gone, status=500))
    assert await webhooks.find(ann, gone.webhook_id) is None
    assert list(await webhooks.of(ann)) == []
    assert list(await webhooks.told(ann)) == []


async def test_an_owner_has_so_many_and_no_more(webhooks: Webhooks, ann: str) -> None:
    for _ in range(MOST_OF_OWNER):
        await webhooks.add(webhook(ann))
    with pytest.raises(ValueError, match=str(MOST_OF_OWNER)):
        await webhooks.add(webhook(ann))
    assert len(await webhooks.of(ann)) == MOST_OF_OWNER


async def test_one_is_disabled_once_and_by_what_came_after_it_was_enabled(
    webhooks: Webhooks, ann: str
) -> None:
    kept = webhook(ann, enabled_at=AT)
    await webhooks.add(kept)
    await webhooks.disable(ann, kept.webhook_id, AT - DAY, "before")
    assert await webhooks.find(ann, kept.webhook_id) == kept
    await webhooks.disable(ann, kept.webhook_id, AT + DAY, "first")
    await webhooks.disable(ann, kept.webhook_id, AT + 2 * DAY, "second")
    disabled = replace(kept, disabled_at=AT + DAY, disabled_why="first")
    assert await webhooks.find(ann, kept.webhook_id) == disabled


async def test_an_attempt_is_known_once_it_is_noted(webhooks: Webhooks, ann: str) -> None:
    kept = webhook(ann)
    await webhooks.add(kept)
    made = attempt(kept, status=503, text="busy ✉", next_try_at=AT + timedelta(seconds=5))
    assert await webhooks.attempt(made.message_id, 1) is None
    await webhooks.note(kept, made)
    assert await webhooks.attempt(made.message_id, 1) == made
    assert await webhooks.attempt(made.message_id, 2) is None
    assert list(await webhooks.attempts(kept.webhook_id)) == [made]
    assert list(await webhooks.attempts(f"{kept.webhook_id}x")) == []


async def test_how_a_webhook_fares_is_counted_from_its_last_success(
    webhooks: Webhooks, ann: str
) -> None:
    kept = webhook(ann)
    await webhooks.add(kept)

    async def fares(status: int, at: datetime, **more: Any) -> tuple[datetime | None, int]:
        now = await webhooks.find(ann, kept.webhook_id)
        assert now is not None
        await webhooks.note(now, attempt(now, status=status, attempted_at=at, **more))
        then = await webhooks.find(ann, kept.webhook_id)
        assert then is not None
        return then.failing_since, then.failures

    assert await fares(204, AT) == (None, 0)
    assert await fares(500, AT) == (AT, 1)
    assert await fares(0, AT + DAY) == (AT, 2)
    assert await fares(500, AT + DAY, type=TEST) == (AT, 2)
    assert await fares(204, AT + DAY, type=TEST) == (AT, 2)
    assert await fares(200, AT + DAY) == (None, 0)
    assert await fares(404, AT + DAY) == (AT + DAY, 1)


async def test_the_last_attempts_are_listed_the_newest_first(webhooks: Webhooks, ann: str) -> None:
    kept = webhook(ann)
    await webhooks.add(kept)
    made = [
        attempt(kept, attempted_at=AT - timedelta(hours=3 * number), attempt=1 + number % 2)
        for number in range(12)
    ]
    for each in made:
        await webhooks.note(kept, each)
    assert list(await webhooks.attempts(kept.webhook_id)) == made
    assert list(await webhooks.attempts(kept.webhook_id, limit=5)) == made[:5]


async def test_attempts_of_long_ago_are_forgotten(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "webhooks.db", MIGRATIONS)) as database:
        webhooks = SqliteWebhooks(database)
        kept = webhook("ann")
        await webhooks.add(kept)
        old = attempt(kept)
        new = attempt(kept, attempted_at=AT + KEPT_FOR + timedelta(seconds=1))
        for each in (old, new):
            await webhooks.note(kept, each)
        assert list(await webhooks.attempts(kept.webhook_id)) == [new]
        assert await webhooks.attempt(old.message_id, old.attempt) is None


def test_a_secret_is_not_shown_where_a_webhook_is_printed() -> None:
    assert "whsec_" not in repr(webhook("ann"))


@pytest.mark.live
async def test_in_cassandra_secrets_are_sealed(request: pytest.FixtureRequest, ann: str) -> None:
    from connectors.cassandra.session import CassandraSession  # which loads the driver
    from connectors.cassandra.webhooks import CassandraWebhooks

    session = CassandraSession(request.getfixturevalue("cassandra"))
    webhooks = CassandraWebhooks(session, ManualClock(AT), Seal("a secret", "X"))
    kept = webhook(ann)
    await webhooks.add(kept)
    assert await webhooks.find(ann, kept.webhook_id) == kept
    [[raw]] = await session.execute("SELECT kept FROM webhooks WHERE owner = ?", (ann,))
    assert b"whsec_" not in bytes(raw)


@pytest.fixture
def ann() -> str:
    return secrets.token_hex(8)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def webhooks(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Webhooks]:
    if request.param == "memory":
        yield MemoryWebhooks()
        return
    if request.param == "cassandra":
        from connectors.cassandra.session import CassandraSession  # which loads the driver
        from connectors.cassandra.webhooks import CassandraWebhooks

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield CassandraWebhooks(session, ManualClock(AT + DAY), Seal("", "X"))
        return
    with closing(Database(tmp_path / "webhooks.db", MIGRATIONS)) as database:
        yield SqliteWebhooks(database)


def webhook(owner: str, *, at: datetime = AT, **given: Any) -> Webhook:
    known: dict[str, Any] = {
        "webhook_id": ids.new_id(at),
        "owner": owner,
        "url": "https://shop.example/hook",
        "events": ("email.delivered", "email.bounced"),
        "secrets": (WebhookSecret(text="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),),
        "created_at": at,
        "enabled_at": at,
    }
    return Webhook(**(known | given))


def attempt(of: Webhook, **given: Any) -> WebhookAttempt:
    known: dict[str, Any] = {
        "webhook_id": of.webhook_id,
        "message_id": ids.new_id(AT),
        "type": "email.bounced",
        "attempt": 1,
        "attempted_at": AT,
        "status": 204,
        "took_ms": 12,
    }
    return WebhookAttempt(**(known | given))
