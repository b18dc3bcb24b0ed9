"""What every store of dead letters keeps to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.sqlite.database import Database
from connectors.sqlite.dead_letters import SqliteDeadLetters
from connectors.sqlite.log import MIGRATIONS, SqliteLog
from topologies.ports.dead_letters import DeadLetter
from topologies.ports.log import Entry

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_what_was_buried_is_listed_newest_first_with_everything_known(
    letters: SqliteDeadLetters, log: SqliteLog, clock: ManualClock
) -> None:
    await buried(log, "a", path="inbound")
    clock.move(timedelta(seconds=1))
    await buried(log, "b", path="mailbox")
    newest, oldest = await letters.list()
    assert oldest == DeadLetter(
        letter_id=oldest.letter_id,
        path="inbound",
        stage="parse",
        kind="bug",
        reason="KeyError: 'x'",
        traceback="Traceback …",
        attempts=2,
        key="a",
        value=b'{"a": 1}',
        event_id="event-a",
        origin="mail.received/0/7",
        buried_at=AT,
    )
    assert (newest.key, newest.path) == ("b", "mailbox")
    assert list(await letters.list(path="inbound")) == [oldest]
    assert list(await letters.list(limit=1)) == [newest]
    assert await letters.get(oldest.letter_id) == oldest
    assert await letters.count() == {"inbound": 1, "mailbox": 1}


async def test_a_replay_gives_the_record_to_its_stage_once_with_the_same_event_id(
    letters: SqliteDeadLetters, log: SqliteLog
) -> None:
    await buried(log, "a")
    [letter] = await letters.list()
    assert await letters.replay(letter.letter_id)
    assert not await letters.replay(letter.letter_id)
    assert not await letters.drop(letter.letter_id)
    [record] = await log.read("inbound.replay", 0, 0, 10)
    assert (record.key, record.value, record.event_id) == ("a", b'{"a": 1}', "event-a")
    assert record.headers == {"stage": "parse", "origin": "mail.received/0/7"}
    assert list(await letters.list()) == []
    assert [each.state for each in await letters.list(include_settled=True)] == ["replayed"]
    assert await letters.count() == {}


async def test_a_dropped_letter_stays_on_record(letters: SqliteDeadLetters, log: SqliteLog) -> None:
    await buried(log, "a")
    [letter] = await letters.list()
    assert await letters.drop(letter.letter_id)
    assert list(await letters.list()) == []
    found = await letters.get(letter.letter_id)
    assert found is not None
    assert found.state == "dropped"
    assert list(await log.read("inbound.replay", 0, 0, 10)) == []


@pytest.mark.parametrize(
    "letter_id",
    ["", "inbound", "inbound-0", "inbound-0-99", "inbound--1-0", "x-0-0", "a-0-" + "9" * 30],
)
async def test_an_id_that_nothing_has_finds_nothing(
    letters: SqliteDeadLetters, log: SqliteLog, letter_id: str
) -> None:
    await buried(log, "a")
    assert await letters.get(letter_id) is None
    assert not await letters.replay(letter_id)
    assert not await letters.drop(letter_id)


async def buried(log: SqliteLog, key: str, path: str = "inbound") -> None:
    headers = {
        "stage": "parse",
        "kind": "bug",
        "reason": "KeyError: 'x'",
        "traceback": "Traceback …",
        "attempts": "2",
        "origin": "mail.received/0/7",
    }
    entry = Entry(
        topic=f"{path}.dead", key=key, value=b'{"a": 1}', event_id=f"event-{key}", headers=headers
    )
    await log.commit([entry], [])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "log.db", MIGRATIONS)
    yield database
    database.close()


@pytest.fixture
def log(database: Database, clock: ManualClock) -> SqliteLog:
    return SqliteLog(
        database,
        clock=clock,
        partitions=1,
        max_bytes=2**40,
        disk_reserve_bytes=0,
        disk_free=lambda: 1,
    )


@pytest.fixture
def letters(database: Database, clock: ManualClock) -> SqliteDeadLetters:
    return SqliteDeadLetters(database, clock=clock, partitions=1)
