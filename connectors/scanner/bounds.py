"""How much of a content is looked into, before it is said that it can't be scanned."""

import time
from dataclasses import dataclass, field
from typing import Final

from topologies.events.inbound import FindingKind

DEEPEST = 5  # archives in archives
CHUNK_BYTES = 1024 * 1024
MOST_BYTES = 128 * 1024**2  # that come out of one content, all its archives together
ALWAYS_BYTES = 8 * 1024**2  # may come out of any content, however small it is
MOST_RATIO = 200  # beyond those: bytes that come out for each that went in
LONGEST_S = 10.0  # of CPU, so that a busy machine changes no verdict
SLOW = 4  # what bzip2 and LZMA cost more than deflate, about


class TooMuch(Exception):
    """What is inside goes beyond the bounds."""

    kind: Final[FindingKind]

    def __init__(self, name: str, kind: FindingKind) -> None:
        super().__init__(name)
        self.kind = kind


class Unreadable(Exception):
    """What is inside can't be seen: damaged, or of a kind that is not known."""


@dataclass(slots=True)
class Budget:
    """What may still be unpacked from one content, all its archives together."""

    size_bytes: int = MOST_BYTES  # of the content itself
    files: int = 2_000
    bytes: int = field(init=False)
    ends_at: float = field(init=False)  # CPU time of this thread, in which all is done

    def __post_init__(self) -> None:
        self.bytes = min(MOST_BYTES, ALWAYS_BYTES + MOST_RATIO * self.size_bytes)
        self.ends_at = time.thread_time() + LONGEST_S

    def file(self) -> None:
        """Count one more file.

        Raises:
            TooMuch: There were too many, or it took too long.
        """
        self.files -= 1
        if self.files < 0:
            raise TooMuch("too many files in it", "unscannable")
        if time.thread_time() > self.ends_at:
            raise TooMuch("it takes too long to be unpacked", "unscannable")

    def spend(self, size_bytes: int, *, is_slow: bool = False) -> None:
        """Count unpacked bytes.

        Raises:
            TooMuch: There were too many, or it took too long.
        """
        self.bytes -= size_bytes * SLOW if is_slow else size_bytes
        if self.bytes < 0:
            # What is large by itself is no bomb.
            is_large = self.size_bytes * MOST_RATIO >= MOST_BYTES
            kind: FindingKind = "unscannable" if is_large else "bomb"
            raise TooMuch("archive bomb" if kind == "bomb" else "too much in it", kind)
        if time.thread_time() > self.ends_at:
            raise TooMuch("it takes too long to be unpacked", "unscannable")
