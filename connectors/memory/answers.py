"""Automatic answers in a dict: for tests, and what the others are held against."""

from datetime import datetime, timedelta


class MemoryAnswers:
    """The answers of one process, gone with it."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], tuple[str, datetime]] = {}

    async def claim(
        self, user_id: str, handle: str, mail_id: str, *, at: datetime, period_s: int
    ) -> bool:
        answered, until = self._given.get((user_id, handle), ("", at))
        if answered == mail_id:
            return True
        if until > at:
            return False
        self._given[user_id, handle] = mail_id, at + timedelta(seconds=period_s)
        return True
