"""Deleting blobs that nothing refers to any more: what mark and sweep needs of a store.

Only the sweep deletes (``topologies.mail.sweep``), and only what was put longer than the
grace time ago. Whoever puts a content that is there already makes it young again, once it is
older than half the grace time: so between a put and the reference to it there is at least
half the grace time, and a blob that is put again while a sweep runs survives it.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from topologies.events.message import BlobId
from topologies.ports.blobs import Blobs

GRACE = timedelta(days=7)  # far longer than any event waits for the stage that refers to its blobs


class BlobSweep(Protocol):
    """What a store lets the sweep do. Safe beside any number of putters and readers."""

    def old(self, before: datetime) -> AsyncIterator[BlobId]:
        """Yield the blobs that were put before that moment, in no order, in bounded memory.

        What comes, goes or is put again meanwhile may be told or not.

        Raises:
            Retryable: The store is out of reach.
        """
        ...

    async def delete(self, blobs: Sequence[BlobId], before: datetime) -> int:
        """Delete those of *blobs* that still were put before that moment; return how many.

        One that was put again since it was told by ``old`` stays, also when that happens at
        this very moment.

        Raises:
            Retryable: The store is out of reach; some may be deleted.
        """
        ...


class SweptBlobs(Blobs, BlobSweep, Protocol):
    """A store of which both can be asked."""
