"""Contacts in dicts: for tests, and what the others are held against."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from topologies.mail import contact_book as rules
from topologies.ports.contacts import Contact


@dataclass
class _Book:
    seq: int = 0  # of the last mail in it
    kept: dict[str, Contact] = field(default_factory=dict[str, Contact])


class MemoryContacts:
    """All contacts of one process, gone with it."""

    def __init__(self) -> None:
        self._books: dict[str, _Book] = {}

    async def learn(self, user_id: str, seq: int, written_to: Sequence[Contact]) -> None:
        book = self._books.setdefault(user_id, _Book())
        if seq <= book.seq:
            return
        book.seq = seq
        for contact in rules.after(book.kept, written_to):
            book.kept[contact.key] = contact
        for contact in rules.falling_out(list(book.kept.values())):
            del book.kept[contact.key]

    async def find(self, user_id: str, sought: str = "", *, limit: int = 50) -> Sequence[Contact]:
        book = self._books.get(user_id, _Book())
        return rules.found(book.kept.values(), sought, limit)

    async def rename(self, user_id: str, key: str, name: str) -> Contact | None:
        kept = self._books.get(user_id, _Book()).kept
        if key not in kept:
            return None
        kept[key] = replace(kept[key], own_name=name)
        return kept[key]

    async def remove(self, user_id: str, key: str) -> bool:
        return self._books.get(user_id, _Book()).kept.pop(key, None) is not None

    async def erase(self, user_id: str) -> None:
        self._books.pop(user_id, None)
