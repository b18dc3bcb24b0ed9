"""What every store of restraints keeps to."""

from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.restraints import MemoryRestraints
from connectors.sqlite.database import Database
from connectors.sqlite.restraints import SqliteRestraints
from connectors.sqlite.sending_rows import MIGRATIONS
from topologies.mail.ids import new_id
from topologies.ports.restraints import Restraint, Restraints

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_nobody_is_restrained_at_first(desk: "Desk") -> None:
    assert await desk.restraints.of(desk.user) is None
    assert not await desk.restraints.lift(desk.user)


async def test_a_restraint_holds_until_it_ends_by_itself(desk: "Desk") -> None:
    await desk.restraints.put(desk.throttled)
    assert await desk.restraints.of(desk.user) == desk.throttled
    assert desk.throttled in await desk.restraints.all()
    desk.clock.move(2 * HOUR)
    assert await desk.restraints.of(desk.user) is None
    assert desk.throttled not in await desk.restraints.all()
    assert not await desk.restraints.lift(desk.user)


async def test_a_suspension_holds_until_it_is_lifted(desk: "Desk") -> None:
    await desk.restraints.put(desk.throttled)
    await desk.restraints.put(desk.suspended)
    await desk.restraints.put(desk.throttled)  # which is less, and changes nothing
    desk.clock.move(1_000 * HOUR)
    assert await desk.restraints.of(desk.user) == desk.suspended
    assert desk.suspended in await desk.restraints.all()
    assert await desk.restraints.lift(desk.user)
    assert await desk.restraints.of(desk.user) is None


async def test_a_throttling_can_be_put_off(desk: "Desk") -> None:
    await desk.restraints.put(desk.throttled)
    longer = replace(desk.throttled, until=AT + 3 * HOUR)
    await desk.restraints.put(longer)
    assert await desk.restraints.of(desk.user) == longer


class Desk:
    def __init__(self, restraints: Restraints, clock: ManualClock) -> None:
        self.restraints = restraints
        self.clock = clock
        self.user = new_id(datetime.now(UTC))
        self.suspended = Restraint(
            user_id=self.user, kind="suspended", since=AT, reason="spam was sent"
        )
        self.throttled = replace(self.suspended, kind="throttled", until=AT + HOUR)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Desk]:
    clock = ManualClock(AT)
    if request.param == "memory":
        yield Desk(MemoryRestraints(clock), clock)
        return
    if request.param == "cassandra":
        # Here, since they load the driver.
        from connectors.cassandra.restraints import CassandraRestraints
        from connectors.cassandra.session import CassandraSession

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield Desk(CassandraRestraints(session, clock), clock)
        return
    with closing(Database(tmp_path / "sending.db", MIGRATIONS)) as database:
        yield Desk(SqliteRestraints(database, clock), clock)
