"""What every store of our domains' MTA-STS policies keeps to."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.memory.sts_policies import MemoryStsPolicies
from connectors.sqlite.database import Database
from connectors.sqlite.domain_rows import MIGRATIONS
from connectors.sqlite.sts_policies import SqliteStsPolicies
from topologies.ports.sts_policies import StsPolicies

TEXT = "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"


async def test_a_policy_is_kept_word_for_word_and_replaced(
    policies: StsPolicies, shop: str
) -> None:
    assert await policies.of(shop) is None
    await policies.put(shop, TEXT)
    await policies.put(f"more.{shop}", "another")
    assert await policies.of(shop) == TEXT
    await policies.put(shop, "a newer one")
    assert await policies.of(shop) == "a newer one"


async def test_a_policy_that_is_removed_is_gone(policies: StsPolicies, shop: str) -> None:
    await policies.put(shop, TEXT)
    assert await policies.remove(shop)
    assert not await policies.remove(shop)
    assert await policies.of(shop) is None


@pytest.fixture
def shop() -> str:
    return f"{secrets.token_hex(6)}.example"


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def policies(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[StsPolicies]:
    if request.param == "memory":
        yield MemoryStsPolicies()
        return
    if request.param == "cassandra":
        from connectors.cassandra.session import CassandraSession  # which loads the driver
        from connectors.cassandra.sts_policies import CassandraStsPolicies

        yield CassandraStsPolicies(CassandraSession(request.getfixturevalue("cassandra")))
        return
    with closing(Database(tmp_path / "domains.db", MIGRATIONS)) as database:
        yield SqliteStsPolicies(database)
