"""Writes to the log in groups: nobody's write suffers from another's, whatever becomes of it."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.sqlite.database import Database
from connectors.sqlite.log import MIGRATIONS
from connectors.sqlite.log_writer import Ends, LogWriter
from topologies.errors import Retryable
from topologies.ports.log import Entry, Position

TOPIC = "mailbox.commands"
BROKEN = "\ud800"  # half a pair: no text that could be written


async def test_all_of_one_moment_are_one_transaction_in_the_order_they_came(path: Path) -> None:
    with opened(path) as (database, writer, ends):
        await asyncio.gather(*(writer.write([entry(str(n))], [], n) for n in range(100)))
        assert await values(database) == [(n, str(n), n) for n in range(100)]
        assert ends == [{(TOPIC, 0): 100}]


async def test_entries_and_position_of_one_go_together(path: Path) -> None:
    position = Position(group="g", topic=TOPIC, partition=0, offset=3, ahead=((5, 6),))
    with opened(path) as (database, writer, _):
        await asyncio.gather(
            writer.write([entry("a"), entry("b")], [position], 1), writer.write([], [], 1)
        )
        assert [value for _, value, _ in await values(database)] == ["a", "b"]
        found = await database.read(lambda c: c.execute("SELECT * FROM positions").fetchall())
        assert found == [("g", TOPIC, 0, 3, b"[[5,6]]")]


async def test_what_can_not_be_written_takes_nobody_along(path: Path) -> None:
    with opened(path) as (database, writer, _):
        results = await asyncio.gather(
            writer.write([entry("a")], [], 1),
            writer.write([entry("x"), entry("b", key=BROKEN)], [], 1),
            writer.write([entry("c")], [], 1),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [type(None), UnicodeEncodeError, type(None)]
        assert [value for _, value, _ in await values(database)] == ["a", "c"]


async def test_who_waits_no_longer_is_written_all_the_same(path: Path) -> None:
    with opened(path) as (database, writer, _):
        gone = asyncio.create_task(writer.write([entry("a")], [], 1))
        await asyncio.sleep(0)
        gone.cancel()
        await writer.write([entry("b")], [], 1)
        assert [value for _, value, _ in await values(database)] == ["a", "b"]
        with pytest.raises(asyncio.CancelledError):
            await gone


async def test_more_is_written_than_can_be_under_way_at_once(path: Path) -> None:
    with opened(path) as (database, writer, _):

        async def some(name: str) -> None:
            for number in range(20):
                await writer.write([entry(f"{name}{number}")], [], 1)

        await asyncio.gather(*(some(name) for name in "abcdefgh"))
        assert len(await values(database)) == 160


async def test_a_closed_file_is_out_of_reach(path: Path) -> None:
    with opened(path) as (_, writer, _):
        pass
    with pytest.raises(Retryable):
        await writer.write([entry("a")], [], 1)


def test_one_event_loop_after_the_other_may_write(path: Path) -> None:
    with opened(path) as (database, writer, _):
        for name in "abc":
            asyncio.run(writer.write([entry(name)], [], 1))
        assert len(asyncio.run(values(database))) == 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@contextmanager
def opened(path: Path) -> Generator[tuple[Database, LogWriter, list[Ends]]]:
    ends: list[Ends] = []
    database = Database(path, MIGRATIONS)
    try:
        yield database, LogWriter(database, 1, ends.append), ends
    finally:
        database.close()


def entry(value: str, key: str = "k") -> Entry:
    return Entry(topic=TOPIC, key=key, value=value.encode(), event_id=value)


async def values(database: Database) -> list[tuple[int, str, int]]:
    rows = await database.read(
        lambda c: c.execute(
            "SELECT offset, value, appended_at FROM records ORDER BY offset"
        ).fetchall()
    )
    return [(offset, value.decode(), at) for offset, value, at in rows]
