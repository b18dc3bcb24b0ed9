"""Whose turn it is to write a file that several processes write all the time.

SQLite lets one process write at a time. Who finds the file taken sleeps and looks again, up to a
tenth of a second later; by then who had it may have it once more, so a busy process keeps an idle
one out for long. Here the next in the queue is woken at once, and nobody has two turns in a row
while another waits: who wants the turn first takes the place of the next, and holds it until the
turn is free. Only order is kept here: that writes exclude each other is SQLite's work, and those
of a process that takes no turns (the command line) are waited for as ever.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType

_NEXT, _TURN = 0, 1  # bytes of the file that are locked; it holds nothing


class Turn:
    """A place in the queue of those who write one file; used by one thread."""

    def __init__(self, path: Path) -> None:
        """Use the file *path*, made when absent.

        Raises:
            OSError: It can't be opened.
        """
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        """Wait until it is our turn."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, _NEXT)
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, _TURN)
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _NEXT)
        except OSError:
            self._leave()  # a disk without locks: then in no order

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one write."""
        self._leave()

    def close(self) -> None:
        """Leave the queue for good."""
        os.close(self._file)

    def _leave(self) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 2, _NEXT)
        except OSError:
            return  # there was none
