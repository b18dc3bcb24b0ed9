"""What is put off, in Cassandra: the rows of one user are one partition, and go by themselves."""

from collections.abc import Sequence
from datetime import timedelta

from connectors.cassandra.sending_times import micros, moment
from connectors.cassandra.session import CassandraSession, Row
from topologies.ports.clock import Clock
from topologies.ports.snoozes import KEPT_AFTER, MOST_SNOOZED, Snooze

_COLUMNS = "user_id, email_id, snooze_id, until_us, folder_id"
_PUT = f"INSERT INTO snoozes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?) USING TTL ?"  # noqa: S608
_ALL = f"SELECT {_COLUMNS} FROM snoozes WHERE user_id = ?"  # noqa: S608  constants, as above
_ONE = f"{_ALL} AND email_id = ?"
_REMOVE = "DELETE FROM snoozes WHERE user_id = ? AND email_id = ?"
_ERASE = "DELETE FROM snoozes WHERE user_id = ?"


class CassandraSnoozes:
    """The wishes of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock

    async def put(self, snooze: Snooze) -> None:
        # Two at once may make one too many, which does no harm.
        others = [e for e in await self.of(snooze.user_id) if e.email_id != snooze.email_id]
        if len(others) >= MOST_SNOOZED:
            raise ValueError(f"at most {MOST_SNOOZED} mails can be put off")
        left_s = (snooze.until + KEPT_AFTER - self._clock.now()) // timedelta(seconds=1)
        row = (snooze.user_id, snooze.email_id, snooze.snooze_id, micros(snooze.until))
        await self._session.execute(_PUT, (*row, snooze.folder_id, max(1, left_s)))

    async def find(self, user_id: str, email_id: str) -> Snooze | None:
        found = self._kept(await self._session.execute(_ONE, (user_id, email_id)))
        return found[0] if found else None

    async def of(self, user_id: str) -> Sequence[Snooze]:
        found = self._kept(await self._session.execute(_ALL, (user_id,)))
        return sorted(found, key=lambda each: (each.until, each.email_id))

    async def remove(self, user_id: str, email_id: str, snooze_id: str) -> bool:
        kept = await self.find(user_id, email_id)
        if kept is None or kept.snooze_id != snooze_id:
            return False
        await self._session.execute(_REMOVE, (user_id, email_id))
        return True

    async def erase(self, user_id: str) -> None:
        await self._session.execute(_ERASE, (user_id,))

    def _kept(self, rows: Sequence[Row]) -> list[Snooze]:
        now, found = self._clock.now(), map(_snooze, rows)
        return [each for each in found if each.until + KEPT_AFTER > now]


def _snooze(row: Row) -> Snooze:
    user_id, email_id, snooze_id, until_us, folder_id = row
    return Snooze(
        user_id=user_id,
        email_id=email_id,
        snooze_id=snooze_id,
        until=moment(until_us),
        folder_id=folder_id,
    )
