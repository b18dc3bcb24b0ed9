"""The stores of mailboxes, one after the other, for the files that hold them to one contract."""

from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.sqlite.database import Database
from connectors.sqlite.mailboxes import MIGRATIONS, SqliteMailboxes
from topologies.ports.mailboxes import Mailboxes


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("cassandra", marks=pytest.mark.live),
        pytest.param("cached", marks=pytest.mark.live),
    ]
)
async def mailboxes(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncGenerator[Mailboxes]:
    if request.param == "memory":
        yield MemoryMailboxes(clock)
        return
    if request.param == "cached":
        from tests.live.redis_keys import own_listings  # which loads the library

        async with own_listings(MemoryMailboxes(clock)) as listings:
            yield listings
        return
    if request.param == "cassandra":
        from tests.live.cassandra_users import own_mailboxes  # which loads the driver

        async with own_mailboxes(request.getfixturevalue("cassandra"), clock) as found:
            yield found
        return
    with closing(Database(tmp_path / "mailboxes.db", MIGRATIONS)) as database:
        yield SqliteMailboxes(database, clock)
