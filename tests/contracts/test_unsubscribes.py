"""What every store of wishes to get no more mail keeps to."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.unsubscribes import MemoryUnsubscribes
from connectors.sqlite.database import Database
from connectors.sqlite.unsubscribes import MIGRATIONS, SqliteUnsubscribes
from topologies.ports.unsubscribes import Unsubscribe, Unsubscribes

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_the_first_wish_for_a_mail_counts(kept: Unsubscribes, ann: str) -> None:
    first = wish(ann)
    assert await kept.find(ann, "e1") is None
    assert await kept.ask(first) == first
    assert await kept.ask(replace(first, asked_at=AT + timedelta(hours=1))) == first
    assert await kept.find(ann, "e1") == first
    assert await kept.find(ann + "x", "e1") is None


async def test_of_many_who_ask_at_once_all_are_told_the_same(kept: Unsubscribes, ann: str) -> None:
    wishes = [wish(ann, asked_at=AT + timedelta(seconds=second)) for second in range(5)]
    told = await asyncio.gather(*map(kept.ask, wishes))
    assert len(set(told)) == 1
    assert await kept.find(ann, "e1") == told[0]


async def test_what_came_of_it_is_kept_whoever_asks_late(kept: Unsubscribes, ann: str) -> None:
    await kept.ask(wish(ann))
    done = wish(ann, state="done", settled_at=AT, attempts=2, tried_at=AT, detail="200 ok")
    await kept.note(done)
    assert await kept.ask(wish(ann)) == done
    assert await kept.find(ann, "e1") == done


async def test_all_of_a_user_are_listed(kept: Unsubscribes, ann: str) -> None:
    assert list(await kept.of(ann)) == []
    wishes = [wish(ann, email_id=email_id) for email_id in ("e3", "e1", "e2")]
    for each in (*wishes, wish(ann + "x")):
        await kept.ask(each)
    await kept.note(replace(wishes[1], state="done"))
    assert [(each.email_id, each.state) for each in await kept.of(ann)] == [
        ("e1", "done"),
        ("e2", "asked"),
        ("e3", "asked"),
    ]


async def test_nothing_is_noted_that_nobody_asked_for(kept: Unsubscribes, ann: str) -> None:
    await kept.note(wish(ann, state="done"))
    assert await kept.find(ann, "e1") is None


async def test_a_user_is_erased_alone(kept: Unsubscribes, ann: str) -> None:
    for user in (ann, ann + "x"):
        await kept.ask(wish(user))
    await kept.erase(ann)
    assert await kept.find(ann, "e1") is None
    assert await kept.find(ann + "x", "e1") == wish(ann + "x")


@pytest.fixture
def ann() -> str:
    return secrets.token_hex(8)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Unsubscribes]:
    if request.param == "memory":
        yield MemoryUnsubscribes()
        return
    if request.param == "cassandra":
        from connectors.cassandra.session import CassandraSession  # which loads the driver
        from connectors.cassandra.unsubscribes import CassandraUnsubscribes

        yield CassandraUnsubscribes(CassandraSession(request.getfixturevalue("cassandra")))
        return
    with closing(Database(tmp_path / "unsubscribes.db", MIGRATIONS)) as database:
        yield SqliteUnsubscribes(database)


def wish(user_id: str, **given: Any) -> Unsubscribe:
    known: dict[str, Any] = {
        "email_id": "e1",
        "way": "one-click",
        "to": "list.far.example",
        "asked_at": AT,
    }
    return Unsubscribe(user_id=user_id, **(known | given))
