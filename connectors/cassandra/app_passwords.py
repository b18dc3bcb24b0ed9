"""App passwords in Cassandra: a partition for each user, in which only hashes lie."""

from collections.abc import Sequence
from datetime import datetime

from connectors.app_password_text import hash_of, new_text
from connectors.cassandra.sending_times import micros, moment
from connectors.cassandra.session import CassandraSession
from topologies.mail.ids import new_id
from topologies.ports.app_passwords import MOST_OF_USER, AppPassword

_ALL = "SELECT password, password_id, name, created_us FROM app_passwords WHERE user_id = ?"
_ONE = "SELECT password_id, name, created_us FROM app_passwords WHERE user_id = ? AND password = ?"
_ADD = (
    "INSERT INTO app_passwords (user_id, password, password_id, name, created_us)"
    " VALUES (?, ?, ?, ?, ?)"
)
_REMOVE = "DELETE FROM app_passwords WHERE user_id = ? AND password = ?"


class CassandraAppPasswords:
    """The app passwords of one deployment."""

    def __init__(self, session: CassandraSession) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session

    async def add(self, user_id: str, name: str, at: datetime) -> tuple[AppPassword, str]:
        # Two at once may make one too many, which does no harm.
        if len(await self.of(user_id)) >= MOST_OF_USER:
            raise ValueError(f"a user has at most {MOST_OF_USER} app passwords")
        text = new_text()
        made = AppPassword(password_id=new_id(at), user_id=user_id, name=name, created_at=at)
        await self._session.execute(
            _ADD, (user_id, hash_of(text), made.password_id, name, micros(at))
        )
        return made, text

    async def of(self, user_id: str) -> Sequence[AppPassword]:
        kept = await self._kept(user_id)
        return sorted(kept.values(), key=lambda each: each.password_id)

    async def found(self, user_id: str, text: str) -> AppPassword | None:
        if (hashed := hash_of(text)) is None:
            return None
        for password_id, name, at in await self._session.execute(_ONE, (user_id, hashed)):
            return AppPassword(
                password_id=password_id, user_id=user_id, name=name, created_at=moment(at)
            )
        return None

    async def remove(self, user_id: str, password_id: str) -> bool:
        kept = await self._kept(user_id)
        gone = [hashed for hashed, each in kept.items() if each.password_id == password_id]
        for hashed in gone:
            await self._session.execute(_REMOVE, (user_id, hashed))
        return bool(gone)

    async def _kept(self, user_id: str) -> dict[bytes, AppPassword]:
        return {
            bytes(hashed): AppPassword(
                password_id=password_id, user_id=user_id, name=name, created_at=moment(at)
            )
            for hashed, password_id, name, at in await self._session.execute(_ALL, (user_id,))
        }
