"""The records of one partition that are worked on: which are done, and what may be forgotten.

A value without input or output. Records are finished in any order; the position that is written
says which of them are done beyond the first that is not, so that a restart repeats none.
"""

from collections.abc import Collection


class Window:
    """A stretch of one partition."""

    def __init__(self, offset: int, ahead: Collection[int] = ()) -> None:
        """Begin at *offset*; records in *ahead* are done already."""
        self.next = offset  # the next to be read
        self._open: dict[int, None] = {}  # read and not done, in order
        self._done = set(ahead)  # beyond the first that is not

    def __len__(self) -> int:
        """Return how many records are open."""
        return len(self._open)

    @property
    def span(self) -> int:
        """How far reading is ahead of the first open record."""
        return self.next - self.offset

    @property
    def offset(self) -> int:
        """All before it is done."""
        return next(iter(self._open), self.next)

    @property
    def ahead(self) -> frozenset[int]:
        """What is done from there on."""
        return frozenset(self._done)

    def take(self, offset: int) -> bool:
        """Say that the record at *offset* was read; return whether it is still to be done."""
        self.next = offset + 1
        if offset in self._done:
            self._trim()
            return False
        self._open[offset] = None
        return True

    def finish(self, offset: int) -> None:
        """Say that the record at *offset* is done."""
        del self._open[offset]
        self._done.add(offset)
        self._trim()

    def _trim(self) -> None:
        offset = self.offset
        self._done = {each for each in self._done if each >= offset}
