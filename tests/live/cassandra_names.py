"""A session whose names are its own: tests that all speak of shop.example meet nobody there."""

import re
import secrets
from collections.abc import Sequence
from functools import cache

from connectors.cassandra.driver import Connected
from connectors.cassandra.session import CassandraSession, Parameters, RowPage, Statement

# The partition keys of the directory that are not drawn, and so would meet.
_KEYS = {"names": "name", "listed": "domain", "listed_buckets": "domain", "leading": "target"}
_TABLE = re.compile(r"\b(?:INTO|FROM|UPDATE) (\w+)")


class OwnNames(CassandraSession):
    """Writes a prefix before each key."""

    def __init__(self, connected: Connected) -> None:
        super().__init__(connected)
        self._prefix = secrets.token_hex(6) + "/"

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
        return [*parameters[:place], self._prefix + parameters[place], *parameters[place + 1 :]]


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
