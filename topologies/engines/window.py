"""The records of one partition that are worked on: which are done, and what may be forgotten.

A value without input or output. Records are finished in any order; the position that is written
says which of them are done beyond the first that is not, so that a restart repeats none. That is
told in stretches, of which there are hardly more than records under way: so a record that takes
long keeps no other from being done, however many there are.
"""

from bisect import bisect_right

from topologies.ports.log import Stretches


class Window:
    """A stretch of one partition."""

    def __init__(self, offset: int, ahead: Stretches = ()) -> None:
        """Begin at *offset*; records in *ahead* are done already."""
        self.next = offset  # the next to be read
        self._open: dict[int, None] = {}  # read and not done, in order
        # What is done beyond the first that is not: in order, and with gaps between.
        self._starts = [start for start, _ in ahead]
        self._ends = [end for _, end in ahead]

    def __len__(self) -> int:
        """Return how many records are open."""
        return len(self._open)

    @property
    def offset(self) -> int:
        """All before it is done."""
        return next(iter(self._open), self.next)

    @property
    def ahead(self) -> Stretches:
        """What is done from there on."""
        return tuple(zip(self._starts, self._ends, strict=True))

    def take(self, offset: int) -> bool:
        """Say that the record at *offset* was read; return whether it is still to be done."""
        self.next = offset + 1
        at = bisect_right(self._starts, offset) - 1
        if at >= 0 and offset < self._ends[at]:
            self._trim()
            return False
        self._open[offset] = None
        return True

    def finish(self, offset: int) -> None:
        """Say that the record at *offset* is done."""
        del self._open[offset]
        at = bisect_right(self._starts, offset)
        goes_on = at > 0 and self._ends[at - 1] == offset
        meets_next = at < len(self._starts) and self._starts[at] == offset + 1
        if goes_on and meets_next:
            del self._starts[at]
            del self._ends[at - 1]
        elif goes_on:
            self._ends[at - 1] = offset + 1
        elif meets_next:
            self._starts[at] = offset
        else:
            self._starts.insert(at, offset)
            self._ends.insert(at, offset + 1)
        self._trim()

    def _trim(self) -> None:
        offset = self.offset
        while self._starts and self._ends[0] <= offset:
            del self._starts[0], self._ends[0]
        if self._starts:
            self._starts[0] = max(self._starts[0], offset)
