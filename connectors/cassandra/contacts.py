"""Contacts in Cassandra: the rows of one user are one partition, and change in one batch.

Learning has one writer a user; who is renamed or removed meanwhile is written to other columns,
or as a whole, so that neither undoes the other.
"""

from collections.abc import Sequence
from dataclasses import replace

from connectors.cassandra.sending_times import micros, moment
from connectors.cassandra.session import CassandraSession, Row, Statement
from topologies.mail import contact_book as rules
from topologies.ports.contacts import MOST_CONTACTS, Contact

AT_ONCE = 100  # rows that are removed by one batch

_COLUMNS = "key, address, name, own_name, uses, used_us"
_ALL = f"SELECT {_COLUMNS} FROM contacts WHERE user_id = ?"  # noqa: S608  constants, here and below
_ONE = f"{_ALL} AND key = ?"
_STATE = "SELECT seq, size FROM contacts WHERE user_id = ? LIMIT 1"
_SEQ = "UPDATE contacts SET seq = ?, size = ? WHERE user_id = ?"
_SIZE = "UPDATE contacts SET size = ? WHERE user_id = ?"
_PUT = (
    "UPDATE contacts SET address = ?, name = ?, uses = ?, used_us = ? WHERE user_id = ? AND key = ?"
)
_RENAME = "UPDATE contacts SET own_name = ? WHERE user_id = ? AND key = ?"
_REMOVE = "DELETE FROM contacts WHERE user_id = ? AND key = ?"
_ERASE = "DELETE FROM contacts WHERE user_id = ?"


class CassandraContacts:
    """The contacts of one deployment."""

    def __init__(self, session: CassandraSession) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session

    async def learn(self, user_id: str, seq: int, written_to: Sequence[Contact]) -> None:
        state = await self._session.execute(_STATE, (user_id,))
        learnt, size = state[0] if state else (None, None)
        if learnt is not None and seq <= learnt:
            return
        asked = [(_ONE, (user_id, each.key)) for each in written_to]
        answers = await self._session.execute_all(asked) if asked else []
        known = {each.key: each for rows in answers for each in _contacts(rows)}
        size = (size or 0) + len(written_to) - len(known)
        writes: list[Statement] = [(_SEQ, (seq, size, user_id))]
        for each in rules.after(known, written_to):
            kept = (each.address, each.name, each.uses, micros(each.used_at))
            writes.append((_PUT, (*kept, user_id, each.key)))
        await self._session.batch(writes)
        if size > MOST_CONTACTS:
            await self._make_room(user_id)

    async def find(self, user_id: str, sought: str = "", *, limit: int = 50) -> Sequence[Contact]:
        rows = await self._session.execute(_ALL, (user_id,))
        return rules.found(_contacts(rows), sought, limit)

    async def rename(self, user_id: str, key: str, name: str) -> Contact | None:
        kept = await self._find(user_id, key)
        if kept is None:
            return None
        await self._session.execute(_RENAME, (name, user_id, key))
        return replace(kept, own_name=name)

    async def remove(self, user_id: str, key: str) -> bool:
        if await self._find(user_id, key) is None:
            return False
        await self._session.execute(_REMOVE, (user_id, key))
        return True

    async def erase(self, user_id: str) -> None:
        await self._session.execute(_ERASE, (user_id,))

    async def _find(self, user_id: str, key: str) -> Contact | None:
        return next(iter(_contacts(await self._session.execute(_ONE, (user_id, key)))), None)

    async def _make_room(self, user_id: str) -> None:
        """Let those used least fall out; if that is cut off, the next mail does it."""
        kept = _contacts(await self._session.execute(_ALL, (user_id,)))
        out = rules.falling_out(kept)
        for first in range(0, len(out), AT_ONCE):
            some = out[first : first + AT_ONCE]
            await self._session.batch([(_REMOVE, (user_id, each.key)) for each in some])
        await self._session.execute(_SIZE, (len(kept) - len(out), user_id))


def _contacts(rows: Sequence[Row]) -> list[Contact]:
    # Without a time of use: static columns alone, or a name that came after the row was removed.
    return [_contact(row) for row in rows if row[-1] is not None]


def _contact(row: Row) -> Contact:
    key, address, name, own_name, uses, used_us = row
    return Contact(
        key=key,
        address=address,
        name=name,
        own_name=own_name,
        uses=uses,
        used_at=moment(used_us),
    )
