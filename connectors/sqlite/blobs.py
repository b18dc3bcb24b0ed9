"""Blobs in one SQLite file: for small ones, of which many share one sync of the disk."""

import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from connectors.sqlite.database import Database
from topologies.errors import BlobMissing, NoSpace
from topologies.events import BlobId

MIGRATIONS = ("CREATE TABLE blobs (id BLOB PRIMARY KEY, content BLOB NOT NULL)",)
PAGE_BYTES = 16 * 1024  # a message fits in one or two, rather than in a chain of many
CHUNK_BYTES = 64 * 1024


class SqliteBlobs:
    """The blobs in one file."""

    def __init__(
        self, database: Database, *, disk_reserve_bytes: int, disk_free: Callable[[], int]
    ) -> None:
        """Use *database*, which was opened with ``MIGRATIONS`` and is closed by its opener."""
        self._database = database
        self._disk_reserve_bytes = disk_reserve_bytes
        self._disk_free = disk_free

    async def put(self, contents: Sequence[bytes]) -> list[BlobId]:
        named = [(hashlib.sha256(content).digest(), content) for content in contents]
        if named:
            if self._disk_free() < self._disk_reserve_bytes:
                raise NoSpace("the disk is nearly full")
            await self._database.write(lambda c: _write(c, named))
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

    def _found(self, blob: BlobId, query: str) -> Any:
        key = (bytes.fromhex(blob),)
        row = self._database.read_now(lambda c: c.execute(query, key).fetchone())
        if row is None:
            raise BlobMissing(f"there is no blob {blob}")
        return row[0]


def _write(connection: sqlite3.Connection, named: Sequence[tuple[bytes, bytes]]) -> None:
    connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?, ?)", named)
