"""Second factors: every store takes each code once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.memory.second_factors import MemorySecondFactors
from connectors.sqlite.database import Database
from connectors.sqlite.second_factors import SqliteSecondFactors
from connectors.sqlite.sending_rows import MIGRATIONS
from topologies.mail.ids import new_id
from topologies.ports.second_factors import SecondFactor, SecondFactors

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
SECRET, OTHER = b"s" * 20, b"t" * 20
CODES = [bytes([number]) * 32 for number in range(3)]


async def test_what_is_proposed_is_kept_and_asked_for_by_nobody_yet(
    factors: SecondFactors, user: str
) -> None:
    assert await factors.of(user) is None
    assert await factors.propose(user, SECRET, CODES, AT)
    assert await factors.of(user) == SecondFactor(
        user_id=user, secret=SECRET, recovery=frozenset(CODES), created_at=AT
    )
    assert not await factors.use_step(user, 5)
    assert not await factors.use_recovery(user, CODES[0])


async def test_the_last_proposal_counts(factors: SecondFactors, user: str) -> None:
    assert await factors.propose(user, SECRET, CODES, AT)
    assert await factors.propose(user, OTHER, CODES[:1], AT)
    assert not await factors.turn_on(user, SECRET, 7)
    assert await factors.turn_on(user, OTHER, 7)
    kept = await factors.of(user)
    assert kept
    assert (kept.is_on, kept.last_step, kept.recovery) == (True, 7, frozenset(CODES[:1]))


async def test_one_that_is_on_stays_as_it_is(factors: SecondFactors, user: str) -> None:
    await turned_on(factors, user)
    assert not await factors.propose(user, OTHER, [], AT)
    assert not await factors.turn_on(user, SECRET, 9)
    kept = await factors.of(user)
    assert kept
    assert (kept.secret, kept.last_step) == (SECRET, 7)


async def test_a_step_is_used_once_and_none_before_it(factors: SecondFactors, user: str) -> None:
    await turned_on(factors, user)
    assert not await factors.use_step(user, 7)
    done = await asyncio.gather(*(factors.use_step(user, 9) for _ in range(4)))
    assert sorted(done) == [False, False, False, True]
    assert not await factors.use_step(user, 8)
    assert await factors.use_step(user, 10)


async def test_a_recovery_code_is_used_once(factors: SecondFactors, user: str) -> None:
    await turned_on(factors, user)
    done = await asyncio.gather(*(factors.use_recovery(user, CODES[0]) for _ in range(4)))
    assert sorted(done) == [False, False, False, True]
    assert not await factors.use_recovery(user, b"x" * 32)
    for code in CODES[1:]:
        assert await factors.use_recovery(user, code)
    kept = await factors.of(user)
    assert kept
    assert (kept.is_on, kept.recovery) == (True, frozenset())


async def test_one_that_is_removed_is_gone_and_another_may_follow(
    factors: SecondFactors, user: str
) -> None:
    await turned_on(factors, user)
    assert await factors.remove(user)
    assert not await factors.remove(user)
    assert await factors.of(user) is None
    assert not await factors.use_step(user, 99)
    assert not await factors.use_recovery(user, CODES[0])
    assert await factors.propose(user, OTHER, [], AT)
    kept = await factors.of(user)
    assert kept
    assert (kept.is_on, kept.last_step, kept.recovery) == (False, 0, frozenset())


async def test_it_is_one_user_s(factors: SecondFactors, user: str) -> None:
    await turned_on(factors, user)
    other = new_id(datetime.now(UTC))
    assert not await factors.use_step(other, 99)
    assert not await factors.remove(other)
    assert await factors.of(user)


async def turned_on(factors: SecondFactors, user: str) -> None:
    assert await factors.propose(user, SECRET, CODES, AT)
    assert await factors.turn_on(user, SECRET, 7)


@pytest.fixture
def user() -> str:
    return new_id(datetime.now(UTC))


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("cassandra", marks=pytest.mark.live),
        pytest.param("sealed", marks=pytest.mark.live),
    ]
)
async def factors(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[SecondFactors]:
    if request.param == "memory":
        yield MemorySecondFactors()
        return
    if request.param == "sqlite":
        with closing(Database(tmp_path / "sending.db", MIGRATIONS)) as database:
            yield SqliteSecondFactors(database)
        return
    # Here, since they load the driver.
    from connectors.cassandra.second_factors import CassandraSecondFactors
    from connectors.cassandra.session import CassandraSession
    from connectors.sealed_text import Seal

    seal = Seal("a secret" if request.param == "sealed" else "", "SECRET")
    yield CassandraSecondFactors(CassandraSession(request.getfixturevalue("cassandra")), seal)
