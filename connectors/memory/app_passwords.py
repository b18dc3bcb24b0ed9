"""App passwords in a dict: for tests, and what the others are held against."""

from collections.abc import Sequence
from datetime import datetime

from connectors.app_password_text import hash_of, new_text
from topologies.mail.ids import new_id
from topologies.ports.app_passwords import MOST_OF_USER, AppPassword


class MemoryAppPasswords:
    """The app passwords of one process, gone with it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], AppPassword] = {}

    async def add(self, user_id: str, name: str, at: datetime) -> tuple[AppPassword, str]:
        if len(await self.of(user_id)) >= MOST_OF_USER:
            raise ValueError(f"a user has at most {MOST_OF_USER} app passwords")
        text = new_text()
        made = AppPassword(password_id=new_id(at), user_id=user_id, name=name, created_at=at)
        self._kept[user_id, hash_of(text) or b""] = made
        return made, text

    async def of(self, user_id: str) -> Sequence[AppPassword]:
        theirs = [kept for (of, _), kept in self._kept.items() if of == user_id]
        return sorted(theirs, key=lambda kept: kept.password_id)

    async def found(self, user_id: str, text: str) -> AppPassword | None:
        hashed = hash_of(text)
        return None if hashed is None else self._kept.get((user_id, hashed))

    async def remove(self, user_id: str, password_id: str) -> bool:
        gone = [
            key
            for key, kept in self._kept.items()
            if key[0] == user_id and kept.password_id == password_id
        ]
        for key in gone:
            del self._kept[key]
        return bool(gone)
