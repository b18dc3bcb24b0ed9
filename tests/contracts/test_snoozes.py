"""What every store of mails that are put off keeps to."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.snoozes import MemorySnoozes
from connectors.sqlite.database import Database
from connectors.sqlite.snoozes import MIGRATIONS, SqliteSnoozes
from topologies.ports.snoozes import KEPT_AFTER, MOST_SNOOZED, Snooze, Snoozes

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_what_is_put_off_is_found_and_listed_the_first_due_first(it: "Store") -> None:
    late, soon = it.snooze("e1", days=3), it.snooze("e2", days=1)
    for each in (late, soon):
        await it.snoozes.put(each)
    assert await it.snoozes.find(it.ann, "e1") == late
    assert await it.snoozes.of(it.ann) == [soon, late]
    assert await it.snoozes.find(it.ann + "x", "e1") is None
    assert await it.snoozes.of(it.ann + "x") == []


async def test_the_last_wish_for_a_mail_counts(it: "Store") -> None:
    await it.snoozes.put(it.snooze("e1", days=3))
    again = it.snooze("e1", days=2, snooze_id="s2")
    await it.snoozes.put(again)
    assert await it.snoozes.of(it.ann) == [again]


async def test_a_wish_is_removed_and_not_another_in_its_place(it: "Store") -> None:
    await it.snoozes.put(it.snooze("e1", snooze_id="s2"))
    assert not await it.snoozes.remove(it.ann, "e1", "s1")
    assert await it.snoozes.remove(it.ann, "e1", "s2")
    assert not await it.snoozes.remove(it.ann, "e1", "s2")
    assert await it.snoozes.of(it.ann) == []


async def test_what_is_over_stays_for_a_while(it: "Store") -> None:
    kept = it.snooze("e1", days=1)
    await it.snoozes.put(kept)
    it.clock.move(timedelta(days=1) + KEPT_AFTER - timedelta(seconds=1))
    assert await it.snoozes.find(it.ann, "e1") == kept
    it.clock.move(timedelta(seconds=1))
    assert await it.snoozes.find(it.ann, "e1") is None
    assert await it.snoozes.of(it.ann) == []


async def test_there_are_not_too_many_of_one_user(it: "Store") -> None:
    for number in range(MOST_SNOOZED):
        await it.snoozes.put(it.snooze(f"e{number}"))
    with pytest.raises(ValueError, match="at most"):
        await it.snoozes.put(it.snooze("one more"))
    await it.snoozes.put(it.snooze("e7", days=2))  # again
    await it.snoozes.put(replace(it.snooze("e1"), user_id=it.ann + "x"))
    assert len(await it.snoozes.of(it.ann)) == MOST_SNOOZED


async def test_a_user_is_erased_alone(it: "Store") -> None:
    other = replace(it.snooze("e1"), user_id=it.ann + "x")
    for each in (it.snooze("e1"), other):
        await it.snoozes.put(each)
    await it.snoozes.erase(it.ann)
    assert await it.snoozes.of(it.ann) == []
    assert await it.snoozes.of(it.ann + "x") == [other]


@dataclass
class Store:
    snoozes: Snoozes
    clock: ManualClock
    ann: str

    def snooze(self, email_id: str, *, days: int = 1, **given: Any) -> Snooze:
        known: dict[str, Any] = {"snooze_id": "s1", "folder_id": "inbox"}
        until = AT + timedelta(days=days)
        return Snooze(user_id=self.ann, email_id=email_id, until=until, **(known | given))


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def it(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    ann, clock = secrets.token_hex(8), ManualClock(AT)
    if request.param == "memory":
        yield Store(MemorySnoozes(clock), clock, ann)
        return
    if request.param == "cassandra":
        from connectors.cassandra.session import CassandraSession  # which loads the driver
        from connectors.cassandra.snoozes import CassandraSnoozes

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield Store(CassandraSnoozes(session, clock), clock, ann)
        return
    with closing(Database(tmp_path / "snoozes.db", MIGRATIONS, is_durable=False)) as database:
        yield Store(SqliteSnoozes(database, clock), clock, ann)
