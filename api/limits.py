"""Who opens too many sockets.

They are counted in this process: each costs its memory. Sign-ins are counted by
``connectors.sign_in_limits``.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

SOCKETS_OF_ONE_USER = 50  # in one process


class Places:
    """How many sockets each user has open in this process."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, user_id: str) -> Generator[bool]:
        """Take a place until the context is left; false if there is none."""
        if self._taken[user_id] >= SOCKETS_OF_ONE_USER:
            yield False
            return
        self._taken[user_id] += 1
        try:
            yield True
        finally:
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]
