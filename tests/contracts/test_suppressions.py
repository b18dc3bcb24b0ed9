"""What every store of suppression lists keeps to."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.suppressions import MemorySuppressions
from connectors.sqlite.database import Database
from connectors.sqlite.suppressions import KEPT_AFTER, MIGRATIONS, SqliteSuppressions
from topologies.ports.suppressions import Suppression, Suppressions

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_what_is_added_is_found(lists: Suppressions, ann: str) -> None:
    kept = entry(ann, "bo@far.example", detail="550 no such user")
    assert await lists.add(kept) == kept
    assert await lists.among([ann], ["bo@far.example", "cy@far.example"], AT) == {
        "bo@far.example": kept
    }
    assert (await lists.page(ann)).suppressions == (kept,)


async def test_lists_are_apart(lists: Suppressions, ann: str) -> None:
    await lists.add(entry(ann, "bo@far.example"))
    assert await lists.among([ann + "x"], ["bo@far.example"], AT) == {}
    assert (await lists.page(ann + "x")).suppressions == ()


async def test_of_several_lists_the_first_one_counts(lists: Suppressions, ann: str) -> None:
    mine, theirs = entry(ann, "bo@far.example"), entry("@" + ann, "bo@far.example")
    far = entry("@" + ann, "@far.example")
    for each in (theirs, mine, far):
        await lists.add(each)
    found = await lists.among([ann, "@" + ann], ["bo@far.example", "@far.example"], AT)
    assert found == {"bo@far.example": mine, "@far.example": far}


async def test_nothing_is_asked_of_no_list(lists: Suppressions, ann: str) -> None:
    assert await lists.among([], ["bo@far.example"], AT) == {}
    assert await lists.among([ann], [], AT) == {}


async def test_an_entry_ends_at_its_time(lists: Suppressions, ann: str) -> None:
    await lists.add(entry(ann, "bo@far.example", until=AT + timedelta(days=1)))
    before, after = AT + timedelta(hours=23), AT + timedelta(days=1)
    assert await lists.among([ann], ["bo@far.example"], before)
    assert await lists.among([ann], ["bo@far.example"], after) == {}


@pytest.mark.parametrize(
    ("first", "second", "longer"), [(1, 2, 2), (2, 1, 2), (None, 1, None), (1, None, None)]
)
async def test_an_entry_is_never_shortened_by_another(
    lists: Suppressions, ann: str, first: int | None, second: int | None, longer: int | None
) -> None:
    for days in (first, second):
        until = AT + timedelta(days=days) if days else None
        told = await lists.add(entry(ann, "bo@far.example", until=until))
    wanted = AT + timedelta(days=longer) if longer else None
    assert told.until == wanted
    assert [each.until for each in (await lists.page(ann)).suppressions] == [wanted]


async def test_what_is_removed_counts_no_more(lists: Suppressions, ann: str) -> None:
    await lists.add(entry(ann, "bo@far.example"))
    assert await lists.remove(ann, "bo@far.example")
    assert not await lists.remove(ann, "bo@far.example")
    assert await lists.among([ann], ["bo@far.example"], AT) == {}


async def test_pages_hold_each_entry_once(lists: Suppressions, ann: str) -> None:
    wanted = {f"person{number}@far.example" for number in range(23)}
    for target in wanted:
        await lists.add(entry(ann, target))
    found: list[str] = []
    cursor = None
    while True:
        page = await lists.page(ann, limit=5, cursor=cursor)
        assert len(page.suppressions) <= 5
        found += [each.target for each in page.suppressions]
        if (cursor := page.next_cursor) is None:
            break
    assert (len(found), set(found)) == (23, wanted)


@pytest.mark.parametrize("cursor", ["", "x", "%%", "MTIz", "é"])
async def test_a_cursor_of_another_listing_is_refused(
    lists: Suppressions, ann: str, cursor: str
) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await lists.page(ann, cursor=cursor)


async def test_what_is_over_for_long_is_forgotten(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "suppressions.db", MIGRATIONS)) as database:
        lists = SqliteSuppressions(database)
        await lists.add(entry("ann", "old@far.example", until=AT))
        later = AT + KEPT_AFTER + timedelta(seconds=1)
        await lists.add(entry("ann", "new@far.example", since=later))
        assert [each.target for each in (await lists.page("ann")).suppressions] == [
            "new@far.example"
        ]


@pytest.fixture
def ann() -> str:
    return secrets.token_hex(8)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def lists(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Suppressions]:
    if request.param == "memory":
        yield MemorySuppressions()
        return
    if request.param == "cassandra":
        from connectors.cassandra.session import CassandraSession  # which loads the driver
        from connectors.cassandra.suppressions import CassandraSuppressions

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield CassandraSuppressions(session, ManualClock(AT))
        return
    with closing(Database(tmp_path / "suppressions.db", MIGRATIONS)) as database:
        yield SqliteSuppressions(database)


def entry(owner: str, target: str, **given: Any) -> Suppression:
    known: dict[str, Any] = {"owner": owner, "target": target, "reason": "bounce", "since": AT}
    return Suppression(**(known | given))
