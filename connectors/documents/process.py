"""A process that reads documents, each in a fork of its own: ``child`` as seen from here."""

import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import SHUT_RDWR, SHUT_WR, send_fds, socket, socketpair

IDLE_S = 60  # then it ends, and the next document starts another
GRACE_S = 5.0  # beyond what a document may take by the clock
PIECE_BYTES = 64 * 1024
CHILD = Path(__file__).with_name("child.py")
TAKEN = b"\x01"  # as in the child, which imports nothing of ours


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may take: bytes of text, seconds of CPU, and seconds by the clock."""

    longest_bytes: int
    cpu_s: int
    longest_s: int


class Reading:
    """One document to be read; whoever waits for it may give it up."""

    def __init__(self, kind: str, content: bytes, limits: Limits) -> None:
        """Open nothing yet.

        Args:
            kind: ``pdf`` or ``docx``.
            content: Of the file.
            limits: What was written when one struck is text all the same.
        """
        self._kind, self._content, self._limits = kind, content, limits
        self._answer: socket | None = None
        self._is_given_up = False

    def give_up(self) -> None:
        """End the wait, in whichever thread it is; what reads ends itself, in its limits."""
        self._is_given_up = True
        answer = self._answer
        if answer is not None:
            with suppress(OSError):  # it has ended
                answer.shutdown(SHUT_RDWR)

    def is_taken_by(self, requests: socket) -> bool:
        """Ask at *requests*; return whether a process has begun with it."""
        limits = self._limits
        request = f"{self._kind} {limits.longest_bytes} {limits.cpu_s} {limits.longest_s}"
        self._answer, theirs = socketpair()
        self._answer.settimeout(limits.longest_s + GRACE_S)
        with suppress(OSError):
            with theirs:
                send_fds(requests, [request.encode()], [theirs.fileno()])
            return not self._is_given_up and self._answer.recv(1) == TAKEN
        return False

    def text(self) -> bytes:
        """Return what is written about it until the end, or until a limit; once it is taken."""
        pieces: list[bytes] = []
        if self._answer is None:
            return b""
        with suppress(OSError):  # it has ended
            self._answer.sendall(self._content)
            self._answer.shutdown(SHUT_WR)
        with suppress(OSError):
            while piece := self._answer.recv(PIECE_BYTES):
                pieces.append(piece)
        return b"".join(pieces)

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for it."""
        return self._is_given_up

    def close(self) -> None:
        """Give back what is open."""
        if self._answer is not None:
            self._answer.close()


class DocumentProcess:
    """Starts with the first document, ends when none has come for a minute, or with this object.

    Safe for threads.
    """

    def __init__(self, idle_s: float = IDLE_S) -> None:
        """Start nothing yet."""
        self._idle_s = idle_s
        self._turn = threading.Lock()  # requests are told apart by the answer to each
        self._requests: socket | None = None
        self._end = _nothing

    def read(self, reading: Reading) -> bytes:
        """Return the text of a document, in UTF-8; nothing, if it can't be read."""
        for _ in range(2):  # the process may end, as nobody asks, while it is asked
            try:
                if self._takes(reading):
                    return reading.text()
            finally:
                reading.close()
            if reading.is_given_up:
                break
        return b""

    def _takes(self, reading: Reading) -> bool:
        with self._turn:
            if reading.is_taken_by(self._requests or self._start()):
                return True
            if not reading.is_given_up:
                self._requests = None
                self._end()
            return False

    def _start(self) -> socket:
        ours, theirs = socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-I", str(CHILD), str(self._idle_s)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                start_new_session=True,  # it ends with us, not with a key pressed in a terminal
            )
        self._end = weakref.finalize(self, _ended, process, ours)
        self._requests = ours
        return ours


def _ended(process: "subprocess.Popen[bytes]", requests: socket) -> None:
    requests.close()
    process.kill()  # it holds nothing: what reads a document is another process
    process.wait()


def _nothing() -> None:
    """Nothing has been started."""
