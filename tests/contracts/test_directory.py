"""The directory: every implementation gives the same answers."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from connectors.passwords import MOST_WAITING, Passwords
from connectors.sqlite.database import Database
from connectors.sqlite.directory import MIGRATIONS, SqliteDirectory
from topologies.errors import Retryable
from topologies.mail.local_names import DEEPEST_ALIAS, MOST_TARGETS
from topologies.ports.directory import Directory, Scope, User

SCOPES: frozenset[Scope] = frozenset({"read", "send"})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def directory(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncGenerator[Directory]:
    if request.param == "memory":
        yield MemoryDirectory(clock, default_quota_bytes=5_000)
        return
    if request.param == "cassandra":
        from tests.live.cassandra_names import own_directory  # which loads the driver

        yield own_directory(request.getfixturevalue("cassandra"), clock)
        return
    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        yield sqlite_directory(database, clock)


# --- what an address means ----------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "meaning"),
    [
        pytest.param("bo@shop.example", "bo", id="exact"),
        pytest.param("Bo@SHOP.example", "bo", id="case does not matter"),
        pytest.param('"bo"@shop.example', "bo", id="nor do quotes"),
        pytest.param("<bo@shop.example>", "bo", id="nor brackets"),
        pytest.param("@relay.example:bo@shop.example", "bo", id="a source route is ignored"),
        pytest.param("bo+tag@shop.example", "bo+tag", id="a tag is kept"),
        pytest.param("bo+@shop.example", "bo", id="an empty tag is none"),
        pytest.param("BO+Tag+two@shop.example", "bo+Tag+two", id="a tag is kept as written"),
        pytest.param("zoe\u0308@shop.example", "zoë", id="composition does not matter"),
        pytest.param("ida@bücher.example", "ida", id="a domain in Unicode"),
        pytest.param("ida@XN--BCHER-KVA.example", "ida", id="a domain in A-labels"),
        pytest.param("Sales@shop.example", "bo, zoë", id="an alias to two"),
        pytest.param("sales+spring@shop.example", "bo+spring, zoë+spring", id="with a tag"),
        pytest.param("lists@shop.example", "bo+lists", id="an alias to a tagged address"),
        pytest.param("lists+own@shop.example", "bo+own", id="the outer tag wins"),
        pytest.param("all@shop.example", "bo, ida, zoë", id="an alias to aliases, each user once"),
        pytest.param("sales+eu@shop.example", "zoë", id="an exact alias comes before a tag"),
        pytest.param("anybody@bücher.example", "ida", id="a catch-all"),
        pytest.param("desk@bücher.example", "bo", id="an alias comes before the catch-all"),
        pytest.param("desk+x@bücher.example", "bo+x", id="a tagged alias as well"),
        pytest.param("*@bücher.example", "ida", id="a star is nobody's name"),
        pytest.param("ring@shop.example", "unknown", id="a loop leads to nobody"),
        pytest.param("ring2@shop.example", "bo", id="a loop with a way out ends there"),
        pytest.param("ghost@shop.example", "unknown", id="an alias to nobody"),
        pytest.param("nobody@shop.example", "unknown", id="nobody of that name"),
        pytest.param("nobody+bo@shop.example", "unknown", id="nobody with a tag"),
        pytest.param("+bo@shop.example", "unknown", id="a tag alone"),
        pytest.param("postmaster@shop.example", "zoë", id="postmaster is the administrators"),
        pytest.param("PostMaster", "zoë", id="even without a domain"),
        pytest.param("postmaster@bücher.example", "ida", id="unless somebody else was given it"),
        pytest.param("postmaster@other.example", "foreign", id="not a foreign postmaster"),
        pytest.param("office@shop.example", "zoë", id="who is nobody is no postmaster"),
        pytest.param("bo@other.example", "foreign", id="not our domain"),
        pytest.param("bo@sub.shop.example", "foreign", id="a subdomain is another domain"),
        pytest.param("bo@[127.0.0.1]", "foreign", id="an address literal"),
        pytest.param("bo", "invalid", id="no domain"),
        pytest.param("", "invalid", id="nothing"),
        pytest.param("bo\r\n@shop.example", "invalid", id="a line end"),
    ],
)
async def test_an_address_resolves(directory: Directory, address: str, meaning: str) -> None:
    await furnish(directory)
    assert await meaning_of(directory, address) == meaning
    assert await meaning_of(directory, address) == meaning  # from the cache, if there is one


async def test_targets_name_the_user_and_their_primary_address(directory: Directory) -> None:
    bo = (await furnish(directory))["bo"]
    [target] = (await directory.resolve("lists@shop.example")).targets
    assert (target.user_id, target.address) == (bo.user_id, "bo@shop.example")


async def test_an_alias_of_many_users_serves_each(directory: Directory) -> None:
    await directory.add_domain("shop.example")
    for number in range(120):
        await directory.add_user(f"u{number}@shop.example", "secret")
    await directory.add_alias("all@shop.example", [f"u{n}@shop.example" for n in range(120)])
    targets = (await directory.resolve("all@shop.example")).targets
    assert [t.address for t in targets] == [f"u{n}@shop.example" for n in range(120)]


async def test_an_alias_that_would_lead_too_far_is_refused(directory: Directory) -> None:
    await furnish(directory)
    with pytest.raises(ValueError, match="1,000"):
        await directory.add_alias(
            "many@shop.example", [f"u{n}@shop.example" for n in range(MOST_TARGETS + 1)]
        )
    await directory.add_alias("m0@shop.example", ["bo@shop.example"])
    for number in range(1, DEEPEST_ALIAS):
        await directory.add_alias(f"m{number}@shop.example", [f"m{number - 1}@shop.example"])
    with pytest.raises(ValueError, match="over more than 10"):
        await directory.add_alias("m99@shop.example", [f"m{DEEPEST_ALIAS - 1}@shop.example"])
    assert await meaning_of(directory, f"m{DEEPEST_ALIAS - 1}@shop.example") == "bo"
    assert await meaning_of(directory, "m99@shop.example") == "unknown"


async def test_an_alias_that_grew_too_large_from_below_is_refused(directory: Directory) -> None:
    await furnish(directory)
    names = [f"u{n}@shop.example" for n in range(600)]
    await directory.add_alias("one@shop.example", ["bo@shop.example", *names[:600]])
    await directory.add_alias("two@shop.example", ["bo@shop.example"])
    await directory.add_alias("both@shop.example", ["one@shop.example", "two@shop.example"])
    with pytest.raises(ValueError, match=r"both@shop\.example would lead to more than 1,000"):
        await directory.add_alias("two@shop.example", [f"v{n}@shop.example" for n in range(600)])
    assert await meaning_of(directory, "two@shop.example") == "bo"


# --- adding -------------------------------------------------------------------------


async def test_a_domain_is_added_once(directory: Directory) -> None:
    assert await directory.add_domain("Bücher.example")
    assert not await directory.add_domain("xn--bcher-kva.EXAMPLE")
    assert await directory.add_domain("abc.example")
    assert await directory.domains() == ["abc.example", "xn--bcher-kva.example"]
    with pytest.raises(ValueError, match="is no domain name"):
        await directory.add_domain("no domain")


async def test_a_user_is_kept_as_added(directory: Directory, clock: ManualClock) -> None:
    await directory.add_domain("shop.example")
    added = await directory.add_user("Bo.Jensen@SHOP.example", "secret", name="Bo", is_admin=True)
    expected = User(
        user_id=added.user_id,
        address="bo.jensen@shop.example",
        name="Bo",
        quota_bytes=5_000,
        is_admin=True,
        created_at=clock.now(),
    )
    assert added == expected
    assert await directory.user(added.user_id) == expected
    assert await directory.user_by_address("BO.JENSEN@shop.example") == expected
    assert await directory.users() == [expected]


@pytest.mark.parametrize(("asked_for", "kept"), [(None, 5_000), (0, None), (7, 7)])
async def test_a_quota_of_zero_is_no_limit(
    directory: Directory, asked_for: int | None, kept: int | None
) -> None:
    await directory.add_domain("shop.example")
    user = await directory.add_user("bo@shop.example", "secret", quota_bytes=asked_for)
    assert user.quota_bytes == kept


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        pytest.param("bo@shop.example", "taken: it is a user", id="a user's"),
        pytest.param("BO@Shop.example", "taken: it is a user", id="a user's in capitals"),
        pytest.param("sales@shop.example", "taken: it is an alias", id="an alias"),
        pytest.param("bo@other.example", "none of our domains", id="a foreign domain"),
        pytest.param("bo", "has no @", id="no domain"),
        pytest.param('"b o"@shop.example', "can't be a user's name", id="one with quotes"),
        pytest.param("b\u200bo@shop.example", "can't be a user's name", id="one nobody sees"),
        pytest.param("*@shop.example", "can't be a user's name", id="the catch-all"),
        pytest.param("bo@[127.0.0.1]", "has no domain name", id="an address literal"),
    ],
)
async def test_an_address_that_nobody_can_have_is_refused(
    directory: Directory, address: str, reason: str
) -> None:
    await furnish(directory)
    before = await directory.users()
    with pytest.raises(ValueError, match=reason):
        await directory.add_user(address, "secret")
    assert await directory.users() == before


async def test_one_address_added_twice_at_once_is_one_user(directory: Directory) -> None:
    await directory.add_domain("shop.example")
    done = await asyncio.gather(
        *(directory.add_user("bo@shop.example", f"secret {n}") for n in range(5)),
        return_exceptions=True,
    )
    assert [type(d) for d in done if not isinstance(d, User)] == [ValueError] * 4
    assert len(await directory.users()) == 1


@pytest.mark.parametrize(
    ("alias", "targets", "reason"),
    [
        pytest.param("bo@shop.example", ["zoë@shop.example"], "is a user", id="a user's address"),
        pytest.param("x@other.example", ["bo@shop.example"], "none of our", id="a foreign alias"),
        pytest.param("x@shop.example", ["x@[127.0.0.1]"], "no domain name", id="a literal"),
        pytest.param("x@shop.example", [], "must lead somewhere", id="no target"),
        pytest.param("x@shop.example", ["bo"], "has no @", id="an invalid target"),
        pytest.param("x", ["bo@shop.example"], "has no @", id="an invalid alias"),
    ],
)
async def test_an_alias_that_could_not_work_is_refused(
    directory: Directory, alias: str, targets: list[str], reason: str
) -> None:
    await furnish(directory)
    before = await directory.aliases()
    with pytest.raises(ValueError, match=reason):
        await directory.add_alias(alias, targets)
    assert await directory.aliases() == before


async def test_an_alias_is_replaced(directory: Directory) -> None:
    await furnish(directory)
    assert await meaning_of(directory, "sales@shop.example") == "bo, zoë"
    await directory.add_alias("SALES@shop.example", ["IDA@bücher.example", "ida@bücher.example"])
    assert await meaning_of(directory, "sales@shop.example") == "ida"
    assert dict(await directory.aliases())["sales@shop.example"] == ("ida@xn--bcher-kva.example",)


async def test_users_and_aliases_are_listed_by_domain(directory: Directory) -> None:
    await furnish(directory)
    assert [u.name for u in await directory.users()] == ["bo", "ida", "zoë"]
    assert [u.name for u in await directory.users("BÜCHER.example")] == ["ida"]
    assert await directory.users("other.example") == []
    assert await directory.aliases("bücher.example") == [
        ("*@xn--bcher-kva.example", ("ida@xn--bcher-kva.example",)),
        ("desk@xn--bcher-kva.example", ("bo@shop.example",)),
    ]
    assert len(await directory.aliases()) == 11


# --- signing in ---------------------------------------------------------------------


async def test_the_right_password_signs_in(directory: Directory) -> None:
    bo = (await furnish(directory))["bo"]
    assert await directory.sign_in("Bo@shop.example", "secret of bo") == bo
    assert await directory.sign_in("bo@shop.example", "secret of zoë") is None
    assert await directory.sign_in("bo@shop.example", "") is None
    assert await directory.sign_in("nobody@shop.example", "secret of bo") is None
    assert await directory.sign_in("sales@shop.example", "secret of bo") is None
    assert await directory.sign_in("no address", "secret of bo") is None


async def test_a_password_may_hold_any_characters(directory: Directory) -> None:
    await directory.add_domain("shop.example")
    bo = await directory.add_user("bo@shop.example", "pa\u0308ss \u0000 🔑")
    assert await directory.sign_in("bo@shop.example", "päss \u0000 🔑") == bo


async def test_an_empty_or_endless_password_is_refused(directory: Directory) -> None:
    bo = (await furnish(directory))["bo"]
    for password in ("", "x" * 1_025):
        with pytest.raises(ValueError, match="a password has"):
            await directory.add_user("eve@shop.example", password)
        with pytest.raises(ValueError, match="a password has"):
            await directory.change_user(bo.user_id, password=password)
        assert await directory.sign_in("bo@shop.example", password) is None
    await directory.change_user(bo.user_id, password="x" * 1_024)
    assert await directory.sign_in("bo@shop.example", "x" * 1_025) is None


async def test_a_token_stands_for_its_user_until_it_expires(
    directory: Directory, clock: ManualClock
) -> None:
    bo = (await furnish(directory))["bo"]
    expires_at = clock.now() + timedelta(hours=1)
    token = await token_of(directory, bo, lasts=timedelta(hours=1))
    other = await token_of(directory, bo, lasts=timedelta(hours=1))
    assert token.startswith("rm_")
    assert token != other
    session = await directory.session(token)
    assert session
    assert (session.user, session.scopes, session.expires_at) == (bo, SCOPES, expires_at)
    clock.move(timedelta(hours=1) - timedelta(milliseconds=1))
    assert await directory.session(token)
    clock.move(timedelta(milliseconds=1))
    assert await directory.session(token) is None


@pytest.mark.parametrize("token", ["", "rm_", "rm_" + "x" * 43, "ü" * 46, "x" * 1_000_000])
async def test_what_was_never_issued_is_no_session(directory: Directory, token: str) -> None:
    await furnish(directory)
    assert await directory.session(token) is None


async def test_a_new_password_ends_sessions(directory: Directory, clock: ManualClock) -> None:
    users = await furnish(directory)
    token = await token_of(directory, users["bo"])
    others = await token_of(directory, users["ida"])
    assert await directory.session(token)
    assert await directory.change_user(users["bo"].user_id, password="new") == users["bo"]
    assert await directory.session(token) is None
    assert await directory.session(others)
    assert await directory.sign_in("bo@shop.example", "secret of bo") is None
    assert await directory.sign_in("bo@shop.example", "new") == users["bo"]


async def test_the_suspended_receive_but_may_not_sign_in(
    directory: Directory, clock: ManualClock
) -> None:
    bo = (await furnish(directory))["bo"]
    token = await token_of(directory, bo)
    assert await directory.session(token)
    changed = await directory.change_user(bo.user_id, is_suspended=True)
    assert changed
    assert changed.is_suspended
    assert await directory.user(bo.user_id) == changed
    assert await directory.session(token) is None
    assert await directory.sign_in("bo@shop.example", "secret of bo") is None
    assert await directory.session(await token_of(directory, bo)) is None
    assert await meaning_of(directory, "bo@shop.example") == "bo"
    await directory.change_user(bo.user_id, is_suspended=False)
    assert await directory.session(token) is None
    assert await directory.sign_in("bo@shop.example", "secret of bo") == bo


async def test_a_quota_is_changed(directory: Directory) -> None:
    bo = (await furnish(directory))["bo"]
    changed = await directory.change_user(bo.user_id, quota_bytes=9)
    assert changed
    assert changed.quota_bytes == 9
    unlimited = await directory.change_user(bo.user_id, quota_bytes=0)
    assert unlimited
    assert unlimited.quota_bytes is None
    assert await directory.change_user(bo.user_id) == unlimited
    assert await directory.change_user("nobody", quota_bytes=9) is None


async def test_who_is_to_be_deleted_receives_but_may_not_sign_in_until_they_are_to_stay(
    directory: Directory, clock: ManualClock
) -> None:
    bo = (await furnish(directory))["bo"]
    token = await token_of(directory, bo)
    assert await directory.session(token)
    at = clock.now() + timedelta(days=7)
    leaving = await directory.delete_later(bo.user_id, at)
    assert leaving == replace(bo, is_suspended=True, deletes_at=at)
    assert await directory.user(bo.user_id) == leaving
    assert await directory.user_by_address("bo@shop.example") == leaving
    assert await directory.session(token) is None
    assert await directory.sign_in("bo@shop.example", "secret of bo") is None
    assert await token_of(directory, bo) == ""
    assert await meaning_of(directory, "bo@shop.example") == "bo"
    assert await directory.change_user(bo.user_id, is_suspended=False) == bo
    assert await directory.due(at) == []
    assert await directory.sign_in("bo@shop.example", "secret of bo") == bo
    assert await directory.delete_later("nobody", at) is None


async def test_who_is_due_is_told_until_they_are_gone(
    directory: Directory, clock: ManualClock
) -> None:
    users = await furnish(directory)
    at = clock.now() + timedelta(days=7)
    await directory.delete_later(users["bo"].user_id, at)
    await directory.delete_later(users["ida"].user_id, at + timedelta(seconds=1))
    assert await directory.due(at - timedelta(milliseconds=1)) == []
    assert [user.name for user in await directory.due(at)] == ["bo"]
    # A later suspension or another password changes nothing about it.
    await directory.change_user(users["bo"].user_id, is_suspended=True, password="new")
    assert [user.name for user in await directory.due(at + timedelta(days=1))] == ["bo", "ida"]
    await directory.delete_user(users["bo"].user_id)
    assert [user.name for user in await directory.due(at + timedelta(days=1))] == ["ida"]
    again = await directory.delete_later(users["ida"].user_id, at + timedelta(days=30))
    assert again
    assert await directory.due(at + timedelta(days=1)) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
async def test_users_are_told_page_by_page_each_once(directory: Directory, limit: int) -> None:
    await furnish(directory)
    for domain in (None, "shop.example", "BÜCHER.example", "other.example"):
        found: list[User] = []
        after = ""
        while True:
            page = await directory.users_page(domain=domain, after=after, limit=limit)
            assert len(page.users) <= limit
            found += page.users
            if not (after := page.after):
                break
            # Whoever comes meanwhile may be told, or not; nobody is told twice or left out.
            await directory.add_user(f"new{len(found)}@shop.example", "secret", name="new")
        expected = await directory.users(domain)
        told = [user for user in found if user.name != "new"]
        assert sorted(told, key=lambda u: u.address) == [u for u in expected if u.name != "new"]
        assert len({user.user_id for user in found}) == len(found)
        for user in expected:
            if user.name == "new":
                await directory.delete_user(user.user_id)


async def test_a_domain_that_holds_something_stays(directory: Directory) -> None:
    ida = (await furnish(directory))["ida"]
    with pytest.raises(ValueError, match="users still"):
        await directory.remove_domain("bücher.example")
    await directory.delete_user(ida.user_id)
    with pytest.raises(ValueError, match="aliases still"):
        await directory.remove_domain("bücher.example")
    for alias, _ in await directory.aliases("bücher.example"):
        await directory.remove_alias(alias)
    await directory.add_domain_alias("buch.example", "bücher.example")
    with pytest.raises(ValueError, match="stand for it"):
        await directory.remove_domain("bücher.example")
    assert await meaning_of(directory, "nobody@bücher.example") == "unknown"
    await directory.remove_domain_alias("buch.example")
    assert await directory.remove_domain("BÜCHER.example")
    assert not await directory.remove_domain("bücher.example")
    assert await directory.domains() == ["shop.example"]
    assert await meaning_of(directory, "nobody@bücher.example") == "foreign"
    with pytest.raises(ValueError, match="none of our domains"):
        await directory.add_user("ida@bücher.example", "secret")
    assert await directory.add_domain("bücher.example")
    with pytest.raises(ValueError, match="is no domain name"):
        await directory.remove_domain("no domain")


async def test_a_deleted_user_leaves_nothing_behind(
    directory: Directory, clock: ManualClock
) -> None:
    bo = (await furnish(directory))["bo"]
    token = await token_of(directory, bo)
    assert await directory.session(token)
    assert await directory.delete_user(bo.user_id)
    assert not await directory.delete_user(bo.user_id)
    assert await directory.user(bo.user_id) is None
    assert await directory.user_by_address("bo@shop.example") is None
    assert await directory.session(token) is None
    assert await directory.sign_in("bo@shop.example", "secret of bo") is None
    assert await meaning_of(directory, "bo@shop.example") == "unknown"
    left = sorted(alias.partition("@")[0] for alias, _ in await directory.aliases())
    assert left == ["*", "all", "ghost", "office", "ring", "ring1", "ring2", "sales", "sales+eu"]
    assert await meaning_of(directory, "sales@shop.example") == "zoë"


async def test_aliases_that_lead_only_to_the_deleted_go_in_a_row(directory: Directory) -> None:
    bo = (await furnish(directory))["bo"]
    await directory.add_user("bo+own@shop.example", "secret", name="bo+own")
    await directory.add_alias("a@shop.example", ["bo+x@shop.example", "bo@shop.example"])
    await directory.add_alias("b@shop.example", ["a@shop.example", "a+y@shop.example"])
    await directory.add_alias("c@shop.example", ["b@shop.example", "bo+own@shop.example"])
    await directory.delete_user(bo.user_id)
    left = dict(await directory.aliases())
    assert "a@shop.example" not in left
    assert "b@shop.example" not in left
    assert left["c@shop.example"] == ("bo+own@shop.example",)


async def test_who_gets_the_address_later_is_somebody_else(
    directory: Directory, clock: ManualClock
) -> None:
    bo = (await furnish(directory))["bo"]
    token = await token_of(directory, bo)
    await directory.delete_user(bo.user_id)
    again = await directory.add_user("bo@shop.example", "secret of bo", name="bo")
    assert again.user_id != bo.user_id
    assert await directory.session(token) is None


NAMES = [f"{name}@shop.example" for name in ("bo", "zoe", "a", "b", "c", "b+x", "*", "bo+x")]


@given(
    graph=st.dictionaries(
        st.sampled_from(NAMES[2:]), st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)
    )
)
@settings(max_examples=40, deadline=None)
async def test_all_directories_agree_on_any_aliases(
    graph: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock, path = ManualClock(), tmp_path_factory.mktemp("directory") / "directory.db"
    with closing(Database(path, MIGRATIONS)) as database:
        directories = [MemoryDirectory(clock), sqlite_directory(database, clock)]
        for directory in directories:
            await directory.add_domain("shop.example")
            for name in ("bo", "zoe"):
                await directory.add_user(f"{name}@shop.example", "secret")
            for alias, targets in graph.items():
                await directory.add_alias(alias, targets)
        asked = [*NAMES, "a+y@shop.example", "nobody@shop.example"]
        for _ in range(2):
            one, other = [[await meaning_of(d, a) for a in asked] for d in directories]
            assert one == other
            assert await directories[0].aliases() == await directories[1].aliases()
            for directory in directories:
                if bo := await directory.user_by_address("bo@shop.example"):
                    await directory.delete_user(bo.user_id)
        targets = {target for _, targets in await directories[0].aliases() for target in targets}
        assert "bo@shop.example" not in targets


# --- what only the file does --------------------------------------------------------


async def test_changes_by_another_process_are_seen_within_a_second(
    tmp_path: Path, clock: ManualClock
) -> None:
    with (
        closing(Database(tmp_path / "directory.db", MIGRATIONS)) as one,
        closing(Database(tmp_path / "directory.db", MIGRATIONS)) as other,
    ):
        ours, theirs = sqlite_directory(one, clock), sqlite_directory(other, clock)
        bo = (await furnish(ours))["bo"]
        token = await token_of(ours, bo)
        assert await ours.session(token)
        assert await ours.user(bo.user_id)
        assert await meaning_of(ours, "bo@shop.example") == "bo"
        await theirs.delete_user(bo.user_id)
        clock.move(timedelta(seconds=1))
        assert await meaning_of(ours, "bo@shop.example") == "unknown"
        assert await ours.session(token) is None
        assert await ours.user(bo.user_id) is None


async def test_the_directory_is_there_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        bo = (await furnish(sqlite_directory(database, clock)))["bo"]
    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        directory = sqlite_directory(database, clock)
        assert await directory.sign_in("bo@shop.example", "secret of bo") == bo


def test_the_file_holds_no_password_and_no_token(tmp_path: Path, clock: ManualClock) -> None:
    async def used(directory: Directory) -> str:
        return await token_of(directory, (await furnish(directory))["bo"])

    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        token = asyncio.run(used(sqlite_directory(database, clock)))
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"bo@shop.example" in content
    assert b"secret of bo" not in content
    assert token.encode() not in content
    assert token.removeprefix("rm_").encode() not in content


async def test_expired_tokens_do_not_pile_up(tmp_path: Path, clock: ManualClock) -> None:
    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        directory = sqlite_directory(database, clock)
        bo = (await furnish(directory))["bo"]
        for _ in range(5):
            await token_of(directory, bo)
            clock.move(timedelta(days=2))
        with closing(sqlite3.connect(tmp_path / "directory.db")) as connection:
            assert connection.execute("SELECT count(*) FROM tokens").fetchone() == (1,)


async def test_a_password_kept_with_old_costs_is_kept_anew(
    tmp_path: Path, clock: ManualClock
) -> None:
    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        bo = (await furnish(sqlite_directory(database, clock)))["bo"]
        stronger = SqliteDirectory(
            database, clock, default_quota_bytes=0, passwords=Passwords(memory_kib=16, passes=1)
        )
        assert await stronger.sign_in("bo@shop.example", "secret of bo") == bo
        with closing(sqlite3.connect(tmp_path / "directory.db")) as connection:
            [kept] = connection.execute(
                "SELECT password FROM users WHERE user_id = ?", [bo.user_id]
            ).fetchone()
        assert kept.startswith("$argon2id$v=19$m=16,t=1,p=1$")
        assert await stronger.sign_in("bo@shop.example", "secret of bo") == bo


# --- passwords ----------------------------------------------------------------------


async def test_passwords_are_argon2id_with_enough_memory() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("secret")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.fits("secret", hashed)
    assert not await passwords.fits("Secret", hashed)
    assert not await passwords.fits("secret", None)
    assert not await passwords.fits("secret", "no hash")


async def test_who_comes_when_too_many_wait_is_asked_to_come_again() -> None:
    passwords = Passwords(memory_kib=4_096, passes=1)
    done = await asyncio.gather(
        *(passwords.fits("secret", None) for _ in range(2 * MOST_WAITING)), return_exceptions=True
    )
    refused = [d for d in done if isinstance(d, Retryable)]
    assert [d for d in done if d not in refused] == [False] * (len(done) - len(refused))
    assert 1 <= len(refused) <= MOST_WAITING
    assert refused[0].after_s == 1.0
    assert not await passwords.fits("secret", None)


# --- builders -----------------------------------------------------------------------


def sqlite_directory(database: Database, clock: ManualClock) -> SqliteDirectory:
    return SqliteDirectory(database, clock, default_quota_bytes=5_000, passwords=Passwords.cheap())


async def furnish(directory: Directory) -> dict[str, User]:
    """Two domains, three users named by their local parts, and aliases of every kind."""
    await directory.add_domain("shop.example")
    await directory.add_domain("bücher.example")
    names = [("bo", "shop.example"), ("zoë", "shop.example"), ("ida", "bücher.example")]
    # Beside each other, since a cluster takes its time for each.
    users = await asyncio.gather(
        *(
            directory.add_user(
                f"{name}@{domain}", f"secret of {name}", name=name, is_admin=name == "zoë"
            )
            for name, domain in names
        )
    )
    aliases = {
        "sales@shop.example": ["bo@shop.example", "zoë@shop.example"],
        "sales+eu@shop.example": ["zoë@shop.example"],
        "lists@shop.example": ["bo+lists@shop.example"],
        "all@shop.example": ["sales@shop.example", "bo@shop.example", "ida@bücher.example"],
        "ring@shop.example": ["ring1@shop.example"],
        "ring1@shop.example": ["ring@shop.example", "ring1@shop.example"],
        "ring2@shop.example": ["ring@shop.example", "ring2@shop.example", "bo@shop.example"],
        "ghost@shop.example": ["gone@shop.example"],
        "*@bücher.example": ["ida@bücher.example"],
        "desk@bücher.example": ["bo@shop.example"],
        "office@shop.example": ["gone@shop.example", "postmaster@shop.example"],
    }
    await asyncio.gather(*(directory.add_alias(a, targets) for a, targets in aliases.items()))
    return {user.name: user for user in users}


async def meaning_of(directory: Directory, address: str) -> str:
    """Return "name+tag, …" of those that *address* leads to, else why to nobody."""
    resolved = await directory.resolve(address)
    names = [t.address.partition("@")[0] + (f"+{t.tag}" if t.tag else "") for t in resolved.targets]
    assert bool(names) == (resolved.status == "local")
    return ", ".join(names) or resolved.status


async def token_of(
    directory: Directory, user: User, *, lasts: timedelta = timedelta(days=1)
) -> str:
    """Return an access token; empty if the user may have none."""
    granted = await directory.sessions.begin(user.user_id, SCOPES, client="test", access=lasts)
    return granted.access_token if granted is not None else ""
