"""A session whose names are its own: tests that all speak of shop.example meet nobody there."""

import re
import secrets
from collections.abc import Sequence
from functools import cache

from connectors.cassandra.directory import CassandraDirectory
from connectors.cassandra.driver import Connected
from connectors.cassandra.request_keys import CassandraRequestKeys
from connectors.cassandra.session import CassandraSession, Parameters, RowPage, Statement
from connectors.passwords import Passwords
from topologies.errors import Retryable
from topologies.ports.clock import Clock

# The partition keys of the directory that are not drawn, and so would meet.
_KEYS = {
    "names": "name",
    "listed": "domain",
    "listed_buckets": "domain",
    "leading": "target",
    "request_keys": "user_id",
}
_TABLE = re.compile(r"\b(?:INTO|FROM|UPDATE) (\w+)")


def own_prefix() -> str:
    """Return what nobody else's keys begin with."""
    return secrets.token_hex(6) + "/"


class OwnNames(CassandraSession):
    """Writes a prefix before each key."""

    def __init__(self, connected: Connected, prefix: str = "") -> None:
        super().__init__(connected)
        self.prefix = prefix or own_prefix()

    async def page(
        self,
        statement: str,
        parameters: Parameters = (),
        size: int = 5_000,
        paging_state: bytes | None = None,
    ) -> RowPage:
        parameters = self._with_prefix(statement, parameters)
        return await super().page(statement, parameters, size, paging_state)

    async def batch(self, statements: Sequence[Statement], *, logged: bool = False) -> None:
        if len(statements) > 1:  # one alone goes through `page`
            statements = [(text, self._with_prefix(text, values)) for text, values in statements]
        await super().batch(statements, logged=logged)

    def _with_prefix(self, statement: str, parameters: Parameters) -> Parameters:
        place = _place_of_key(statement)
        if place is None:
            return parameters
        return [*parameters[:place], self.prefix + parameters[place], *parameters[place + 1 :]]


class FailingSession(OwnNames):
    """Runs some statements and no more, as that of a process that crashes."""

    def __init__(
        self, connected: Connected, prefix: str, statements: int, *, is_last_done: bool
    ) -> None:
        super().__init__(connected, prefix)
        self._left = statements
        self._is_last_done = is_last_done  # the first that fails is done, its answer lost

    async def page(
        self,
        statement: str,
        parameters: Parameters = (),
        size: int = 5_000,
        paging_state: bytes | None = None,
    ) -> RowPage:
        self._left -= 1
        if self._left >= 0 or (self._left == -1 and self._is_last_done):
            page = await super().page(statement, parameters, size, paging_state)
            if self._left >= 0:
                return page
        raise Retryable("crashed", outage=True)


def own_directory(connected: Connected, clock: Clock) -> CassandraDirectory:
    """A directory that is empty and nobody else's."""
    return directory_on(OwnNames(connected), clock)


def directory_on(session: CassandraSession, clock: Clock) -> CassandraDirectory:
    """One more directory on the same names, as another process has it."""
    return CassandraDirectory(
        session, clock, default_quota_bytes=5_000, passwords=Passwords.cheap()
    )


def own_request_keys(connected: Connected) -> CassandraRequestKeys:
    """Request keys of users of their own."""
    return request_keys_on(OwnNames(connected))


def request_keys_on(session: CassandraSession) -> CassandraRequestKeys:
    """One more store of the same keys, as another process has it."""
    return CassandraRequestKeys(session)


@cache
def _place_of_key(statement: str) -> int | None:
    """Return which parameter is the key, None if the table has none that could meet."""
    table = _TABLE.search(statement)
    column = _KEYS.get(table[1]) if table else None
    if column is None:
        return None
    if inserted := re.match(r"INSERT INTO \w+ \(([^)]*)\)", statement):
        return inserted[1].split(", ").index(column)
    before, found, _ = statement.partition(f" {column} = ?")
    assert found, statement
    return before.count("?")
