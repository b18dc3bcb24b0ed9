"""Blobs that live as long as the process."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

from topologies.errors import BlobMissing
from topologies.events.message import BlobId

CHUNK_BYTES = 64 * 1024


class MemoryBlobs:
    """Content by its SHA-256, and when it was put last."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._contents: dict[BlobId, bytes] = {}
        self._put_at: dict[BlobId, datetime] = {}
        self._now = now

    async def put(self, contents: Sequence[bytes]) -> list[BlobId]:
        ids = [hashlib.sha256(content).hexdigest() for content in contents]
        self._contents.update(zip(ids, contents, strict=True))
        self._put_at |= dict.fromkeys(ids, self._now())
        return ids

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[BlobId, int]:
        content = b"".join([chunk async for chunk in chunks])
        [blob] = await self.put([content])
        return blob, len(content)

    async def get(self, blob: BlobId) -> bytes:
        try:
            return self._contents[blob]
        except KeyError:
            raise BlobMissing(f"there is no blob {blob}") from None

    async def stream(
        self, blob: BlobId, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        content = await self.get(blob)
        last = len(content) if end is None else min(end, len(content))
        for at in range(start, last, CHUNK_BYTES):
            yield content[at : min(at + CHUNK_BYTES, last)]

    async def size(self, blob: BlobId) -> int:
        return len(await self.get(blob))

    async def old(self, before: datetime) -> AsyncIterator[BlobId]:
        for blob in [blob for blob, put_at in self._put_at.items() if put_at < before]:
            yield blob

    async def delete(self, blobs: Sequence[BlobId], before: datetime) -> int:
        going = [blob for blob in set(blobs) if blob in self._put_at]
        going = [blob for blob in going if self._put_at[blob] < before]
        for blob in going:
            del self._contents[blob], self._put_at[blob]
        return len(going)
