"""A message that comes: kept in memory while it is small, else put into the blob store.

How it comes, after DATA or in the chunks of BDAT, is a ``Source``'s business.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.smtp_in.wire import BLOCK_BYTES, Wire
from topologies.errors import Retryable
from topologies.events import RAW_INLINE_BYTES, Event
from topologies.events.message import BlobId
from topologies.ports.blobs import Blobs

SKIPPED_SIZES = 8  # how many times the largest message is read of one that is refused
PACE_S = 60.0  # of waiting, over which a client's speed is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A message that is safe to be referred to: one of ``raw`` and ``raw_blob`` is set."""

    size_bytes: int
    start: bytes  # all of it, or somewhat more than RAW_INLINE_BYTES
    raw: bytes | None = None
    raw_blob: BlobId | None = None


class Refused(Exception):
    """The message was read to its end and is not taken.

    Attributes:
        reply: Why.
        is_logged: A check said so, and that was logged.
        told: Facts for others, to be written if that can be done.
    """

    def __init__(self, reply: str, *, is_logged: bool = False, told: Sequence[Event] = ()) -> None:
        super().__init__(reply)
        self.reply = reply
        self.is_logged = is_logged
        self.told = told


class TooSlow(Exception):
    """The client drips, to keep its place for ever."""


class Source(Protocol):
    """A message on its way."""

    @property
    def size_bytes(self) -> int:
        """How much has come so far."""
        ...

    async def next(self) -> bytes:
        """Return the next piece, empty at the end.

        Raises:
            Refused: It will not be taken; its end is still to be read.
        """
        ...

    async def skip(self) -> None:
        """Read to the end and keep nothing."""
        ...


class Pace:
    """How fast a client sends; the time in which we make it wait is not its fault."""

    def __init__(self, wire: Wire, least_bytes_per_s: float) -> None:
        """Measure from now on; 0 bytes a second is any speed."""
        self._wire = wire
        self._least = least_bytes_per_s
        self._since_s = wire.waited_s
        self._bytes = 0

    def add(self, size_bytes: int) -> None:
        """Take note that so many bytes came.

        Raises:
            TooSlow: They were too few, over a minute of waiting or more.
        """
        self._bytes += size_bytes
        waited_s = self._wire.waited_s - self._since_s
        if waited_s < PACE_S:
            return
        if self._bytes < self._least * waited_s:
            raise TooSlow
        self._since_s, self._bytes = self._wire.waited_s, 0


async def receive(source: Source, blobs: Blobs) -> Content:
    """Return the message of *source*, once it is in memory or durable in the blob store.

    Raises:
        Refused: It is not taken; its end was read.
        Retryable: The blob store can't take it (``NoSpace``: is full); its end was read.
        TooSlow: Its client is.
        ClientGone: It never ended.
    """
    try:
        return await _taken(source, blobs)
    except (Refused, Retryable):
        await source.skip()
        raise


async def _taken(source: Source, blobs: Blobs) -> Content:
    pieces: list[bytes] = []
    while source.size_bytes <= RAW_INLINE_BYTES and (piece := await source.next()):
        pieces.append(piece)
    start = b"".join(pieces)
    if source.size_bytes <= RAW_INLINE_BYTES:
        return Content(size_bytes=len(start), start=start, raw=start)
    blob, size_bytes = await blobs.put_stream(_all(start, source))
    return Content(size_bytes=size_bytes, start=start, raw_blob=blob)


async def _all(start: bytes, source: Source) -> AsyncIterator[bytes]:
    yield start
    pieces, size_bytes = list[bytes](), 0
    while piece := await source.next():
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes >= BLOCK_BYTES:  # a store has work with each, however small
            yield b"".join(pieces)
            pieces, size_bytes = [], 0
    if pieces:
        yield b"".join(pieces)
