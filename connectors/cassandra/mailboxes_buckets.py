"""Which stretches of time a folder's listing is cut into, and how many mails lie in each; pure.

A bucket is one partition of the table `emails`. It covers the mails from its `start` up to the
next bucket's, and has a bounded number of rows: when it is full, the next mail beyond its
newest begins another. Since every bucket tells what it holds, a listing reads only those it
shows, and never one that has nothing but deleted rows.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

import msgspec

FULL = 1_000  # rows, deleted ones included; a mail at the edge begins the next bucket


class Bucket(msgspec.Struct, array_like=True):
    """One partition of a listing."""

    number: int  # names the partition; never used again
    start: bytes  # no mail in it has a lower id
    newest: bytes  # none ever had a higher one
    live: int = 0
    unread: int = 0
    dead: int = 0  # rows deleted since the partition was begun

    @property
    def rows(self) -> int:
        """All rows that a reader may have to step over."""
        return self.live + self.dead

    def count(self, is_read: bool | None) -> int:
        """Return how many mails it has, or those read or unread."""
        return {None: self.live, True: self.live - self.unread, False: self.unread}[is_read]


class Buckets:
    """The buckets of one folder, oldest first."""

    def __init__(self, buckets: Sequence[Bucket] = (), *, full: int = FULL) -> None:
        """Use *buckets*, each of which takes *full* rows before the next one is begun."""
        self._buckets = list(buckets)
        self._full = full

    def __iter__(self) -> Iterator[Bucket]:
        return iter(self._buckets)

    def __len__(self) -> int:
        return len(self._buckets)

    def of(self, key: bytes) -> Bucket | None:
        """Return the bucket in which the mail is, if it is in this folder."""
        place = self._place(key)
        return self._buckets[place] if place >= 0 else None

    def is_worn(self, bucket: Bucket) -> bool:
        """Tell whether it should be written anew: it grew within, or is full of deleted rows."""
        return bucket.rows >= 2 * self._full or bucket.dead > bucket.live + self._full // 4

    def add(self, key: bytes, *, is_read: bool, number: Callable[[], int]) -> Bucket:
        """Count a mail in, and return its bucket; *number* names a new one if it comes to that."""
        place = self._place(key)
        bucket = self._room(place, key)
        if bucket is None:
            bucket = Bucket(number(), key, key)
            self._buckets.insert(place + 1, bucket)
        bucket.live += 1
        bucket.unread += not is_read
        bucket.start = min(bucket.start, key)
        bucket.newest = max(bucket.newest, key)
        return bucket

    def remove(self, key: bytes, *, was_read: bool) -> Bucket:
        """Count a mail out, and return the bucket it was in, which is dropped if it was the last.

        Raises:
            KeyError: No bucket covers it.
        """
        place = self._place(key)
        if place < 0:
            raise KeyError(key)
        bucket = self._buckets[place]
        bucket.live -= 1
        bucket.dead += 1
        bucket.unread -= not was_read
        if bucket.live <= 0:
            del self._buckets[place]
        return bucket

    def mark(self, key: bytes, *, was_read: bool, is_read: bool) -> Bucket:
        """Count a mail as read or unread, and return its bucket.

        Raises:
            KeyError: No bucket covers it.
        """
        bucket = self.of(key)
        if bucket is None:
            raise KeyError(key)
        bucket.unread += was_read - is_read
        return bucket

    def replace(self, bucket: Bucket, by: Sequence[Bucket]) -> None:
        """Put others in the place of *bucket*."""
        place = self._buckets.index(bucket)
        self._buckets[place : place + 1] = by

    def halves(self, rows: Sequence[tuple[bytes, bool]], number: Callable[[], int]) -> list[Bucket]:
        """Return fresh buckets that hold *rows* (key, is_read) in any order: one, or two."""
        ordered = sorted(rows)
        middle = len(ordered) // 2
        is_large = len(ordered) > self._full
        parts = [ordered[:middle], ordered[middle:]] if is_large else [ordered]
        return [
            Bucket(
                number=number(),
                start=part[0][0],
                newest=part[-1][0],
                live=len(part),
                unread=sum(not is_read for _, is_read in part),
            )
            for part in parts
            if part
        ]

    def _place(self, key: bytes) -> int:
        return bisect_right(self._buckets, key, key=_start_of) - 1

    def _room(self, place: int, key: bytes) -> Bucket | None:
        """Return the bucket that takes the mail in, None if it begins one."""
        bucket = self._buckets[place] if place >= 0 else None
        if bucket is not None and (bucket.rows < self._full or key <= bucket.newest):
            return bucket
        after = self._buckets[place + 1] if place + 1 < len(self._buckets) else None
        return after if after is not None and after.rows < self._full else None


_buckets = msgspec.msgpack.Decoder(list[Bucket]).decode
_encode = msgspec.msgpack.Encoder().encode


def kept_of(buckets: Buckets) -> bytes:
    """Return *buckets* as they are kept."""
    return _encode(list(buckets))


def buckets_of(kept: bytes | None, full: int = FULL) -> Buckets:
    """Return what ``kept_of`` was given; each takes *full* rows from now on."""
    return Buckets(_buckets(kept) if kept else (), full=full)


def _start_of(bucket: Bucket) -> bytes:
    return bucket.start
