"""The directory in Cassandra with several processes that change it, some of which crash."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from topologies.errors import Retryable
from topologies.ports.directory import Directory, Resolved, Scope, User
from topologies.ports.request_keys import Claim

if TYPE_CHECKING:
    from connectors.cassandra.driver import Connected

pytestmark = pytest.mark.live

SCOPES: frozenset[Scope] = frozenset({"read"})
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)  # rows go by the time of Cassandra, not by that of the test

Another = Callable[..., Directory]  # one more process on the same names


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def another(cassandra: "Connected", clock: ManualClock) -> Another:
    from tests.live.cassandra_names import FailingSession, OwnNames, directory_on, own_prefix

    prefix = own_prefix()

    def one(*, statements: int | None = None, is_last_done: bool = False) -> Directory:
        if statements is None:
            return directory_on(OwnNames(cassandra, prefix), clock)
        session = FailingSession(cassandra, prefix, statements, is_last_done=is_last_done)
        return directory_on(session, clock)

    return one


async def test_several_domains_share_the_tables(cassandra: "Connected", clock: ManualClock) -> None:
    from connectors.cassandra.session import CassandraSession
    from tests.live.cassandra_names import directory_on

    directory = directory_on(CassandraSession(cassandra), clock)
    domains = [f"d{secrets.token_hex(8)}.example" for _ in range(2)]
    for domain in domains:
        assert await directory.add_domain(domain)
        user = await directory.add_user(f"bo@{domain}", "secret", is_admin=True)
        await directory.add_alias(f"team@{domain}", [user.address])
        assert await directory.users(domain) == [user]
        assert await directory.aliases(domain) == [(f"team@{domain}", (user.address,))]
        postmaster = await directory.resolve(f"postmaster@{domain}")
        assert user.address in [target.address for target in postmaster.targets]
    assert set(domains) <= set(await directory.domains())


async def test_of_two_processes_that_add_one_address_one_does(another: Another) -> None:
    directories = [another() for _ in range(4)]
    await directories[0].add_domain("shop.example")
    done = await asyncio.gather(
        *(
            directory.add_user("bo@shop.example", f"secret {number}")
            for number, directory in enumerate(directories)
        ),
        return_exceptions=True,
    )
    [user] = [found for found in done if isinstance(found, User)]
    assert [type(found) for found in done if found != user] == [ValueError] * 3
    assert await another().users() == [user]
    winner = done.index(user)
    assert await another().sign_in("bo@shop.example", f"secret {winner}") == user


async def test_of_a_user_and_an_alias_of_one_name_one_is_added(another: Another) -> None:
    directory = await furnished(another)
    user, alias = await asyncio.gather(
        another().add_user("new@shop.example", "secret"),
        another().add_alias("new@shop.example", ["bo@shop.example"]),
        return_exceptions=True,
    )
    assert isinstance(user, User) != (alias is None)
    assert len((await directory.resolve("new@shop.example")).targets) == 1
    assert len(await directory.users()) + len(await directory.aliases()) == 2


async def test_aliases_changed_at_once_are_found_by_what_they_lead_to(another: Another) -> None:
    directory = await furnished(another)
    names = [f"u{number}@shop.example" for number in range(4)]
    users = [await directory.add_user(name, "secret") for name in names]
    await asyncio.gather(*(in_the_end(add_alias(another(), name)) for name in names))
    [(_, targets)] = await another().aliases()
    assert len(targets) == 1
    for user in users:
        await directory.delete_user(user.user_id)
    assert await another().aliases() == []


def add_alias(directory: Directory, target: str) -> Callable[[], Awaitable[None]]:
    return lambda: directory.add_alias("team@shop.example", [target])


async def in_the_end(act: Callable[[], Awaitable[None]]) -> None:
    """Do *act*, again as long as others are in the way."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await act()
            except Retryable:
                await asyncio.sleep(0.1)


async def test_changes_by_another_process_are_seen_within_a_second(
    another: Another, clock: ManualClock
) -> None:
    ours, theirs = await furnished(another), another()
    bo = await ours.user_by_address("bo@shop.example")
    assert bo
    token = await token_of(ours, bo)
    assert await ours.session(token)
    assert await ours.user(bo.user_id)
    assert (await ours.resolve("bo@shop.example")).status == "local"
    await theirs.change_user(bo.user_id, password="new")
    assert await ours.sign_in("bo@shop.example", "secret") is None  # at once
    clock.move(SECOND)
    assert await ours.session(token) is None
    await theirs.delete_user(bo.user_id)
    clock.move(SECOND)
    assert (await ours.resolve("bo@shop.example")).status == "unknown"
    assert await ours.user(bo.user_id) is None


async def test_looking_up_again_within_a_second_asks_nobody(another: Another) -> None:
    await furnished(another)
    directory = another(statements=4)  # as many as the first look-up takes
    for _ in range(2):
        assert (await directory.resolve("bo+tag@shop.example")).status == "local"


@pytest.mark.parametrize("is_last_done", [False, True])
async def test_a_user_is_added_whole_or_not_wherever_it_is_cut_off(
    another: Another, is_last_done: bool
) -> None:
    await another().add_domain("shop.example")
    for statements, address in enumerate(f"u{number}@shop.example" for number in range(30)):
        cut = another(statements=statements, is_last_done=is_last_done)
        if await is_through(cut.add_user(address, "secret", is_admin=True)):
            break
        before = await another().user_by_address(address)
        await expect_whole(another(), address, before)
        try:
            again = await another().add_user(address, "secret", is_admin=True)
        except ValueError:
            assert before
        else:
            assert before is None
            await expect_whole(another(), address, again)
    assert statements > 5
    [postmaster] = [await another().resolve("postmaster@shop.example")]
    users = await another().users()
    assert sorted(target.user_id for target in postmaster.targets) == sorted(
        user.user_id for user in users
    )


@pytest.mark.parametrize("is_last_done", [False, True])
async def test_a_deletion_that_is_cut_off_ends_sessions_and_can_be_done_again(
    another: Another, clock: ManualClock, is_last_done: bool
) -> None:
    directory = await furnished(another)
    for statements in range(40):
        user = await directory.add_user("eve@shop.example", "secret")
        token = await token_of(directory, user)
        await directory.add_alias("team@shop.example", ["bo@shop.example", "eve@shop.example"])
        await directory.add_alias("own@shop.example", ["eve@shop.example"])
        cut = another(statements=statements, is_last_done=is_last_done)
        is_done = await is_through(cut.delete_user(user.user_id))
        left = await another().user_by_address("eve@shop.example")
        if left is not None:
            await expect_whole(another(), "eve@shop.example", left)
            assert await another().delete_user(left.user_id)
        assert await another().session(token) is None
        assert await another().sign_in("eve@shop.example", "secret") is None
        assert dict(await another().aliases()) == {"team@shop.example": ("bo@shop.example",)}
        assert len(await another().users()) == 1
        if is_done:
            break
    assert statements > 8


@pytest.mark.parametrize("is_last_done", [False, True])
async def test_a_turn_that_is_cut_off_is_made_again_wherever_it_is(
    another: Another, is_last_done: bool
) -> None:
    directory = await furnished(another)
    bo = await directory.user_by_address("bo@shop.example")
    assert bo
    for statements in range(20):
        first = await directory.sessions.begin(
            bo.user_id, SCOPES, client="", access=HOUR, refresh=30 * HOUR
        )
        assert first
        cut = another(statements=statements, is_last_done=is_last_done).sessions
        token = first.refresh_token
        is_done = await is_through(cut.refresh(token, access=HOUR, refresh=30 * HOUR))
        again = await another().sessions.refresh(token, access=HOUR, refresh=30 * HOUR)
        assert again
        assert await another().session(again.access_token)
        assert await another().sessions.refresh(again.refresh_token, access=HOUR, refresh=30 * HOUR)
        if is_done:
            break
    assert statements >= 3


@pytest.mark.parametrize("is_last_done", [False, True])
async def test_a_password_that_is_changed_halfway_leaves_no_other_session(
    another: Another, is_last_done: bool
) -> None:
    directory = await furnished(another)
    bo = await directory.user_by_address("bo@shop.example")
    assert bo
    for statements in range(20):
        other = await token_of(directory, bo)
        kept = await directory.sessions.begin(
            bo.user_id, SCOPES, client="", access=HOUR, refresh=30 * HOUR
        )
        assert kept
        cut = another(statements=statements, is_last_done=is_last_done)
        password = f"secret {statements}"
        is_done = await is_through(
            cut.change_user(bo.user_id, password=password, keep_session=kept.session_id)
        )
        is_new = await another().sign_in("bo@shop.example", password) is not None
        assert (await another().session(other) is None) == is_new
        if is_done:
            assert is_new
            assert await another().session(kept.access_token)
            break
    assert statements >= 3


@pytest.mark.parametrize("is_last_done", [False, True])
async def test_a_deletion_for_later_is_noted_whole_wherever_it_is_cut_off(
    another: Another, clock: ManualClock, is_last_done: bool
) -> None:
    directory = await furnished(another)
    at = clock.now() + SECOND
    for statements in range(20):
        eve = await directory.add_user(f"eve{statements}@shop.example", "secret")
        cut = another(statements=statements, is_last_done=is_last_done)
        is_done = await is_through(cut.delete_later(eve.user_id, at))
        found = await another().user(eve.user_id)
        assert found
        assert found.is_suspended == (found.deletes_at is not None)
        due = [user.user_id for user in await another().due(at)]
        assert (eve.user_id in due) == found.is_suspended
        if is_done:
            break
    assert statements >= 3


async def test_no_user_is_added_to_a_domain_that_is_removed_at_once(
    another: Another,
) -> None:
    for number in range(8):
        domain = f"d{number}.example"
        await another().add_domain(domain)
        added, removed = await asyncio.gather(
            another().add_user(f"bo@{domain}", "secret"),
            another().remove_domain(domain),
            return_exceptions=True,
        )
        is_there = domain in await another().domains()
        found = await another().user_by_address(f"bo@{domain}")
        assert (found is not None) == isinstance(added, User)
        if isinstance(added, User):
            assert is_there, removed
        else:
            assert isinstance(added, ValueError | Retryable)


@pytest.mark.parametrize("is_last_done", [False, True])
async def test_an_alias_leads_to_the_old_or_the_new_wherever_it_is_cut_off(
    another: Another, is_last_done: bool
) -> None:
    directory = await furnished(another)
    await directory.add_user("ida@shop.example", "secret")
    old, new = [("bo@shop.example",), ("ida@shop.example",)]
    for statements in range(40):
        await directory.add_alias("team@shop.example", old)
        cut = another(statements=statements, is_last_done=is_last_done)
        is_done = await is_through(cut.add_alias("team@shop.example", new))
        [(alias, targets)] = await another().aliases()
        assert alias == "team@shop.example"
        assert targets in (old, new)
        if is_done:
            break
    assert statements > 5
    for user in await another().users():
        await another().delete_user(user.user_id)
    assert await another().aliases() == []


NAMES = [f"{name}@shop.example" for name in ("bo", "zoe", "a", "b", "c", "b+x", "*", "bo+x")]


@given(
    graph=st.dictionaries(
        st.sampled_from(NAMES[2:]), st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)
    )
)
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_it_agrees_with_the_one_in_memory_on_any_aliases(
    graph: dict[str, list[str]], cassandra: "Connected", clock: ManualClock
) -> None:
    from tests.live.cassandra_names import own_directory

    directories = [MemoryDirectory(clock), own_directory(cassandra, clock)]
    for directory in directories:
        await directory.add_domain("shop.example")
        for name in ("bo", "zoe"):
            await directory.add_user(f"{name}@shop.example", "secret")
        for alias, targets in graph.items():
            await directory.add_alias(alias, targets)
    asked = [*NAMES, "a+y@shop.example", "nobody@shop.example"]
    for _ in range(2):
        one, other = [[meaning(await d.resolve(a)) for a in asked] for d in directories]
        assert one == other
        assert await directories[0].aliases() == await directories[1].aliases()
        for directory in directories:
            if bo := await directory.user_by_address("bo@shop.example"):
                await directory.delete_user(bo.user_id)


async def test_of_processes_that_claim_a_key_at_once_all_are_told_the_same(
    cassandra: "Connected", clock: ManualClock
) -> None:
    from tests.live.cassandra_names import OwnNames, own_prefix, request_keys_on

    prefix = own_prefix()
    stores = [request_keys_on(OwnNames(cassandra, prefix)) for _ in range(8)]
    claims = [
        Claim(mail_id=str(number), submitted_at=clock.now(), digest=bytes([number]))
        for number in range(len(stores))
    ]
    for key in ("one", "two", "three"):
        told = await asyncio.gather(
            *(store.claim("ann", key, claim) for store, claim in zip(stores, claims, strict=True))
        )
        assert len(set(told)) == 1
        assert [await store.find("ann", key) for store in stores] == told


# --- builders -----------------------------------------------------------------------


async def furnished(another: Another) -> Directory:
    directory = another()
    await directory.add_domain("shop.example")
    await directory.add_user("bo@shop.example", "secret")
    return directory


async def is_through(work: Awaitable[object]) -> bool:
    """Do *work* in a process that may crash in the middle; return whether it did not."""
    try:
        await work
    except Retryable:
        return False
    return True


async def expect_whole(directory: Directory, address: str, user: User | None) -> None:
    """Expect that whoever asks for *address* is told the same: *user*, or nobody."""
    resolved = await directory.resolve(address)
    assert [target.user_id for target in resolved.targets] == ([user.user_id] if user else [])
    assert [u for u in await directory.users("shop.example") if u.address == address] == (
        [user] if user else []
    )
    if user and not user.is_suspended:
        assert await directory.sign_in(address, "secret") == user
    else:
        assert await directory.sign_in(address, "secret") is None


def meaning(resolved: Resolved) -> list[tuple[str, str]] | str:
    return [(t.address, t.tag) for t in resolved.targets] or resolved.status


async def token_of(directory: Directory, user: User) -> str:
    granted = await directory.sessions.begin(
        user.user_id, SCOPES, client="test", access=timedelta(days=1)
    )
    assert granted
    return granted.access_token
