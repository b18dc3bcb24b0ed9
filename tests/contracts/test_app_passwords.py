"""What every store of app passwords keeps to."""

from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory.app_passwords import MemoryAppPasswords
from connectors.sqlite.app_passwords import SqliteAppPasswords
from connectors.sqlite.database import Database
from connectors.sqlite.sending_rows import MIGRATIONS
from topologies.mail.ids import new_id
from topologies.ports.app_passwords import MOST_OF_USER, AppPasswords

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_a_password_is_found_by_its_text_however_it_is_typed(
    passwords: AppPasswords, user: str
) -> None:
    made, text = await passwords.add(user, "phone", AT)
    assert (made.user_id, made.name, made.created_at) == (user, "phone", AT)
    for typed in (text, text.upper(), text.replace("-", ""), text.replace("-", " ") + " "):
        assert await passwords.found(user, typed) == made


@pytest.mark.parametrize("text", ["", "a password", "abcd-efgh-jkmn-pqrs-tuvw", "x" * 10_000, "\0"])
async def test_any_other_text_finds_nothing(passwords: AppPasswords, user: str, text: str) -> None:
    await passwords.add(user, "phone", AT)
    assert await passwords.found(user, text) is None


async def test_a_password_is_one_user_s(passwords: AppPasswords, user: str) -> None:
    made, text = await passwords.add(user, "phone", AT)
    other = f"{user}-other"
    assert await passwords.found(other, text) is None
    assert not await passwords.remove(other, made.password_id)
    assert list(await passwords.of(other)) == []


async def test_they_are_listed_by_age_and_removed_one_by_one(
    passwords: AppPasswords, user: str
) -> None:
    first, text = await passwords.add(user, "phone", AT)
    second, _ = await passwords.add(user, "laptop", AT + timedelta(seconds=1))
    assert list(await passwords.of(user)) == [first, second]
    assert await passwords.remove(user, first.password_id)
    assert not await passwords.remove(user, first.password_id)
    assert list(await passwords.of(user)) == [second]
    assert await passwords.found(user, text) is None


async def test_a_user_has_so_many_and_no_more(passwords: AppPasswords, user: str) -> None:
    for number in range(MOST_OF_USER):
        await passwords.add(user, str(number), AT)
    with pytest.raises(ValueError, match="at most"):
        await passwords.add(user, "one more", AT)
    assert len(await passwords.of(user)) == MOST_OF_USER


@pytest.fixture
def user() -> str:
    return new_id(datetime.now(UTC))


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def passwords(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[AppPasswords]:
    if request.param == "memory":
        yield MemoryAppPasswords()
        return
    if request.param == "cassandra":
        # Here, since they load the driver.
        from connectors.cassandra.app_passwords import CassandraAppPasswords
        from connectors.cassandra.session import CassandraSession

        yield CassandraAppPasswords(CassandraSession(request.getfixturevalue("cassandra")))
        return
    with closing(Database(tmp_path / "sending.db", MIGRATIONS)) as database:
        yield SqliteAppPasswords(database)
