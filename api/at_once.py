"""Work that takes long and holds much: one of a kind for each user at a time, and few in all."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from api.problems import Problem

WAIT = {"Retry-After": "60"}


class AtOnce:
    """Work of one kind in this process."""

    def __init__(self, what: str, *, most: int) -> None:
        """Let *most* users do at once *what* this is called."""
        self._what = what
        self._most = most
        self._running: Counter[str] = Counter()  # by user

    def check(self, user_id: str) -> None:
        """Return if the user's may begin.

        Raises:
            Problem: One of theirs runs (429), or too many of others do (503).
        """
        if self._running[user_id]:
            raise Problem(429, f"an {self._what} of yours runs already", headers=WAIT)
        if self._running.total() >= self._most:
            detail = f"others have an {self._what} running now: try again in a while"
            raise Problem(503, detail, headers=WAIT)

    @contextmanager
    def of(self, user_id: str) -> Generator[None]:
        """Count a user's while it runs.

        Raises:
            Problem: As ``check``.
        """
        self.check(user_id)
        self._running[user_id] += 1
        try:
            yield
        finally:
            self._running[user_id] -= 1
            if not self._running[user_id]:
                del self._running[user_id]
