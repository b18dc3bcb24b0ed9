"""Where raw messages, attachments and large bodies lie, keyed by their content."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from topologies.events.message import BlobId


class Blobs(Protocol):
    """Content-addressed storage: a blob's id is the SHA-256 of its bytes.

    One copy for a thousand recipients. Nothing here deletes: that is done by
    mark and sweep with a grace time, never by whoever drops a reference.
    """

    async def put(self, contents: Sequence[bytes]) -> list[BlobId]:
        """Store *contents*; return their ids, in order, when all are durable.

        Putting the same content again is free and no error.

        Raises:
            NoSpace: The store is full or nearly so.
            Retryable: The store is out of reach.
        """
        ...

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[BlobId, int]:
        """Store one large content in bounded memory; return its id and size in bytes."""
        ...

    async def get(self, blob: BlobId) -> bytes:
        """Return the content.

        Raises:
            BlobMissing: There is no such blob.
        """
        ...

    def stream(self, blob: BlobId, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from *start* up to but without *end*, in bounded memory.

        Raises:
            BlobMissing: There is no such blob; raised at the first step.
        """
        ...

    async def size(self, blob: BlobId) -> int:
        """Return the content's size in bytes.

        Raises:
            BlobMissing: There is no such blob.
        """
        ...
