"""What a process that takes mail says to the service that started it.

Lines over a pair of sockets. An empty line says that something was appended to the log; else a
line is JSON. None has to arrive: what was appended is found by the service sooner or later, and
figures come again. The pair also tells each side that the other is gone, however it ended.
"""

import asyncio
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

LINE_BYTES = 64 * 1024  # read at once; no line is longer


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process takes mail."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It never will, as it is set up."""

    reason: str


class Figures(msgspec.Struct, frozen=True, tag="figures"):
    """How much it has to do."""

    sessions: int
    answers: dict[str, int] = {}  # since it began, by codes


Word = Ready | Failed | Figures


class ToService:
    """The side of the process that takes mail; used in its event loop."""

    def __init__(self, channel: socket.socket) -> None:
        """Speak by *channel*, which never makes us wait."""
        channel.setblocking(False)
        self._channel = channel
        self._is_to_hint = False

    def hint(self) -> None:
        """Say that something was appended; once for all that is in the same moment."""
        if not self._is_to_hint:
            self._is_to_hint = True
            asyncio.get_running_loop().call_soon(self._hint)

    def say(self, word: Word) -> None:
        """Say *word*, or nothing while nobody listens."""
        self._send(msgspec.json.encode(word) + b"\n")

    def watch(self, on_gone: Callable[[], None], grace_s: float) -> None:
        """Call *on_gone* in the loop when the service is gone; *grace_s* later, end for good.

        In a thread of its own, since a loop that hangs must not keep a process for ever whose
        place another wants.
        """
        loop = asyncio.get_running_loop()

        def wait() -> None:
            poll = select.poll()
            poll.register(self._channel, select.POLLIN)
            poll.poll()  # it never says anything, so this is its end
            loop.call_soon_threadsafe(on_gone)
            time.sleep(grace_s)
            os._exit(1)

        threading.Thread(target=wait, name="watch-service", daemon=True).start()

    def _hint(self) -> None:
        self._is_to_hint = False
        self._send(b"\n")

    def _send(self, line: bytes) -> None:
        try:
            self._channel.send(line)
        except OSError:
            return  # it has enough to read, or is gone, which ``watch`` sees


class Lines:
    """What comes in pieces, as words."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> tuple[bool, Sequence[Word]]:
        """Return whether anything was appended, and what else was said."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LINE_BYTES:
            self._rest = b""
        words: list[Word] = []
        for line in filter(None, lines):
            try:
                words.append(msgspec.json.decode(line, type=Word))
            except msgspec.DecodeError:
                continue  # cut off, since nobody listened for long
        return b"" in lines, words
