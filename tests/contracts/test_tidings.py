"""What senders are to be told, whoever keeps it: gathered once, in rounds that end for good."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.tidings import MemoryTidings
from connectors.sqlite.database import Database
from connectors.sqlite.deliveries import MIGRATIONS
from connectors.sqlite.tidings import SqliteTidings
from tests.services import AT
from topologies.events import DeliveryAttempted, RecipientResult
from topologies.ports.deliveries import KEPT
from topologies.ports.tidings import Round, Tidings


async def test_the_first_news_of_a_mail_begin_a_round_that_others_join(tidings: Tidings) -> None:
    mail = secrets.token_hex(8)
    first, second = news(mail, "bo"), news(mail, "cy", attempted_at=AT + timedelta(seconds=9))
    assert await tidings.gather("b", first) == Round("b", AT)
    assert await tidings.gather("a", second) == Round("b", AT)
    assert await tidings.close(mail, "b") == [second, first]


async def test_what_was_gathered_before_stays_as_it_was(tidings: Tidings) -> None:
    mail = secrets.token_hex(8)
    await tidings.gather("a", news(mail, "bo"))
    again = news(mail, "cy", attempted_at=AT + timedelta(hours=1))
    assert await tidings.gather("a", again) == Round("a", AT)
    assert await tidings.close(mail, "a") == [news(mail, "bo")]


async def test_nothing_is_added_to_a_round_that_was_closed(tidings: Tidings) -> None:
    mail = secrets.token_hex(8)
    await tidings.gather("a", news(mail, "bo"))
    assert len(await tidings.close(mail, "a")) == 1
    later = news(mail, "cy", attempted_at=AT + timedelta(hours=2))
    assert await tidings.gather("b", later) == Round("b", AT + timedelta(hours=2))
    assert await tidings.close(mail, "a") == [news(mail, "bo")]
    assert await tidings.gather("a", news(mail, "bo")) == Round("a", AT)
    assert await tidings.gather("b", later) == Round("b", AT + timedelta(hours=2))
    assert await tidings.close(mail, "b") == [later]


async def test_a_round_begins_after_each_that_was_closed(tidings: Tidings) -> None:
    mail = secrets.token_hex(8)
    for name in ("c", "a", "b"):
        assert (await tidings.gather(name, news(mail, "bo"))).name == name
        assert (await tidings.gather(f"{name} too", news(mail, "cy"))).name == name
        assert len(await tidings.close(mail, name)) == 2


async def test_each_mail_has_rounds_of_its_own(tidings: Tidings) -> None:
    one, other = secrets.token_hex(8), secrets.token_hex(8)
    await tidings.gather("a", news(one, "bo"))
    assert (await tidings.gather("b", news(other, "bo"))).name == "b"
    assert await tidings.close(one, "b") == []
    assert (await tidings.gather("c", news(other, "cy"))).name == "b"
    assert (await tidings.gather("c", news(one, "cy"))).name == "a"


async def test_a_round_that_is_none_holds_nothing(tidings: Tidings) -> None:
    assert await tidings.close(secrets.token_hex(8), "a") == []


async def test_it_is_there_after_a_restart_and_forgotten_after_months(tmp_path: Path) -> None:
    path = tmp_path / "deliveries.db"
    old = news("old", "bo", submitted_at=AT - KEPT - timedelta(seconds=1))
    with closing(Database(path, MIGRATIONS)) as database:
        await SqliteTidings(database).gather("a", old)
    with closing(Database(path, MIGRATIONS)) as database:
        tidings = SqliteTidings(database)
        assert await tidings.close("old", "a") == [old]
        await tidings.gather("a", news("new", "bo"))
        assert await tidings.close("old", "a") == []


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def tidings(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Tidings]:
    if request.param == "memory":
        yield MemoryTidings()
        return
    if request.param == "cassandra":
        from connectors.cassandra.session import CassandraSession  # which loads the driver
        from connectors.cassandra.tidings import CassandraTidings

        yield CassandraTidings(CassandraSession(request.getfixturevalue("cassandra")))
        return
    with closing(Database(tmp_path / "deliveries.db", MIGRATIONS)) as database:
        yield SqliteTidings(database)


def news(mail_id: str, name: str, **given: Any) -> DeliveryAttempted:
    known: dict[str, Any] = {
        "delivery_id": "d1",
        "mail_id": mail_id,
        "submitted_at": AT,
        "mail_from": "ann@shop.example",
        "destination": "far.example",
        "attempt": 1,
        "attempted_at": AT,
        "results": (RecipientResult(recipient=f"{name}@far.example", status="failed"),),
    }
    return DeliveryAttempted(**(known | given))
