"""Second factors in Cassandra: a row for each user, changed by lightweight transactions.

The secrets are sealed, where the deployment has a secret of its own.
"""

from collections.abc import Collection
from datetime import datetime

from connectors.cassandra.sending_times import micros, moment
from connectors.cassandra.session import CassandraSession
from connectors.sealed_text import Seal
from topologies.ports.second_factors import SecondFactor

TRIES = 5  # of a change while others change the same

_ONE = "SELECT secret, is_on, last_step, recovery, created_us FROM second_factors WHERE user_id = ?"
_ADD = (
    "INSERT INTO second_factors (user_id, secret, is_on, last_step, recovery, created_us)"
    " VALUES (?, ?, false, 0, ?, ?) IF NOT EXISTS"
)
_REPLACE = (
    "UPDATE second_factors SET secret = ?, recovery = ?, created_us = ?"
    " WHERE user_id = ? IF is_on = false"
)
_TURN_ON = (
    "UPDATE second_factors SET is_on = true, last_step = ?"
    " WHERE user_id = ? IF is_on = false AND secret = ?"
)
_USE_STEP = (
    "UPDATE second_factors SET last_step = ? WHERE user_id = ? IF is_on = true AND last_step < ?"
)
_USE_RECOVERY = (
    "UPDATE second_factors SET recovery = ? WHERE user_id = ? IF is_on = true AND recovery = ?"
)
_FORGET = "DELETE FROM second_factors WHERE user_id = ? IF EXISTS"


class CassandraSecondFactors:
    """The second factors of one deployment."""

    def __init__(self, session: CassandraSession, seal: Seal) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._seal = seal

    async def of(self, user_id: str) -> SecondFactor | None:
        for sealed, is_on, last_step, recovery, created_us in await self._row(user_id):
            return SecondFactor(
                user_id=user_id,
                secret=bytes.fromhex(self._seal.opened(sealed)),
                is_on=is_on,
                last_step=last_step,
                recovery=frozenset(map(bytes, recovery or ())),
                created_at=moment(created_us),
            )
        return None

    async def propose(
        self, user_id: str, secret: bytes, recovery: Collection[bytes], at: datetime
    ) -> bool:
        sealed, codes = self._seal.sealed(secret.hex()), sorted(recovery)
        if await self._is_done(_ADD, (user_id, sealed, codes, micros(at))):
            return True
        # The driver may have asked twice: what is kept is *secret* then, and is put there again.
        return await self._is_done(_REPLACE, (sealed, codes, micros(at), user_id))

    async def turn_on(self, user_id: str, secret: bytes, step: int) -> bool:
        for sealed, is_on, *_ in await self._row(user_id):
            if is_on or bytes.fromhex(self._seal.opened(sealed)) != secret:
                return False
            return await self._is_done(_TURN_ON, (step, user_id, sealed))
        return False

    async def use_step(self, user_id: str, step: int) -> bool:
        # Asked twice by the driver it is refused, though it was right: the next code will do.
        return await self._is_done(_USE_STEP, (step, user_id, step))

    async def use_recovery(self, user_id: str, code: bytes) -> bool:
        for _ in range(TRIES):
            rows = await self._row(user_id)
            kept = [list(map(bytes, recovery or ())) for _, _, _, recovery, _ in rows]
            if not kept or code not in kept[0]:
                return False
            left = [each for each in kept[0] if each != code]
            if await self._is_done(_USE_RECOVERY, (left, user_id, kept[0])):
                return True
        return False

    async def remove(self, user_id: str) -> bool:
        return await self._is_done(_FORGET, (user_id,))

    async def _row(self, user_id: str) -> list[tuple[str, bool, int, list[bytes] | None, int]]:
        rows = await self._session.execute(_ONE, (user_id,))
        return [(s, is_on, step, codes, us) for s, is_on, step, codes, us in rows]

    async def _is_done(self, statement: str, values: tuple[object, ...]) -> bool:
        [[is_done, *_]] = await self._session.execute(statement, values)
        return is_done
