"""The message in chunks: BDAT (RFC 3030), each with its size before it.

Reads exactly so many octets as were told, so dots and line ends mean nothing here. Still a CR
or LF that stands alone is let in with BODY=BINARYMIME alone: what was received in chunks may be
handed on by DATA.
"""

from collections.abc import Awaitable, Callable

from connectors.smtp_in import replies
from connectors.smtp_in.envelope import Chunk
from connectors.smtp_in.message import SKIPPED_SIZES, Pace, Refused
from connectors.smtp_in.wire import BLOCK_BYTES, ClientGone, Wire


class LineEnds:
    """Whether a CR or LF stands alone in what comes in pieces."""

    def __init__(self) -> None:
        self.has_bare = False
        self._ends_with_cr = False

    def feed(self, piece: bytes) -> None:
        """Look at the next piece."""
        if not piece:
            return
        data = b"\r" + piece if self._ends_with_cr else piece
        self._ends_with_cr = data.endswith(b"\r")
        pairs = data.count(b"\r\n")
        if data.count(b"\r") - self._ends_with_cr != pairs or data.count(b"\n") != pairs:
            self.has_bare = True

    def end(self) -> None:
        """Nothing more comes."""
        if self._ends_with_cr:
            self.has_bare = True


class Chunked:
    """A message on its way in chunks: a ``Source``."""

    def __init__(
        self,
        wire: Wire,
        first: Chunk,
        next_chunk: Callable[[int], Awaitable[Chunk]],
        *,
        max_bytes: int,
        pace: Pace,
        is_binary: bool,
    ) -> None:
        """Read from *wire*, as soon as asked.

        Args:
            wire: It has come to the first octet of *first*.
            first: The first chunk.
            next_chunk: Answers the chunk that was read, whose size it is given, and returns the
                next.
            max_bytes: Of the whole message.
            pace: Of the client.
            is_binary: CR and LF are octets like others.
        """
        self.size_bytes = 0
        self._wire = wire
        self._chunk = first
        self._left = first.size_bytes
        self._next_chunk = next_chunk
        self._max_bytes = max_bytes
        self._pace = pace
        self._ends = None if is_binary else LineEnds()

    async def next(self) -> bytes:
        """Return the next piece, empty at the end of the last chunk.

        Raises:
            Refused: It will not be taken; the rest of the chunk is still to be read.
        """
        # Known before it comes: none of a chunk that is too large need be kept.
        if self.size_bytes + self._left > self._max_bytes:
            raise Refused(replies.TOO_BIG.format(max_bytes=self._max_bytes))
        while not self._left:
            if self._chunk.is_last:
                if self._ends is not None:
                    self._ends.end()
                    self._refuse_bare()
                return b""
            self._chunk = await self._next_chunk(self._chunk.size_bytes)
            self._left = self._chunk.size_bytes
            if self.size_bytes + self._left > self._max_bytes:
                raise Refused(replies.TOO_BIG.format(max_bytes=self._max_bytes))
        piece = await self._piece()
        self.size_bytes += len(piece)
        if self._ends is not None:
            self._ends.feed(piece)
            self._refuse_bare()
        return piece

    async def skip(self) -> None:
        """Read to the end of the chunk and keep nothing: the client sees the answer then."""
        if self._left > SKIPPED_SIZES * self._max_bytes:
            raise ClientGone
        while self._left:
            await self._piece()

    async def _piece(self) -> bytes:
        block = await self._wire.block(min(self._left, BLOCK_BYTES))
        self._pace.add(len(block))
        self._left -= len(block)
        return block

    def _refuse_bare(self) -> None:
        if self._ends is not None and self._ends.has_bare:
            raise Refused(replies.BARE_LINE_END)


async def skip(wire: Wire, chunk: Chunk, *, max_bytes: int, pace: Pace) -> None:
    """Read a chunk that belongs to no message, and keep nothing.

    Raises:
        ClientGone: It is so large that we hang up.
    """

    async def no_more(_: int) -> Chunk:
        raise ClientGone

    await Chunked(wire, chunk, no_more, max_bytes=max_bytes, pace=pace, is_binary=True).skip()
