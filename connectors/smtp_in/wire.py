"""Lines and blocks of one connection, and the replies that wait to be sent.

Reads whatever has arrived and keeps what was read too far. Replies to pipelined commands
leave together, at the latest before the next wait for the client (RFC 2920 §3.2).
"""

import asyncio
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable

BLOCK_BYTES = 64 * 1024  # read at once; twice that waits in the reader before TCP slows down
LINES_IN_ONE_GO = 20  # pipelined commands, before others have their turn


class ClientGone(Exception):
    """The client closed or lost the connection. No OSError: those are of disks too."""


class Wire:
    """What came from a client and goes to it, in memory bounded by ``BLOCK_BYTES``."""

    def __init__(
        self, reader: StreamReader, writer: StreamWriter, on_block: Callable[[], None]
    ) -> None:
        """Read from *reader* and write to *writer*; *on_block* hears of every block."""
        self.is_waiting = False  # for something to come
        self.is_sending = False  # waits for a client that doesn't read
        self.waited_s = 0.0  # for blocks to come, in all
        self._reader = reader
        self._writer = writer
        self._on_block = on_block
        self._kept = bytearray()  # read, but not yet asked for
        self._lines = 0
        self._replies: list[str] = []

    async def line(self) -> bytes | None:
        """Return the next line with its end; None for one too long, which is skipped.

        Raises:
            ClientGone: No line came any more.
        """
        self._lines += 1
        if self._lines % LINES_IN_ONE_GO == 0:
            await self.flush()
            await asyncio.sleep(0)
        is_too_long = False
        while (end := self._kept.find(b"\n")) < 0:
            if len(self._kept) > BLOCK_BYTES:
                is_too_long = True
                self._kept.clear()
            self._kept += await self._read()
        line = bytes(self._kept[: end + 1])
        del self._kept[: end + 1]
        return None if is_too_long else line

    async def block(self, most: int = BLOCK_BYTES) -> bytes:
        """Return what is there, or comes next: at least one byte, and *most* at most.

        Raises:
            ClientGone: Nothing came any more.
        """
        if not self._kept:
            began_at = time.monotonic()
            block = await self._read()
            self.waited_s += time.monotonic() - began_at
            self._on_block()
            if len(block) <= most:
                return block
            self._kept += block
        block = bytes(self._kept[:most])
        del self._kept[:most]
        return block

    async def pause(self, seconds: float) -> None:
        """Send what waits, then let the client wait; to stop, the service need not."""
        await self.flush()
        self.is_waiting = True
        try:
            await asyncio.sleep(seconds)
        finally:
            self.is_waiting = False

    def put_back(self, data: bytes) -> None:
        """Take back *data*, which was read too far."""
        self._kept[:0] = data

    def discard(self) -> None:
        """Forget all that came and was not asked for."""
        self._kept.clear()
        # Not only ours: a buffer survives the change to TLS (RFC 3207 §6).
        self._reader._buffer.clear()  # type: ignore[attr-defined]

    def say(self, reply: str) -> None:
        """Send *reply* with the next ones."""
        self._replies.append(reply)

    async def flush(self) -> None:
        """Send what waits."""
        if self._replies:
            self.send_now()
            self.is_sending = True
            try:
                await self._writer.drain()
            finally:
                self.is_sending = False

    def send_now(self) -> None:
        """Send what waits without a wait for slow clients."""
        lines = "".join(f"{reply}\r\n" for reply in self._replies)
        self._replies.clear()
        self._writer.write(lines.encode("utf-8", "replace"))

    async def _read(self) -> bytes:
        await self.flush()
        self.is_waiting = True
        try:
            data = await self._reader.read(BLOCK_BYTES)
        finally:
            self.is_waiting = False
        if not data:
            raise ClientGone
        return data
