"""Blobs in one SQLite file: for small ones, of which many share one sync of the disk.

A row's key is when it was put, so that rows lie in that order: what is old is found without
an index or a scan, and a put writes nothing besides for it.
"""

import functools
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sqlite.database import Database
from topologies.errors import BlobMissing, NoSpace
from topologies.events import BlobId
from topologies.ports.blob_sweep import GRACE

MIGRATIONS = (
    "CREATE TABLE blobs (id BLOB PRIMARY KEY, content BLOB NOT NULL)",
    # put_us: Unix time in microseconds, or the next number if that is taken
    """
    CREATE TABLE put_blobs (
        put_us INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, content BLOB NOT NULL
    );
    INSERT INTO put_blobs
        SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + rowid, id, content FROM blobs
        ORDER BY rowid;
    DROP TABLE blobs;
    ALTER TABLE put_blobs RENAME TO blobs
    """,
)
PAGE_BYTES = 16 * 1024  # a message fits in one or two, rather than in a chain of many
CHUNK_BYTES = 64 * 1024
LISTED_AT_ONCE = 1_000


class SqliteBlobs:
    """The blobs in one file."""

    def __init__(
        self,
        database: Database,
        *,
        disk_reserve_bytes: int,
        disk_free: Callable[[], int],
        grace: timedelta = GRACE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use *database*, which was opened with ``MIGRATIONS`` and is closed by its opener."""
        self._database = database
        self._grace = grace
        self._now = now
        self._disk_reserve_bytes = disk_reserve_bytes
        self._disk_free = disk_free

    async def put(self, contents: Sequence[bytes]) -> list[BlobId]:
        named = [(hashlib.sha256(content).digest(), content) for content in contents]
        if named:
            if self._disk_free() < self._disk_reserve_bytes:
                raise NoSpace("the disk is nearly full")
            put_us = _microseconds(self._now())
            old_us = put_us - _duration_us(self._grace / 2)
            await self._database.write(lambda c: _write(c, named, put_us, old_us))
        return [digest.hex() for digest, _ in named]

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[BlobId, int]:
        content = b"".join([chunk async for chunk in chunks])
        [blob] = await self.put([content])
        return blob, len(content)

    async def get(self, blob: BlobId) -> bytes:
        return self._found(blob, "SELECT content FROM blobs WHERE id = ?")

    async def stream(
        self, blob: BlobId, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        content = (await self.get(blob))[start:end]
        for at in range(0, len(content), CHUNK_BYTES):
            yield content[at : at + CHUNK_BYTES]

    async def size(self, blob: BlobId) -> int:
        return self._found(blob, "SELECT length(content) FROM blobs WHERE id = ?")

    async def old(self, before: datetime) -> AsyncIterator[BlobId]:
        before_us, found = _microseconds(before), [(-1, b"")]
        while found:
            after_us, _ = found[-1]
            list_them = functools.partial(_listed, after_us=after_us, before_us=before_us)
            found = await self._database.read(list_them)
            for _, blob in found:
                yield blob.hex()

    async def delete(self, blobs: Sequence[BlobId], before: datetime) -> int:
        keys, before_us = [bytes.fromhex(blob) for blob in blobs], _microseconds(before)
        return await self._database.write(lambda c: _delete(c, keys, before_us))

    def _found(self, blob: BlobId, query: str) -> Any:
        key = (bytes.fromhex(blob),)
        row = self._database.read_now(lambda c: c.execute(query, key).fetchone())
        if row is None:
            raise BlobMissing(f"there is no blob {blob}")
        return row[0]


def _write(
    connection: sqlite3.Connection, named: Sequence[tuple[bytes, bytes]], put_us: int, old_us: int
) -> None:
    [last_us] = connection.execute("SELECT max(put_us) FROM blobs").fetchone()
    first_us = max(put_us, (last_us or 0) + 1)
    connection.executemany(
        # What is there and old becomes young again, or the sweep may take it.
        "INSERT INTO blobs VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET put_us = excluded.put_us WHERE put_us <= ?",
        [(us, blob, content, old_us) for us, (blob, content) in enumerate(named, start=first_us)],
    )


def _listed(
    connection: sqlite3.Connection, *, after_us: int, before_us: int
) -> list[tuple[int, bytes]]:
    query = "SELECT put_us, id FROM blobs WHERE put_us > ? AND put_us < ? ORDER BY put_us LIMIT ?"
    return connection.execute(query, (after_us, before_us, LISTED_AT_ONCE)).fetchall()


def _delete(connection: sqlite3.Connection, keys: Sequence[bytes], before_us: int) -> int:
    query = "DELETE FROM blobs WHERE id = ? AND put_us < ?"
    return connection.executemany(query, [(key, before_us) for key in keys]).rowcount


def _microseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def _duration_us(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
