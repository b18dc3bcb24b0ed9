"""What is to be reported of a day, whoever keeps it: counted once, and closed for good."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.summaries import MemorySummaries
from connectors.sqlite.database import Database
from connectors.sqlite.summaries import MIGRATIONS, SqliteSummaries
from topologies.ports.summaries import KEPT_FOR, Summaries, Window

DAY = date(2026, 3, 1)


async def test_equal_facts_are_counted_together_and_each_name_once(summaries: Summaries) -> None:
    day = window()
    await summaries.gather(day, {"1": b"a", "2": b"b"})
    await summaries.gather(day, {"3": b"a", "2": b"a", "1": b"b"})  # 1 and 2 stay as they were
    assert await summaries.close(day) == {b"a": 2, b"b": 1}
    assert list(await summaries.close(day)) == [b"a", b"b"]  # most first, whenever it is asked


async def test_who_began_a_window_is_told_so_each_time_and_nobody_else(
    summaries: Summaries,
) -> None:
    day = window()
    assert [await summaries.gather(day, {name: b"x"}) for name in ("b", "a", "b", "c")] == [
        *(True, False, True, False)
    ]
    await summaries.close(day)
    assert [await summaries.gather(day, {name: b"x"}) for name in ("a", "b")] == [False, True]


async def test_nothing_is_added_to_a_window_that_was_closed(summaries: Summaries) -> None:
    day = window()
    await summaries.gather(day, {"1": b"a"})
    first = await summaries.close(day)
    await summaries.gather(day, {"2": b"a"})
    assert await summaries.close(day) == first == {b"a": 1}


async def test_each_kind_domain_and_day_is_a_window_of_its_own(summaries: Summaries) -> None:
    domain = name()
    others = [
        window(domain=domain),
        window(domain=domain, kind="dmarc"),
        window(domain=domain, day=DAY + timedelta(days=1)),
        window(),
    ]
    for number, each in enumerate(others):
        assert await summaries.gather(each, {"1": b"%d" % number})
    for number, each in enumerate(others):
        assert await summaries.close(each) == {b"%d" % number: 1}


async def test_a_window_that_never_was_holds_nothing(summaries: Summaries) -> None:
    assert await summaries.close(window()) == {}


async def test_to_which_url_it_was_told_is_known(summaries: Summaries) -> None:
    day = window()
    await summaries.gather(day, {"1": b"a"})
    assert not await summaries.is_told(day, "https://a.example/")
    for _ in range(2):
        await summaries.tell(day, "https://a.example/")
    assert await summaries.is_told(day, "https://a.example/")
    assert not await summaries.is_told(day, "https://b.example/")
    assert not await summaries.is_told(window(), "https://a.example/")
    assert await summaries.close(day) == {b"a": 1}


async def test_it_is_there_after_a_restart_and_forgotten_after_days(tmp_path: Path) -> None:
    path, old = tmp_path / "summaries.db", window()
    with closing(Database(path, MIGRATIONS)) as database:
        await SqliteSummaries(database).gather(old, {"1": b"a"})
    with closing(Database(path, MIGRATIONS)) as database:
        summaries = SqliteSummaries(database)
        assert await summaries.close(old) == {b"a": 1}
        await summaries.gather(window(day=DAY + KEPT_FOR + timedelta(days=1)), {"1": b"a"})
        assert await summaries.close(old) == {}


# --- builders -----------------------------------------------------------------------


def name() -> str:
    return f"{secrets.token_hex(6)}.example"


def window(**given: Any) -> Window:
    known: dict[str, Any] = {"kind": "tls", "domain": name(), "day": DAY}
    return Window(**(known | given))


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def summaries(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Summaries]:
    if request.param == "memory":
        yield MemorySummaries()
        return
    if request.param == "cassandra":
        from connectors.cassandra.session import CassandraSession  # which loads the driver
        from connectors.cassandra.summaries import CassandraSummaries

        yield CassandraSummaries(CassandraSession(request.getfixturevalue("cassandra")))
        return
    with closing(Database(tmp_path / "summaries.db", MIGRATIONS)) as database:
        yield SqliteSummaries(database)
