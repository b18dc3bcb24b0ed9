"""A session whose users are its own: tests that all speak of `ann` do not meet in one keyspace."""

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import cache

from connectors.cassandra.driver import Connected
from connectors.cassandra.mailboxes import CassandraMailboxes
from connectors.cassandra.mailboxes_buckets import FULL
from connectors.cassandra.session import CassandraSession, Parameters, RowPage, Statement
from connectors.memory.clock import ManualClock
from topologies.ports.clock import Clock


class OwnUsers(CassandraSession):
    """Writes a prefix before each user's id, and reads only rows that have it."""

    def __init__(self, connected: Connected) -> None:
        super().__init__(connected)
        self.connected = connected
        self.prefix = secrets.token_hex(6) + "/"

    async def page(
        self,
        statement: str,
        parameters: Parameters = (),
        size: int = 5_000,
        paging_state: bytes | None = None,
    ) -> RowPage:
        parameters = self._with_prefix(statement, parameters)
        page = await super().page(statement, parameters, size, paging_state)
        column = _column_of_user(statement)
        if column is None:
            return page
        end = len(self.prefix)
        rows = [
            (*row[:column], row[column][end:], *row[column + 1 :])
            for row in page.rows
            if row[column].startswith(self.prefix)
        ]
        return RowPage(rows, page.paging_state)

    async def batch(self, statements: Sequence[Statement], *, logged: bool = False) -> None:
        if len(statements) > 1:  # one alone goes through `page`
            statements = [(text, self._with_prefix(text, values)) for text, values in statements]
        await super().batch(statements, logged=logged)

    def _with_prefix(self, statement: str, parameters: Parameters) -> Parameters:
        place = _place_of_user(statement)
        if place is None:
            return parameters
        return [*parameters[:place], self.prefix + parameters[place], *parameters[place + 1 :]]


@asynccontextmanager
async def own_mailboxes(
    connected: Connected, clock: Clock, *, bucket_rows: int = FULL
) -> AsyncGenerator[CassandraMailboxes]:
    """Mailboxes of users of their own, closed at the end."""
    mailboxes = CassandraMailboxes(OwnUsers(connected), clock, bucket_rows=bucket_rows)
    try:
        yield mailboxes
    finally:
        await mailboxes.close()


@cache
def _place_of_user(statement: str) -> int | None:
    """Return which parameter is the user's id."""
    inserted = re.match(r"INSERT INTO \w+ \(([^)]*)\)", statement)
    if inserted:
        columns = inserted[1].split(", ")
        return columns.index("user_id") if "user_id" in columns else None
    before, found, _ = statement.partition("user_id = ?")
    return before.count("?") if found else None


@cache
def _column_of_user(statement: str) -> int | None:
    """Return which column of the rows is the user's id."""
    selected = re.match(r"SELECT (?:DISTINCT )?(.*?) FROM", statement)
    columns = selected[1].split(", ") if selected else []
    return columns.index("user_id") if "user_id" in columns else None


class Life:
    """The mailboxes of one worker, as long as it lives."""

    def __init__(self, session: OwnUsers) -> None:
        self.mailboxes = CassandraMailboxes(session, ManualClock(), bucket_rows=2)

    async def aclose(self) -> None:
        await self.mailboxes.close()


class HeldBack(OwnUsers):
    """A session that lets some writes pass; those that follow arrive only when let go."""

    def __init__(self, session: OwnUsers, passing: int) -> None:
        super().__init__(session.connected)
        self.prefix = session.prefix
        self.is_held = asyncio.Event()
        self.let_go = asyncio.Event()
        self._passing = passing

    async def page(
        self,
        statement: str,
        parameters: Parameters = (),
        size: int = 5_000,
        paging_state: bytes | None = None,
    ) -> RowPage:
        if not statement.startswith("SELECT"):
            await self._wait()
        return await super().page(statement, parameters, size, paging_state)

    async def batch(self, statements: Sequence[Statement], *, logged: bool = False) -> None:
        if len(statements) > 1:  # one alone goes through `page`
            await self._wait()
        await super().batch(statements, logged=logged)

    async def _wait(self) -> None:
        self._passing -= 1
        if self._passing < 0:
            self.is_held.set()
            await self.let_go.wait()
