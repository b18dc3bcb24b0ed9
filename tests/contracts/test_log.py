"""What every log keeps to."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.sqlite.database import Database
from connectors.sqlite.log import MIGRATIONS, SqliteLog
from connectors.sqlite.log_positions import position_of
from connectors.sqlite.log_writer import Wanted, write_all
from topologies.errors import NoSpace
from topologies.events import CreateFolder
from topologies.ports.log import Entry, Position

TOPIC = "mailbox.commands"


async def test_what_was_appended_is_read_in_order_and_only_from_the_offset_on(
    log: SqliteLog,
) -> None:
    await log.append([command("a"), command("b")])
    await log.append([command("c")])
    records = await log.read(TOPIC, 0, 0, 10)
    assert [record.offset for record in records] == [0, 1, 2]
    assert list(await log.read(TOPIC, 0, 1, 1)) == [records[1]]
    assert records[0].key == "user-1"
    assert len({record.event_id for record in records}) == 3


async def test_outputs_and_position_are_there_together_after_the_file_is_opened_again(
    path: Path,
) -> None:
    before = Position(group="store", topic=TOPIC, partition=0, offset=4, ahead=((6, 8), (9, 10)))
    with_output = Entry(topic=TOPIC, key="k", value=b"{}", event_id="e", headers={"stage": "x"})
    database = Database(path, MIGRATIONS)
    await made(database).commit([with_output], [before])
    database.close()
    database = Database(path, MIGRATIONS)
    log = made(database)
    assert await log.position("store", TOPIC, 0) == before
    [record] = await log.read(TOPIC, 0, 0, 10)
    assert (record.value, record.event_id, record.headers) == (b"{}", "e", {"stage": "x"})
    database.close()


async def test_a_position_whose_offsets_were_told_one_by_one_is_understood(path: Path) -> None:
    database = Database(path, MIGRATIONS)
    row = ("store", TOPIC, 0, 4, b"[6,7,9]")

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO positions VALUES (?, ?, ?, ?, ?)", row)

    await database.write(write)
    assert (await made(database).position("store", TOPIC, 0)).ahead == ((6, 7), (7, 8), (9, 10))
    database.close()


async def test_a_new_group_starts_at_the_oldest_record(log: SqliteLog) -> None:
    await log.append([command("a")])
    assert (await log.position("new", TOPIC, 0)).offset == 0


@pytest.mark.parametrize("statement", [1, 2, 3])
async def test_a_new_group_starts_at_a_first_record_that_is_written_while_it_asks(
    path: Path, log: SqliteLog, statement: int
) -> None:
    assert await log.end(TOPIC, 0) == 0
    first = Wanted([Entry(topic=TOPIC, key="a", value=b"{}", event_id="1")], [], 0)
    asked = 0

    def write_first(_: str) -> None:
        nonlocal asked
        asked += 1
        if asked == statement:
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                write_all(other, [first], partitions=1)

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.set_trace_callback(write_first)
        assert position_of(connection, "new", TOPIC, 0).offset == 0
    assert await log.end(TOPIC, 0) == (1 if statement <= asked else 0)


async def test_how_groups_stand_is_told_at_once_as_it_is_of_each(log: SqliteLog) -> None:
    await log.append([command(str(n)) for n in range(5)])
    await log.commit(
        [],
        [Position(group="store", topic=TOPIC, partition=0, offset=2, ahead=((3, 4),))],
    )
    read = [("store", TOPIC), ("new", TOPIC), ("store", "mail.received")]
    found = {each.position.group: each for each in await log.standings(read)}
    assert {group: each.behind for group, each in found.items()} == {"store": 2, "new": 5}
    for group, each in found.items():
        assert each.position == await log.position(group, TOPIC, 0)
        assert each.end == await log.end(TOPIC, 0)


async def test_the_end_is_the_offset_of_the_next_record(log: SqliteLog) -> None:
    assert await log.end(TOPIC, 0) == 0
    await log.append([command("a"), command("b")])
    assert await log.end(TOPIC, 0) == 2


async def test_only_what_is_old_and_read_by_all_is_forgotten(path: Path) -> None:
    database = Database(path, MIGRATIONS)
    clock = ManualClock()
    log = made(database, clock=clock)
    await log.append([command("a"), command("b")])
    await log.commit([], [Position(group="store", topic=TOPIC, partition=0, offset=1)])
    await log.commit([], [Position(group="other", topic=TOPIC, partition=0, offset=2)])
    readers = {TOPIC: ["store", "other"]}
    assert await log.trim(readers) == 0
    clock.move(timedelta(days=8))
    await log.append([command("c")])
    assert await log.trim({TOPIC: ["store", "new"]}) == 0  # who never read has all before it
    assert await log.trim(readers) == 1
    assert [record.offset for record in await log.read(TOPIC, 0, 0, 10)] == [1, 2]
    assert (await log.position("third", TOPIC, 0)).offset == 1
    database.close()


async def test_a_log_that_fills_up_forgets_early_what_was_read(path: Path) -> None:
    database = Database(path, MIGRATIONS)
    log = made(database, max_bytes=1)
    entries = [Entry(topic=TOPIC, key="k", value=b"{}", event_id=str(n)) for n in range(3)]
    await log.commit(entries, [Position(group="store", topic=TOPIC, partition=0, offset=2)])
    assert await log.trim({TOPIC: ["store"]}) == 2
    assert len(await log.read(TOPIC, 0, 0, 10)) == 1
    database.close()


async def test_whoever_waits_is_woken_by_an_append_to_what_they_wait_for(log: SqliteLog) -> None:
    waiting = asyncio.create_task(log.wait(TOPIC, 0, 0, timeout_s=60))
    await asyncio.sleep(0)
    await log.append([command("a")])
    async with asyncio.timeout(5):
        await waiting
    await log.wait(TOPIC, 0, 1, timeout_s=0.01)  # nothing comes: it ends by itself


async def test_two_processes_may_append_to_one_file(path: Path, log: SqliteLog) -> None:
    other_database = Database(path, MIGRATIONS)
    await log.append([command("a")])
    await made(other_database).append([command("b")])
    await log.append([command("c")])
    assert [record.offset for record in await log.read(TOPIC, 0, 0, 10)] == [0, 1, 2]
    other_database.close()


async def test_who_waits_sees_what_another_process_appended_without_being_told(
    path: Path, log: SqliteLog
) -> None:
    other_database = Database(path, MIGRATIONS)
    waiting = [asyncio.create_task(log.wait(TOPIC, 0, at, timeout_s=60)) for at in (0, 0, 1)]
    await asyncio.sleep(0)
    await made(other_database).append([command("a")])
    async with asyncio.timeout(20):
        await asyncio.gather(*waiting[:2])
    assert not waiting[2].done()
    await made(other_database).append([command("b")])
    async with asyncio.timeout(20):
        await waiting[2]
    other_database.close()


async def test_who_looks_sees_what_another_process_appended(path: Path, log: SqliteLog) -> None:
    other_database = Database(path, MIGRATIONS)
    told: list[str] = []
    other = made(other_database, on_append=lambda: told.append("appended"))
    waiting = asyncio.create_task(log.wait(TOPIC, 0, 0, timeout_s=60))
    await asyncio.sleep(0)
    await other.append([command("a")])
    assert told == ["appended"]
    log.look()
    await asyncio.sleep(0)  # no time passes
    await asyncio.sleep(0)
    assert waiting.done()
    assert len(await log.read(TOPIC, 0, 0, 10)) == 1
    await other.commit([], [Position(group="g", topic=TOPIC, partition=0, offset=1)])
    assert told == ["appended"]  # a position is nobody's news
    other_database.close()


async def test_a_full_log_refuses_what_comes_in_but_takes_what_stages_write(path: Path) -> None:
    database = Database(path, MIGRATIONS)
    log = made(database, max_bytes=1)
    with pytest.raises(NoSpace):
        await log.append([command("a")])
    await log.commit([Entry(topic=TOPIC, key="k", value=b"{}", event_id="e")], [])
    assert len(await log.read(TOPIC, 0, 0, 10)) == 1
    database.close()


async def test_a_nearly_full_disk_refuses_what_comes_in(path: Path) -> None:
    database = Database(path, MIGRATIONS)
    with pytest.raises(NoSpace):
        await made(database, disk_free=9).append([command("a")])
    database.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    database = Database(path, MIGRATIONS)
    yield made(database)
    database.close()


def made(
    database: Database,
    *,
    max_bytes: int = 2**40,
    disk_free: int = 100,
    clock: ManualClock | None = None,
    on_append: Callable[[], None] = lambda: None,
) -> SqliteLog:
    return SqliteLog(
        database,
        clock=clock or ManualClock(),
        partitions=1,
        max_bytes=max_bytes,
        disk_reserve_bytes=10,
        disk_free=lambda: disk_free,
        on_append=on_append,
    )


def command(folder_id: str) -> CreateFolder:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return CreateFolder(
        user_id="user-1", command_id=folder_id, issued_at=at, folder_id=folder_id, name="Bills"
    )
