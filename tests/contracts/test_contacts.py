"""What every store of contacts keeps to."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.contacts import MemoryContacts
from connectors.sqlite.contacts import MIGRATIONS, SqliteContacts
from connectors.sqlite.database import Database
from topologies.mail.contact_book import KEPT_WHEN_FULL, MOST_OF_A_MAIL
from topologies.ports.contacts import MOST_CONTACTS, Contact, Contacts

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_whom_a_mail_went_to_is_found(book: Contacts, ann: str) -> None:
    await book.learn(ann, 1, [contact("bo@far.example", name="Bo")])
    assert await book.find(ann) == [contact("bo@far.example", name="Bo")]
    assert await book.find(ann + "x") == []


async def test_each_mail_counts_and_the_newest_spelling_is_kept(book: Contacts, ann: str) -> None:
    later = AT + timedelta(days=1)
    await book.learn(ann, 1, [contact("bo@far.example", name="Bo")])
    await book.learn(ann, 2, [contact("bo@far.example", address="Bo@far.example", used_at=later)])
    [bo] = await book.find(ann)
    assert bo == contact(
        "bo@far.example", address="Bo@far.example", name="Bo", uses=2, used_at=later
    )


async def test_a_mail_that_was_learnt_from_teaches_nothing_more(book: Contacts, ann: str) -> None:
    for seq in (1, 2, 1, 2):
        await book.learn(ann, seq, [contact("bo@far.example")])
    [bo] = await book.find(ann)
    assert bo.uses == 2


async def test_who_is_removed_comes_back_with_a_new_mail_alone(book: Contacts, ann: str) -> None:
    await book.learn(ann, 7, [contact("bo@far.example"), contact("cy@far.example")])
    assert await book.remove(ann, "bo@far.example")
    assert not await book.remove(ann, "bo@far.example")
    await book.learn(ann, 7, [contact("bo@far.example")])  # a replay
    assert [each.key for each in await book.find(ann)] == ["cy@far.example"]
    await book.learn(ann, 8, [contact("bo@far.example")])
    [bo] = await book.find(ann, "bo")
    assert bo.uses == 1


async def test_nobody_left_is_nobody_found_and_a_replay_still_teaches_nothing(
    book: Contacts, ann: str
) -> None:
    await book.learn(ann, 3, [contact("bo@far.example")])
    assert await book.remove(ann, "bo@far.example")
    await book.learn(ann, 3, [contact("bo@far.example")])
    assert await book.find(ann) == []


async def test_a_name_of_one_s_own_stays_whatever_mails_say(book: Contacts, ann: str) -> None:
    await book.learn(ann, 1, [contact("bo@far.example", name="B. Ohm")])
    renamed = await book.rename(ann, "bo@far.example", "Boss")
    assert renamed is not None
    assert (renamed.shown_name, renamed.name) == ("Boss", "B. Ohm")
    await book.learn(ann, 2, [contact("bo@far.example", name="Bo Ohm")])
    [bo] = await book.find(ann, "boss")
    assert (bo.shown_name, bo.name, bo.uses) == ("Boss", "Bo Ohm", 2)
    assert await book.find(ann, "ohm") == []


async def test_nobody_is_renamed_who_is_not_there(book: Contacts, ann: str) -> None:
    assert await book.rename(ann, "bo@far.example", "Boss") is None
    assert await book.find(ann) == []


async def test_who_is_used_most_and_lately_comes_first(book: Contacts, ann: str) -> None:
    often = contact("often@far.example", uses=40)
    lately = contact("lately@far.example", used_at=AT + timedelta(days=30))
    once = contact("once@far.example")
    await book.learn(ann, 1, [once, often, lately])
    found = [each.key for each in await book.find(ann)]
    assert found == ["often@far.example", "lately@far.example", "once@far.example"]
    assert [each.key for each in await book.find(ann, limit=1)] == ["often@far.example"]


@pytest.mark.parametrize("sought", ["zo", "ZOË", "lø", "zo lo", "x@mail", "mail.ex", "ex", "x@"])
async def test_the_beginning_of_any_part_finds(book: Contacts, ann: str, sought: str) -> None:
    zoe = contact("x@mail.example", name="Zoë van Løn")
    await book.learn(ann, 1, [zoe, contact("y@other.test", name="Ada")])
    assert await book.find(ann, sought) == [zoe]


@pytest.mark.parametrize("sought", ["oe", "zoex", "zo ada", "ail.example", "%", "@"])
async def test_what_stands_elsewhere_finds_nobody(book: Contacts, ann: str, sought: str) -> None:
    await book.learn(ann, 1, [contact("x@mail.example", name="Zoë"), contact("y@o.test")])
    assert await book.find(ann, sought) == []


async def test_a_name_without_spaces_is_found_by_any_part(book: Contacts, ann: str) -> None:
    await book.learn(ann, 1, [contact("t@mail.example", name="山田太郎")])
    for sought in ("山", "山田", "太郎"):
        assert [each.name for each in await book.find(ann, sought)] == ["山田太郎"]


async def test_beyond_the_bound_those_used_least_fall_out(book: Contacts, ann: str) -> None:
    for seq, first in enumerate(range(0, MOST_CONTACTS + 1, MOST_OF_A_MAIL), 1):
        numbers = range(first, min(first + MOST_OF_A_MAIL, MOST_CONTACTS + 1))
        await book.learn(ann, seq, [_numbered(number) for number in numbers])
    kept = {each.key for each in await book.find(ann, limit=MOST_CONTACTS + 1)}
    assert kept == {_numbered(n).key for n in range(MOST_CONTACTS + 1 - KEPT_WHEN_FULL, 5_001)}


async def test_a_user_is_erased_alone(book: Contacts, ann: str) -> None:
    for user in (ann, ann + "x"):
        await book.learn(user, 1, [contact("bo@far.example")])
    await book.erase(ann)
    assert await book.find(ann) == []
    assert len(await book.find(ann + "x")) == 1


@pytest.fixture
def ann() -> str:
    return secrets.token_hex(8)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def book(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Contacts]:
    if request.param == "memory":
        yield MemoryContacts()
        return
    if request.param == "cassandra":
        from connectors.cassandra.contacts import CassandraContacts
        from connectors.cassandra.session import CassandraSession  # which loads the driver

        yield CassandraContacts(CassandraSession(request.getfixturevalue("cassandra")))
        return
    with closing(Database(tmp_path / "contacts.db", MIGRATIONS, is_durable=False)) as database:
        yield SqliteContacts(database)


def contact(key: str, **given: Any) -> Contact:
    known: dict[str, Any] = {"address": key, "used_at": AT}
    return Contact(key=key, **(known | given))


def _numbered(number: int) -> Contact:
    return contact(f"p{number}@far.example", used_at=AT + timedelta(minutes=number))
