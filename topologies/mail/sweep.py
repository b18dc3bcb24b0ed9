"""Mark and sweep of blobs: what nothing refers to goes, after a grace time.

What is referred to is marked in a Bloom filter, so memory is bounded whatever the size of the
deployment. The filter errs to the safe side alone: with 64 MiB it holds 50 million marks at
1 % of error, which is garbage kept until the next sweep, whose filter errs elsewhere; with ten
times the marks most garbage stays, and a larger filter is wanted. A mark costs about 3 µs.
"""

import secrets
from collections.abc import AsyncIterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from topologies.events.message import BlobId
from topologies.ports.blob_sweep import GRACE, BlobSweep

FILTER_BYTES = 64 * 1024**2
HASHES = 7  # the best number at 10 bits for a mark
BATCH = 200  # blobs deleted at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep came to."""

    marked: int  # references read, one blob as often as it is referred to
    old: int  # blobs older than the grace time
    deleted: int


class Marks:
    """A set of blobs that may hold some that were never added, and lacks none that was."""

    def __init__(self, filter_bytes: int = FILTER_BYTES) -> None:
        self._bits = bytearray(filter_bytes)
        self._salt = secrets.randbits(64)  # so that no garbage is kept for ever

    def add(self, blob: BlobId) -> None:
        """Mark *blob*."""
        bits = self._bits
        for at in self._places(blob):
            bits[at >> 3] |= 1 << (at & 7)

    def __contains__(self, blob: BlobId) -> bool:
        bits = self._bits
        return all(bits[at >> 3] & (1 << (at & 7)) for at in self._places(blob))

    def _places(self, blob: BlobId) -> Iterator[int]:
        # The id is a hash already: two parts of it make as many as are wanted.
        whole = int(blob, 16)
        at, step, size = whole >> 192, ((whole >> 128) ^ self._salt) | 1, len(self._bits) * 8
        for _ in range(HASHES):
            yield at % size
            at += step


async def sweep(
    blobs: BlobSweep,
    used: AsyncIterable[BlobId],
    *,
    now: datetime,
    grace: timedelta = GRACE,
    filter_bytes: int = FILTER_BYTES,
) -> Swept:
    """Delete the blobs that are older than *grace* and not among *used*.

    Args:
        blobs: The store.
        used: All blobs that mails, dead letters and events not yet worked off refer to, read
            from *now* on. When reading them fails, nothing is deleted.
        now: The time before the first of *used* is read.
        grace: At least that of the store, or what is put again meanwhile may be lost.
        filter_bytes: Memory for the marks.

    Raises:
        ValueError: There is no grace time.
    """
    if grace <= timedelta(0):
        raise ValueError("without a grace time a sweep deletes what is just being put")
    before = now - grace
    marks, marked = Marks(filter_bytes), 0
    async for blob in used:
        marks.add(blob)
        marked += 1
    old = deleted = 0
    unused: list[BlobId] = []
    async for blob in blobs.old(before):
        old += 1
        if blob not in marks:
            unused.append(blob)
        if len(unused) == BATCH:
            deleted += await blobs.delete(unused, before)
            unused = []
    if unused:
        deleted += await blobs.delete(unused, before)
    return Swept(marked=marked, old=old, deleted=deleted)
