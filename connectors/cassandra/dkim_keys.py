"""DKIM keys in Cassandra: a partition for each domain, looked up for each mail that goes out.

The private keys are sealed, where the deployment has a secret.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.cassandra.sending_times import micros, moment
from connectors.cassandra.session import CassandraSession
from connectors.recent import Recent
from connectors.sealed_text import Seal
from topologies.ports.clock import Clock
from topologies.ports.dkim_keys import DkimKey

_COLUMNS = "selector, algorithm, private_key, created_us, signs_from_us, signs_until_us"
_KEYS = f"SELECT {_COLUMNS} FROM dkim_keys WHERE domain = ?"  # noqa: S608  constants, here and below
_ADD = (
    f"INSERT INTO dkim_keys (domain, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " IF NOT EXISTS"
)
_END = (
    "UPDATE dkim_keys SET signs_until_us = ? WHERE domain = ? AND selector = ?"
    " IF signs_until_us = ?"
)
_REMOVE = "DELETE FROM dkim_keys WHERE domain = ? AND selector = ? IF EXISTS"


class CassandraDkimKeys:
    """The keys of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock, seal: Seal) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._seal = seal
        self._known: Recent[str, Sequence[DkimKey]] = Recent(clock)

    async def keys(self, domain: str) -> Sequence[DkimKey]:
        known = self._known.get(domain)
        if known is None:
            known = await self._kept(domain)
            self._known.put(domain, known)
        return known

    async def add(self, key: DkimKey) -> bool:
        until = None if key.signs_until is None else micros(key.signs_until)
        private_key = self._seal.sealed(key.private_key)
        values = (key.domain, key.selector, key.algorithm, private_key)
        times = (micros(key.created_at), micros(key.signs_from), until)
        try:
            [[is_new, *_]] = await self._session.execute(_ADD, (*values, *times))
        finally:
            self._known.clear()
        # The driver may have asked twice: then what is kept is *key* all the same.
        return is_new or key in await self._kept(key.domain)

    async def end(self, domain: str, selector: str, at: datetime) -> bool:
        while True:
            found = [key for key in await self._kept(domain) if key.selector == selector]
            if not found:
                return False
            before = found[0].signs_until
            if before is not None and before <= at:
                return True
            known = None if before is None else micros(before)
            try:
                [[is_done, *_]] = await self._session.execute(
                    _END, (micros(at), domain, selector, known)
                )
            finally:
                self._known.clear()
            if is_done:
                return True

    async def remove(self, domain: str, selector: str) -> bool:
        try:
            [[is_done, *_]] = await self._session.execute(_REMOVE, (domain, selector))
        finally:
            self._known.clear()
        return is_done

    async def _kept(self, domain: str) -> Sequence[DkimKey]:
        rows = await self._session.execute(_KEYS, (domain,))
        return [self._key(domain, row) for row in rows]

    def _key(self, domain: str, row: Sequence[Any]) -> DkimKey:
        selector, algorithm, private_key, created_us, from_us, until_us = row
        return DkimKey(
            domain=domain,
            selector=selector,
            algorithm=algorithm,
            private_key=self._seal.opened(private_key),
            created_at=moment(created_us),
            signs_from=moment(from_us),
            signs_until=None if until_us is None else moment(until_us),
        )
