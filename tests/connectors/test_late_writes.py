"""A file whose writes are seen at once and made durable later: when, how often, and what if not."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.sqlite.database import Database, sync_file
from topologies.errors import Misconfigured

SCHEMA = ("CREATE TABLE rows (content TEXT)",)


async def test_what_is_written_is_seen_before_it_is_durable(disk: "Disk") -> None:
    await disk.put("a")
    assert (await disk.rows(), disk.synced) == (["a"], 0)
    await disk.database.sync()
    assert disk.synced == 1


async def test_one_sync_serves_all_that_was_written_before(disk: "Disk") -> None:
    for content in ("a", "b", "c"):
        await disk.put(content)
    await asyncio.gather(*(disk.database.sync() for _ in range(5)))
    await disk.database.sync()
    assert disk.synced == 1
    await disk.put("d")
    await disk.database.sync()
    assert disk.synced == 2


async def test_a_write_that_failed_is_nothing_to_be_synced(disk: "Disk") -> None:
    await disk.put("a")
    await disk.database.sync()
    with pytest.raises(sqlite3.IntegrityError):
        await disk.database.write(_wrong)
    await disk.put("b")
    await disk.database.sync()
    assert (disk.synced, await disk.rows()) == (2, ["a", "b"])


async def test_a_file_that_is_closed_is_durable(disk: "Disk") -> None:
    await disk.put("a")
    disk.database.close()
    assert disk.synced == 1


async def test_when_the_disk_fails_nothing_is_called_durable_any_more(disk: "Disk") -> None:
    await disk.put("a")
    disk.fails = True
    with pytest.raises(Misconfigured, match="the disk failed"):
        await disk.database.sync()
    disk.fails = False  # a second fsync succeeds, though what the first lost is lost
    with pytest.raises(Misconfigured, match="the disk failed"):
        await disk.database.sync()
    assert disk.synced == 0


async def test_what_others_copied_back_meanwhile_is_no_hindrance(disk: "Disk") -> None:
    await disk.put("a")
    await disk.database.write(lambda c: None)
    with sqlite3.connect(disk.database.path) as other:
        other.execute("PRAGMA wal_checkpoint(PASSIVE)")
    other.close()
    await disk.database.sync()
    assert disk.synced == 1


async def test_other_files_have_nothing_to_sync(tmp_path: Path) -> None:
    database = Database(tmp_path / "rows.db", SCHEMA, sync_file=_never)
    await database.write(lambda c: c.execute("INSERT INTO rows VALUES ('a')").rowcount)
    await database.sync()
    database.close()


class Disk:
    """A file, and what is synced of it."""

    def __init__(self, folder: Path) -> None:
        self.synced = 0
        self.fails = False
        self.database = Database(folder / "rows.db", SCHEMA, is_late=True, sync_file=self._sync)

    async def put(self, content: str) -> None:
        await self.database.write(
            lambda c: c.execute("INSERT INTO rows VALUES (?)", (content,)).rowcount
        )

    async def rows(self) -> list[str]:
        found = await self.database.read(lambda c: c.execute("SELECT * FROM rows").fetchall())
        return [content for (content,) in found]

    def _sync(self, path: Path) -> None:
        if self.fails:
            raise OSError("the disk is gone")
        sync_file(path)
        self.synced += 1


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    opened = Disk(tmp_path)
    yield opened
    opened.database.close()


def _never(path: Path) -> None:
    raise AssertionError(f"{path} is synced by SQLite")


def _wrong(connection: sqlite3.Connection) -> None:
    raise sqlite3.IntegrityError("as told")
