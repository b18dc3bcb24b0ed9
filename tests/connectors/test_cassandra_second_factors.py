"""Second factors and tokens in Cassandra, by processes that crash or are of an older version."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connectors.memory.clock import ManualClock
from connectors.tokens import hash_of, new_token
from topologies.errors import Retryable
from topologies.mail.ids import new_id
from topologies.ports.second_factors import SecondFactors

if TYPE_CHECKING:
    from connectors.cassandra.driver import Connected

pytestmark = pytest.mark.live

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = b"s" * 20
CODES = [bytes([number]) * 32 for number in range(3)]


@pytest.mark.parametrize("is_last_done", [False, True])
async def test_a_code_is_good_once_wherever_its_use_is_cut_off(
    cassandra: "Connected", is_last_done: bool
) -> None:
    whole = factors_of(cassandra)
    for statements in range(5):
        cut = factors_of(cassandra, statements, is_last_done=is_last_done)
        user = await turned_on(whole)
        taken = [await is_taken(cut.use_step(user, 9)), await whole.use_step(user, 9)]
        assert taken.count(True) <= 1
        assert not await whole.use_step(user, 9)
        cut = factors_of(cassandra, statements, is_last_done=is_last_done)
        taken = [await is_taken(cut.use_recovery(user, CODES[0]))]
        taken.append(await whole.use_recovery(user, CODES[0]))
        assert taken.count(True) <= 1
        kept = await whole.of(user)
        assert kept
        assert kept.recovery == frozenset(CODES[1:])


@pytest.mark.parametrize("is_last_done", [False, True])
async def test_one_that_is_set_up_halfway_is_asked_for_or_not_and_can_be_set_up_again(
    cassandra: "Connected", is_last_done: bool
) -> None:
    whole = factors_of(cassandra)
    for statements in range(5):
        user = new_id(datetime.now(UTC))
        cut = factors_of(cassandra, statements, is_last_done=is_last_done)
        try:
            await cut.propose(user, SECRET, CODES, AT)
            await cut.turn_on(user, SECRET, 7)
        except Retryable:
            kept = await whole.of(user)
            if kept is None or not kept.is_on:
                assert await whole.propose(user, SECRET, CODES, AT)
                assert await whole.turn_on(user, SECRET, 7)
        kept = await whole.of(user)
        assert kept
        assert (kept.is_on, kept.secret, kept.recovery) == (True, SECRET, frozenset(CODES))


async def test_a_token_from_before_there_were_sessions_is_good_until_the_password_changes(
    cassandra: "Connected",
) -> None:
    # Here, since they load the driver.
    from connectors.cassandra.directory_users import Token, Users
    from tests.live.cassandra_names import OwnNames, directory_on

    clock, names = ManualClock(), OwnNames(cassandra)
    directory, users = directory_on(names, clock), Users(names)
    await directory.add_domain("shop.example")
    bo = await directory.add_user("bo@shop.example", "secret")
    kept = await users.get(bo.user_id)
    assert kept
    token = new_token()
    entry = Token(bo.user_id, kept.sign_ins, frozenset({"read"}), clock.now() + timedelta(days=1))
    await users.add_token(hash_of(token) or b"", entry, clock.now())
    session = await directory.session(token)
    assert session
    assert (session.user, session.session_id) == (bo, "")
    await directory.change_user(bo.user_id, password="new")
    assert await directory.session(token) is None
    await directory.sessions.revoke(token)


def factors_of(
    cassandra: "Connected", statements: int | None = None, *, is_last_done: bool = False
) -> SecondFactors:
    """The second factors, as a process sees them that may crash after so many statements."""
    from connectors.cassandra.second_factors import CassandraSecondFactors
    from connectors.cassandra.session import CassandraSession
    from connectors.sealed_text import Seal
    from tests.live.cassandra_names import FailingSession

    session = CassandraSession(cassandra)
    if statements is not None:
        session = FailingSession(cassandra, "any", statements, is_last_done=is_last_done)
    return CassandraSecondFactors(session, Seal("a secret", "SECRET"))


async def turned_on(factors: SecondFactors) -> str:
    """Return somebody for whom one is asked."""
    user = new_id(datetime.now(UTC))
    assert await factors.propose(user, SECRET, CODES, AT)
    assert await factors.turn_on(user, SECRET, 7)
    return user


async def is_taken(use: Awaitable[bool]) -> bool:
    """Return whether a code was told to be good; False if nobody was told."""
    try:
        return await use
    except Retryable:
        return False
