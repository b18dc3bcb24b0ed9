"""MTA-STS policies of our domains in Cassandra: a row for each."""

from connectors.cassandra.session import CassandraSession

_FIND = "SELECT policy FROM sts_policies WHERE domain = ?"
_PUT = "INSERT INTO sts_policies (domain, policy) VALUES (?, ?)"
_REMOVE = "DELETE FROM sts_policies WHERE domain = ?"


class CassandraStsPolicies:
    """The policies of one deployment."""

    def __init__(self, session: CassandraSession) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session

    async def of(self, domain: str) -> str | None:
        for [policy] in await self._session.execute(_FIND, (domain,)):
            return str(policy)
        return None

    async def put(self, domain: str, text: str) -> None:
        await self._session.execute(_PUT, (domain, text))

    async def remove(self, domain: str) -> bool:
        if await self.of(domain) is None:
            return False
        await self._session.execute(_REMOVE, (domain,))
        return True
