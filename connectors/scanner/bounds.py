"""How much of an archive is looked into, before it is said that it can't be scanned."""

from dataclasses import dataclass

DEEPEST = 5  # archives in archives
CHUNK_BYTES = 1024 * 1024


class TooMuch(Exception):
    """What is inside goes beyond the bounds."""


class Unreadable(Exception):
    """What is inside can't be seen: encrypted, damaged, or of a kind that is not known."""


@dataclass(slots=True)
class Budget:
    """What may still be unpacked from one content, all its archives together."""

    files: int = 2_000
    bytes: int = 128 * 1024**2

    def file(self) -> None:
        """Count one more file.

        Raises:
            TooMuch: There were too many.
        """
        self.files -= 1
        if self.files < 0:
            raise TooMuch

    def spend(self, size_bytes: int) -> None:
        """Count unpacked bytes.

        Raises:
            TooMuch: There were too many.
        """
        self.bytes -= size_bytes
        if self.bytes < 0:
            raise TooMuch
