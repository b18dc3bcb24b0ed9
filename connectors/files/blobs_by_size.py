"""Two blob stores as one: small contents go to one, large ones to the other.

A database takes many small contents with one sync of the disk, and files take large ones
without copying them twice. Where a blob lies follows from its size alone.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from topologies.errors import BlobMissing
from topologies.events import BlobId
from topologies.ports.blob_sweep import SweptBlobs

SMALL_BYTES = 128 * 1024  # the largest content that is small


class BlobsBySize:
    """A ``SweptBlobs`` of two."""

    def __init__(self, small: SweptBlobs, large: SweptBlobs) -> None:
        self._small = small
        self._large = large

    async def put(self, contents: Sequence[bytes]) -> list[BlobId]:
        small = [content for content in contents if len(content) <= SMALL_BYTES]
        large = [content for content in contents if len(content) > SMALL_BYTES]
        put_small = iter(await self._small.put(small))
        put_large = iter(await self._large.put(large) if large else ())
        return [next(put_small if len(c) <= SMALL_BYTES else put_large) for c in contents]

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[BlobId, int]:
        begun: list[bytes] = []
        size = 0
        async for chunk in chunks:
            begun.append(chunk)
            size += len(chunk)
            if size > SMALL_BYTES:
                return await self._large.put_stream(_all(begun, chunks))
        [blob] = await self._small.put([b"".join(begun)])
        return blob, size

    async def get(self, blob: BlobId) -> bytes:
        try:
            return await self._small.get(blob)
        except BlobMissing:
            return await self._large.get(blob)

    async def stream(
        self, blob: BlobId, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        try:
            await self._small.size(blob)
            chunks = self._small.stream(blob, start, end)
        except BlobMissing:
            chunks = self._large.stream(blob, start, end)
        async for chunk in chunks:
            yield chunk

    async def size(self, blob: BlobId) -> int:
        try:
            return await self._small.size(blob)
        except BlobMissing:
            return await self._large.size(blob)

    async def old(self, before: datetime) -> AsyncIterator[BlobId]:
        for blobs in (self._small, self._large):
            async for blob in blobs.old(before):
                yield blob

    async def delete(self, blobs: Sequence[BlobId], before: datetime) -> int:
        small = await self._small.delete(blobs, before)
        return small + await self._large.delete(blobs, before)


async def _all(begun: Sequence[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in begun:
        yield chunk
    async for chunk in rest:
        yield chunk
