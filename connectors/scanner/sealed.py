"""7z and RAR: opened in a process of their own, which may have just so much time and memory.

Their readers are written in Python and trust what an archive says about itself, so that a small
one can ask for any amount of either. Such archives are rare in mail: a process costs 0.3 s.
"""

import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, cast

import msgspec

from connectors.scanner.bounds import Budget, Unreadable
from connectors.scanner.members import Inside, Member
from topologies.errors import Retryable
from topologies.events.inbound import FindingKind

MAGIC_7Z = b"7z\xbc\xaf\x27\x1c"
MAGIC_RAR = b"Rar!\x1a\x07"
AT_ONCE = 2  # contents in which such archives are opened
LONGEST_S = 20.0  # by the clock; it takes half of that of CPU at most
PATIENCE_S = 15.0  # for a place
CHILD = Path(__file__).with_name("child.py")
LARGEST_FRAME_BYTES = 256 * 1024**2

_places = threading.BoundedSemaphore(AT_ONCE)
_decode = msgspec.msgpack.Decoder(tuple[str, str, str, bytes]).decode


class _Held(threading.local):
    """How many archives, one within another, are open in this thread."""

    count = 0


_held = _Held()


def open_7z(content: bytes, budget: Budget) -> Inside:
    """Yield what is in a 7z archive."""
    return _opened("7z", content, budget)


def open_rar(content: bytes, budget: Budget) -> Inside:
    """Yield what is in a RAR archive: names, and what is not compressed."""
    return _opened("rar", content, budget)


def _opened(kind: Literal["7z", "rar"], content: bytes, budget: Budget) -> Inside:
    command = [sys.executable, "-I", str(CHILD), kind, str(max(0, budget.bytes)), str(budget.files)]
    with place():
        yield from _run(command, content, budget)


@contextmanager
def place() -> Generator[None]:
    """Have one of the places; an archive within an archive has that of the outer one.

    If each took its own, a few that lie within each other would wait for themselves.

    Raises:
        Retryable: Others have them all, for longer than is waited.
    """
    if not _held.count and not _places.acquire(timeout=PATIENCE_S):
        # Others take too long, which is not this one's fault.
        raise Retryable("the scanner is busy with other archives", outage=True)
    _held.count += 1
    try:
        yield
    finally:
        _held.count -= 1
        if not _held.count:
            _places.release()


def _run(command: Sequence[str], content: bytes, budget: Budget) -> Inside:
    with subprocess.Popen(  # noqa: S603  our own program
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/nonexistent"},  # so that no tool for RAR is found and run
    ) as process:
        timer = threading.Timer(LONGEST_S, process.kill)
        timer.start()
        try:
            # It reads all before it writes anything, so neither waits for the other.
            _give(cast("IO[bytes]", process.stdin), content)
            yield from _members(cast("IO[bytes]", process.stdout), budget)
        finally:
            timer.cancel()
            process.kill()


def _give(pipe: IO[bytes], content: bytes) -> None:
    try:
        pipe.write(content)
        pipe.close()
    except BrokenPipeError as error:
        raise Unreadable("archive that can't be opened") from error


def _members(pipe: IO[bytes], budget: Budget) -> Iterator[Member]:
    while size := int.from_bytes(pipe.read(4), "big"):
        if size > LARGEST_FRAME_BYTES:
            break
        try:
            what, name, reason, content = _decode(pipe.read(size))
        except msgspec.DecodeError:
            break
        if what == "end":
            return
        if what == "much":
            budget.spend(budget.bytes + 1)
        budget.file()
        if what == "file":
            budget.spend(len(content), is_slow=True)
            yield Member(name, content)
        else:
            yield Member(name, None, cast("FindingKind", what), reason)
    # It ended before it said so: killed, out of memory, or it could make nothing of it.
    raise Unreadable("archive that can't be opened")
