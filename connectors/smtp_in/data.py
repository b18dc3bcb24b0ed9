"""The message after DATA: where it ends, and which dots are not its own.

Reads blocks, not lines: a line may have 25 MB (RFC 5321 §4.5.3.1.6 lets a server take lines
of more than 1,000 bytes, and people send them). The only end is CRLF.CRLF. A message in which
a CR or LF stands alone is read to that end and refused: what other servers take for a line's
end, and so for a second message, never gets in (RFC 5321 §2.3.8, §4.1.1.4).
"""

from connectors.smtp_in import replies
from connectors.smtp_in.message import SKIPPED_SIZES, Pace, Refused
from connectors.smtp_in.wire import ClientGone, Wire

_DOT = b"\r\n."
_END = b"\r\n.\r\n"
_NO_END = bytes(set(range(256)) - set(b"\r\n"))  # deleted faster than CR and LF are counted


class Unstuffer:
    """Undoes the transparency of RFC 5321 §4.5.2, in whatever blocks the message comes.

    Attributes:
        is_over: The end was met.
        rest: What came after it.
        has_bare: A CR or LF stands alone so far.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.rest = b""
        self.has_bare = False
        # The end of the DATA line counts as the first CRLF; it is no part of the message.
        self._held = b"\r\n"
        self._is_first = True

    def feed(self, block: bytes) -> bytes:
        """Return what *block* adds to the message; not to be called after its end."""
        data = self._held + block
        dot = data.find(_DOT)
        end = data.find(_END, dot) if dot >= 0 else -1
        if end >= 0:
            self.is_over = True
            self.rest = data[end + len(_END) :]
            data, self._held = data[: end + 2], b""
        else:
            # What may be the beginning of the end waits for the next block.
            held = next((n for n in (4, 3, 2, 1) if data.endswith(_END[:n])), 0)
            data, self._held = data[: len(data) - held], data[len(data) - held :]
        if not data:
            return b""
        if len(data.translate(None, _NO_END)) != 2 * data.count(b"\r\n"):
            self.has_bare = True
        if 0 <= dot < len(data) - 2:  # each look through a message counts, where it is a large one
            data = data.replace(_DOT, b"\r\n")
        if self._is_first:
            self._is_first = False
            return data[2:]
        return data


class Stuffed:
    """A message on its way after DATA: a ``Source``."""

    def __init__(self, wire: Wire, *, max_bytes: int, pace: Pace) -> None:
        """Read from *wire*, as soon as asked."""
        self.size_bytes = 0
        self._wire = wire
        self._max_bytes = max_bytes
        self._pace = pace
        self._unstuffer = Unstuffer()

    async def next(self) -> bytes:
        """Return the next piece, empty at the end.

        Raises:
            Refused: It will not be taken; its end is still to be read.
        """
        while not self._unstuffer.is_over:
            piece = await self._feed()
            self.size_bytes += len(piece)
            if self._unstuffer.has_bare:
                raise Refused(replies.BARE_LINE_END)
            if self.size_bytes > self._max_bytes:
                raise Refused(replies.TOO_BIG.format(max_bytes=self._max_bytes))
            if piece:
                return piece
        return b""

    async def skip(self) -> None:
        """Read to the end and keep nothing.

        Raises:
            ClientGone: So much came that we hang up.
        """
        skipped = self.size_bytes
        while not self._unstuffer.is_over:
            skipped += len(await self._feed())
            if skipped > SKIPPED_SIZES * self._max_bytes:
                raise ClientGone

    async def _feed(self) -> bytes:
        block = await self._wire.block()
        self._pace.add(len(block))
        piece = self._unstuffer.feed(block)
        if self._unstuffer.is_over:
            self._wire.put_back(self._unstuffer.rest)
        return piece
