"""What every store of what users taught us keeps to."""

from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.personal_spam import MemoryPersonalSpam
from connectors.sqlite.database import Database
from connectors.sqlite.personal_spam import MIGRATIONS, SqlitePersonalSpam
from topologies.mail.ids import new_id
from topologies.ports.personal_spam import MOST_WEIGHTS, Learnt, PersonalSpam

FULL = Learnt(seq=7, reports=3, weights={0: 1, 17: -300, 2**32 - 1: 30_000, 2**31: -30_000})


async def test_nothing_is_known_of_who_reported_nothing(desk: "Desk") -> None:
    assert await desk.store.of(desk.user) == Learnt()
    assert await desk.store.read(desk.user) == Learnt()


async def test_what_was_learnt_is_kept_whole_and_seen_at_once_where_it_was_kept(
    desk: "Desk",
) -> None:
    await desk.store.of(desk.user)
    await desk.store.keep(desk.user, FULL)
    assert await desk.store.of(desk.user) == FULL
    assert await desk.store.read(desk.user) == FULL


async def test_each_user_has_their_own(desk: "Desk") -> None:
    await desk.store.keep(desk.user, FULL)
    assert await desk.store.read(new_id(datetime.now(UTC))) == Learnt()


async def test_what_is_older_never_replaces_what_is_newer(desk: "Desk") -> None:
    await desk.store.keep(desk.user, FULL)
    await desk.store.keep(desk.user, Learnt(seq=6, reports=2, weights={1: 1}))
    assert await desk.store.read(desk.user) == FULL
    newer = Learnt(seq=8, reports=4)
    await desk.store.keep(desk.user, newer)
    assert await desk.store.read(desk.user) == newer


async def test_of_a_user_who_is_erased_nothing_is_known(desk: "Desk") -> None:
    await desk.store.keep(desk.user, FULL)
    for _ in range(2):
        await desk.store.erase(desk.user)
        assert await desk.store.of(desk.user) == Learnt()
        assert await desk.store.read(desk.user) == Learnt()


async def test_the_most_there_may_be_fits(desk: "Desk") -> None:
    most = Learnt(seq=1, reports=1, weights={n * 1_000: n for n in range(1, MOST_WEIGHTS + 1)})
    await desk.store.keep(desk.user, most)
    assert await desk.store.read(desk.user) == most


async def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "learnt.db", MIGRATIONS)) as database:
        await SqlitePersonalSpam(database, ManualClock()).keep("ann", FULL)
    with closing(Database(tmp_path / "learnt.db", MIGRATIONS)) as database:
        assert await SqlitePersonalSpam(database, ManualClock()).of("ann") == FULL


@dataclass
class Desk:
    store: PersonalSpam
    user: str


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Desk]:
    user = new_id(datetime.now(UTC))
    if request.param == "memory":
        yield Desk(MemoryPersonalSpam(), user)
        return
    if request.param == "cassandra":
        # Here, since they load the driver.
        from connectors.cassandra.personal_spam import CassandraPersonalSpam
        from connectors.cassandra.session import CassandraSession

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield Desk(CassandraPersonalSpam(session, ManualClock()), user)
        return
    with closing(Database(tmp_path / "learnt.db", MIGRATIONS)) as database:
        yield Desk(SqlitePersonalSpam(database, ManualClock()), user)
