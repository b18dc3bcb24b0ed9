"""Sessions: every directory signs programs in and out alike."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from connectors.passwords import Passwords
from connectors.refresh_tokens import AGAIN
from connectors.sqlite.database import Database
from connectors.sqlite.directory import MIGRATIONS, SqliteDirectory
from connectors.tokens import hash_of
from topologies.ports.directory import Directory, User
from topologies.ports.sessions import LONGEST_CLIENT, MOST_OF_USER, Granted, Scope

READ: frozenset[Scope] = frozenset({"read"})
BOTH: frozenset[Scope] = frozenset({"read", "send"})
SHORT, LONG = timedelta(hours=1), timedelta(days=30)


async def test_a_session_is_told_as_it_began(directory: Directory, clock: ManualClock) -> None:
    bo = await a_user(directory)
    granted = await directory.sessions.begin(
        bo.user_id, BOTH, client="Phone/1.0" + "x" * 500, access=SHORT, refresh=LONG
    )
    assert granted
    assert (granted.scopes, granted.expires_at) == (BOTH, clock.now() + SHORT)
    [told] = await directory.sessions.of(bo.user_id)
    assert told.session_id == granted.session_id
    assert told.client.startswith("Phone/1.0")
    assert len(told.client) == LONGEST_CLIENT
    assert (told.scopes, told.created_at) == (BOTH, clock.now())
    assert (told.seen_on, told.expires_at) == (clock.now().date(), clock.now() + LONG)
    session = await directory.session(granted.access_token)
    assert session
    assert session.session_id == granted.session_id


async def test_one_without_a_refresh_token_lasts_as_long_as_its_access_token(
    directory: Directory, clock: ManualClock
) -> None:
    bo = await a_user(directory)
    granted = await directory.sessions.begin(bo.user_id, READ, client="", access=SHORT)
    assert granted
    assert granted.refresh_token == ""
    assert len(await directory.sessions.of(bo.user_id)) == 1
    clock.move(SHORT)
    assert await directory.sessions.of(bo.user_id) == []
    assert not await directory.sessions.end(bo.user_id, granted.session_id)


async def test_nobody_and_the_suspended_are_given_nothing(directory: Directory) -> None:
    bo = await a_user(directory)
    await directory.change_user(bo.user_id, is_suspended=True)
    for user_id in (bo.user_id, "0190b8a0-0000-7000-8000-000000000000"):
        assert (
            await directory.sessions.begin(user_id, READ, client="", access=SHORT, refresh=LONG)
            is None
        )
        assert await directory.sessions.of(user_id) == []


# --- turns of the refresh token -----------------------------------------------------


async def test_a_refresh_token_is_traded_for_new_ones(
    directory: Directory, clock: ManualClock
) -> None:
    bo = await a_user(directory)
    first = await signed_in(directory, bo)
    clock.move(SHORT)
    assert await directory.session(first.access_token) is None
    second = await turn(directory, first)
    assert second
    assert second.session_id == first.session_id
    assert second.refresh_token not in ("", first.refresh_token)
    assert (second.scopes, second.expires_at) == (BOTH, clock.now() + SHORT)
    session = await directory.session(second.access_token)
    assert session
    assert session.user == bo
    [told] = await directory.sessions.of(bo.user_id)
    assert told.expires_at == clock.now() + LONG


async def test_who_shows_a_used_one_ends_the_session_and_all_its_tokens(
    directory: Directory, clock: ManualClock
) -> None:
    bo = await a_user(directory)
    other = await signed_in(directory, bo)
    first = await signed_in(directory, bo)
    second = await turn(directory, first)
    assert second
    third = await turn(directory, second)
    assert third
    assert await turn(directory, first) is None
    assert await turn(directory, third) is None
    for token in (first.access_token, second.access_token, third.access_token):
        assert await directory.session(token) is None
    assert [s.session_id for s in await directory.sessions.of(bo.user_id)] == [other.session_id]
    assert await directory.session(other.access_token)


async def test_who_asks_again_at_once_is_given_the_same_one(
    directory: Directory, clock: ManualClock
) -> None:
    bo = await a_user(directory)
    first = await signed_in(directory, bo)
    lost = await turn(directory, first)
    clock.move(AGAIN)
    again = await turn(directory, first)
    assert lost
    assert again
    assert again.refresh_token == lost.refresh_token
    assert await directory.session(again.access_token)
    clock.move(timedelta(seconds=1))
    assert await turn(directory, first) is None
    assert await directory.sessions.of(bo.user_id) == []


async def test_of_many_who_trade_one_at_once_all_are_given_the_same(directory: Directory) -> None:
    bo = await a_user(directory)
    first = await signed_in(directory, bo)
    turned = await asyncio.gather(*(turn(directory, first) for _ in range(4)))
    assert len({granted.refresh_token for granted in turned if granted}) == 1
    assert all(turned)
    assert len(await directory.sessions.of(bo.user_id)) == 1


async def test_a_session_that_is_not_refreshed_in_time_is_over(
    directory: Directory, clock: ManualClock
) -> None:
    bo = await a_user(directory)
    first = await signed_in(directory, bo)
    clock.move(LONG - timedelta(seconds=1))
    second = await turn(directory, first)
    assert second
    clock.move(LONG)
    assert await turn(directory, second) is None


async def test_fewer_scopes_may_be_asked_for_and_never_more(directory: Directory) -> None:
    bo = await a_user(directory)
    first = await signed_in(directory, bo)
    second = await turn(directory, first, READ)
    assert second
    session = await directory.session(second.access_token)
    assert session
    assert session.scopes == READ
    with pytest.raises(ValueError, match="more scopes"):
        await turn(directory, second, frozenset({"admin"}))
    third = await turn(directory, second)
    assert third
    assert third.scopes == BOTH


async def test_what_was_not_made_here_ends_nothing(directory: Directory) -> None:
    bo = await a_user(directory)
    first = await signed_in(directory, bo)
    text = first.refresh_token
    changed = [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in (60, 104)]
    for token in ("", "rr_", "rr_" + "A" * 107, "ü" * 110, "x" * 100_000, *changed):
        assert await directory.sessions.refresh(token, access=SHORT, refresh=LONG) is None
        await directory.sessions.revoke(token)
    assert await turn(directory, first)


# --- their end ----------------------------------------------------------------------


async def test_a_session_is_ended_by_its_id_and_by_nobody_else(directory: Directory) -> None:
    bo, eve = await a_user(directory), await a_user(directory, "eve")
    one, other = await signed_in(directory, bo), await signed_in(directory, bo)
    assert await directory.session(one.access_token)
    assert not await directory.sessions.end(eve.user_id, one.session_id)
    assert await directory.sessions.end(bo.user_id, one.session_id)
    assert not await directory.sessions.end(bo.user_id, one.session_id)
    assert await directory.session(one.access_token) is None
    assert await turn(directory, one) is None
    assert await directory.session(other.access_token)


@pytest.mark.parametrize("which", ["access", "refresh", "used"])
async def test_a_session_is_ended_by_any_of_its_tokens(directory: Directory, which: str) -> None:
    bo = await a_user(directory)
    first = await signed_in(directory, bo)
    second = await turn(directory, first)
    assert second
    shown = {
        "access": first.access_token,
        "refresh": second.refresh_token,
        "used": first.refresh_token,
    }
    await directory.sessions.revoke(shown[which])
    await directory.sessions.revoke(shown[which])
    assert await directory.sessions.of(bo.user_id) == []
    assert await directory.session(second.access_token) is None
    assert await turn(directory, second) is None


async def test_a_new_password_ends_all_or_all_but_one(directory: Directory) -> None:
    bo = await a_user(directory)
    kept, gone = await signed_in(directory, bo), await signed_in(directory, bo)
    await directory.change_user(bo.user_id, password="new", keep_session=kept.session_id)
    assert await directory.session(gone.access_token) is None
    assert await turn(directory, gone) is None
    assert await directory.session(kept.access_token)
    again = await turn(directory, kept)
    assert again
    assert [s.session_id for s in await directory.sessions.of(bo.user_id)] == [kept.session_id]
    await directory.change_user(bo.user_id, password="newer")
    assert await directory.sessions.of(bo.user_id) == []
    assert await turn(directory, again) is None


async def test_another_s_session_is_not_kept(directory: Directory) -> None:
    bo, eve = await a_user(directory), await a_user(directory, "eve")
    of_bo, of_eve = await signed_in(directory, bo), await signed_in(directory, eve)
    await directory.change_user(bo.user_id, password="new", keep_session=of_eve.session_id)
    assert await directory.session(of_bo.access_token) is None
    assert await directory.session(of_eve.access_token)


async def test_a_suspension_ends_them_whichever_is_to_be_kept(directory: Directory) -> None:
    bo = await a_user(directory)
    granted = await signed_in(directory, bo)
    await directory.change_user(bo.user_id, is_suspended=True, keep_session=granted.session_id)
    await directory.change_user(bo.user_id, is_suspended=False)
    assert await directory.sessions.of(bo.user_id) == []
    assert await turn(directory, granted) is None


async def test_it_is_noted_once_a_day_that_a_session_was_seen(
    directory: Directory, clock: ManualClock
) -> None:
    bo = await a_user(directory)
    granted = await directory.sessions.begin(bo.user_id, READ, client="", access=LONG)
    assert granted
    clock.move(timedelta(days=2))
    [before] = await directory.sessions.of(bo.user_id)
    for _ in range(2):
        session = await directory.session(granted.access_token)
        assert session
        assert session.seen_on == clock.now().date()
    [after] = await directory.sessions.of(bo.user_id)
    assert after.seen_on - before.seen_on == timedelta(days=2)


async def test_who_signs_in_too_often_ends_the_oldest(
    directory: Directory, clock: ManualClock
) -> None:
    bo = await a_user(directory)
    first = await signed_in(directory, bo)
    clock.move(timedelta(milliseconds=1))  # within one nobody is older
    second = await signed_in(directory, bo)
    clock.move(timedelta(milliseconds=1))
    for _ in range(MOST_OF_USER - 2):
        await directory.sessions.begin(bo.user_id, READ, client="", access=SHORT)
    last = await directory.sessions.begin(bo.user_id, READ, client="", access=SHORT)
    assert last
    assert len(await directory.sessions.of(bo.user_id)) == MOST_OF_USER
    assert await directory.session(first.access_token) is None
    assert await directory.session(second.access_token)
    assert await directory.session(last.access_token)


# --- what only the file does --------------------------------------------------------


async def test_the_file_holds_no_token_and_forgets_what_expired(
    tmp_path: Path, clock: ManualClock
) -> None:
    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        directory = sqlite_directory(database, clock)
        bo = await a_user(directory)
        first = await signed_in(directory, bo)
        for token in (first.access_token, first.refresh_token):
            assert token.encode() not in content_of(tmp_path)
        clock.move(LONG)
        await signed_in(directory, bo)
        with closing(sqlite3.connect(tmp_path / "directory.db")) as connection:
            for table in ("tokens", "sessions"):
                count = f"SELECT count(*) FROM {table}"
                assert connection.execute(count).fetchone() == (1,)


async def test_a_token_from_before_there_were_sessions_is_good_until_it_expires(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "directory.db"
    token = "rm_" + "A" * 43
    with closing(Database(path, MIGRATIONS[:2])):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO domains VALUES ('shop.example')")
        connection.execute(
            "INSERT INTO users VALUES ('u1', 'bo@shop.example', 'shop.example', 'Bo', 'x', NULL,"
            " 0, 0, '2026-01-01T00:00:00.000000+00:00')"
        )
        connection.execute(
            "INSERT INTO tokens VALUES (?, 'u1', 'read', '2999-01-01T00:00:00.000000+00:00')",
            [hash_of(token)],
        )
    with closing(Database(path, MIGRATIONS)) as database:
        directory = sqlite_directory(database, clock)
        session = await directory.session(token)
        assert session
        assert (session.user.address, session.session_id) == ("bo@shop.example", "")
        await directory.sessions.revoke(token)
        assert await directory.session(token) is None


# --- builders -----------------------------------------------------------------------


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def directory(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncGenerator[Directory]:
    if request.param == "memory":
        yield MemoryDirectory(clock)
        return
    if request.param == "cassandra":
        from tests.live.cassandra_names import own_directory  # which loads the driver

        yield own_directory(request.getfixturevalue("cassandra"), clock)
        return
    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        yield sqlite_directory(database, clock)


def sqlite_directory(database: Database, clock: ManualClock) -> SqliteDirectory:
    return SqliteDirectory(database, clock, default_quota_bytes=0, passwords=Passwords.cheap())


def content_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def a_user(directory: Directory, name: str = "bo") -> User:
    await directory.add_domain("shop.example")
    return await directory.add_user(f"{name}@shop.example", "secret")


async def signed_in(directory: Directory, user: User) -> Granted:
    granted = await directory.sessions.begin(
        user.user_id, BOTH, client="test", access=SHORT, refresh=LONG
    )
    assert granted
    return granted


async def turn(
    directory: Directory, granted: Granted, scopes: frozenset[Scope] | None = None
) -> Granted | None:
    return await directory.sessions.refresh(
        granted.refresh_token, access=SHORT, refresh=LONG, scopes=scopes
    )
