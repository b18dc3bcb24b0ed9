"""One connection to clamd: a session in which contents are sent one after the other.

Speaks IDSESSION and INSTREAM as clamd(8) has them: a session is numbered from 1, each
reply begins with the number of its command and ends with a NUL. Knows no verdicts.
"""

import asyncio
from collections.abc import Iterator
from typing import cast

PIECE_BYTES = 128 * 1024  # written at once, so that no content lies in memory twice
LONGEST_REPLY_BYTES = 4_096
END_OF_STREAM = bytes(4)


class NotScanned(Exception):
    """The connection broke, or what came back is no reply: nobody knows what is in it."""


class Connection(asyncio.Protocol):
    """A session with clamd; one content at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._reply: asyncio.Future[bytes] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._lost: NotScanned | None = None
        self._number = 0
        self.opened_at = self._loop.time()

    @property
    def is_usable(self) -> bool:
        """Whether it is still open, and everything received was asked for."""
        return self._lost is None and not self._received

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was sent on it yet."""
        return self._number == 0

    async def scan(self, content: bytes) -> str:
        """Return what clamd says of *content*: its reply behind ``stream:``.

        Raises:
            NotScanned: The connection broke before the reply was there, or it is none.
        """
        greeting = b"zIDSESSION\0zINSTREAM\0" if self.is_fresh else b"zINSTREAM\0"
        self._number += 1
        self._reply = reply = self._loop.create_future()
        if self._lost is not None:
            reply.set_exception(self._lost)
        try:
            is_whole = await self._send(_pieces(greeting, content), reply)
            return (_text_of if is_whole else _error_of)(await reply, self._number)
        finally:
            self._reply = None
            if reply.done() and not reply.cancelled():
                reply.exception()  # seen, also if nobody waited for it
            reply.cancel()

    def close(self) -> None:
        """Drop the connection and what is under way on it."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\0")
        if end >= 0 and self._reply is not None and not self._reply.done():
            self._reply.set_result(bytes(self._received[:end]))
            del self._received[: end + 1]
        elif end < 0 and len(self._received) > LONGEST_REPLY_BYTES:
            self._break("what came back is no reply of clamd")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(f"the connection broke: {exc}" if exc else "clamd closed the connection")

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    async def _send(
        self, pieces: Iterator[bytes | memoryview], reply: asyncio.Future[bytes]
    ) -> bool:
        """Send *pieces*; return False if clamd has heard enough before their end."""
        for piece in pieces:
            if reply.done() or self._transport is None or self._transport.is_closing():
                return False
            self._transport.write(piece)
            if self._writable is not None:
                await self._writable
        return True

    def _break(self, reason: str) -> None:
        self._lost = self._lost or NotScanned(reason)
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(self._lost)
        self.resume_writing()


def _pieces(greeting: bytes, content: bytes) -> Iterator[bytes | memoryview]:
    """Yield what is written: one chunk of INSTREAM with all of *content*, if there is any."""
    head = greeting + (len(content).to_bytes(4, "big") if content else b"")
    if len(content) <= PIECE_BYTES:
        yield head + content + END_OF_STREAM
        return
    yield head
    view = memoryview(content)
    for at in range(0, len(content), PIECE_BYTES):
        yield view[at : at + PIECE_BYTES]
    yield END_OF_STREAM


def _text_of(reply: bytes, number: int) -> str:
    text = reply.decode("utf-8", "replace")
    start = f"{number}: stream: "
    return text[len(start) :] if text.startswith(start) else _error_of(reply, number)


def _error_of(reply: bytes, number: int) -> str:
    """Return what went wrong with a stream: told without its name, at times without its number."""
    text = reply.decode("utf-8", "replace").removeprefix(f"{number}: ").removeprefix("stream: ")
    if not text.endswith(" ERROR"):
        # A verdict before all was sent is none.
        raise NotScanned("what came back is no reply of clamd")
    return text
