"""Search in one SQLite file: FTS5 over words that we cut and fold ourselves.

Writes and reads `search.db`. Every word carries its user's number (``1f:invoice``),
so that one user's words lie together, a question reads that part alone, and none
can reach another's. docs/adr/0003-search-engine.md has the reasons and figures.
"""

import asyncio
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from connectors.sqlite.database import Database
from connectors.sqlite.search_find import find, versions
from connectors.sqlite.search_rows import (
    MIGRATIONS,
    Prepared,
    Rows,
    forget,
    prepare,
    some_of,
)
from topologies.errors import Retryable
from topologies.ports.search import Hits, SearchDocument, SearchQuery, SearchState

__all__ = ["MIGRATIONS", "SqliteSearch"]

ERASED_AT_ONCE = 500  # mails
LARGE_TEXT = 32 * 1024  # characters; what takes longer to cut leaves the event loop free


@dataclass(eq=False, slots=True)
class _Job:
    """What one caller wants written."""

    documents: Sequence[Prepared] = ()
    states: Sequence[tuple[str, SearchState]] = ()
    removed: Sequence[tuple[str, str]] = ()
    missing: list[str] = field(default_factory=list[str])
    error: Retryable | None = None
    is_done: bool = False


class SqliteSearch:
    """The index of one deployment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Job] = []
        self._turn = asyncio.Lock()

    async def index(self, documents: Sequence[SearchDocument]) -> None:
        prepared: list[Prepared] = []
        for document in documents:
            if document.characters > LARGE_TEXT:
                prepared.append(await asyncio.to_thread(prepare, document))
            else:
                prepared.append(prepare(document))
        await self._write(_Job(documents=prepared))

    async def set_state(self, user_id: str, states: Sequence[SearchState]) -> Sequence[str]:
        job = _Job(states=[(user_id, state) for state in states])
        await self._write(job)
        return job.missing

    async def remove(self, user_id: str, email_ids: Sequence[str]) -> None:
        await self._write(_Job(removed=[(user_id, email_id) for email_id in email_ids]))

    async def erase(self, user_id: str) -> None:
        while email_ids := await self._database.read(
            lambda connection: some_of(connection, user_id, ERASED_AT_ONCE)
        ):
            await self.remove(user_id, email_ids)
        await self._database.write(lambda connection: forget(connection, user_id))

    async def versions_of(self, user_id: str, email_ids: Sequence[str]) -> Mapping[str, int]:
        try:
            return self._database.read_now(
                lambda connection: versions(connection, user_id, email_ids)
            )
        except sqlite3.DatabaseError as error:
            raise _damaged(error) from error

    async def search(
        self, user_id: str, query: SearchQuery, *, limit: int = 50, cursor: str | None = None
    ) -> Hits:
        before = str(uuid.UUID(cursor)) if cursor is not None else None
        try:
            total, found = await self._database.read(
                lambda connection: find(connection, user_id, query, limit + 1, before)
            )
        except sqlite3.DatabaseError as error:
            raise _damaged(error) from error
        page = tuple(found[:limit])
        return Hits(
            email_ids=page,
            total_count=total,
            next_cursor=page[-1] if page and len(found) > limit else None,
        )

    async def _write(self, job: _Job) -> None:
        # Whoever has the turn writes for all who wait. ``Database`` would share the sync as
        # well, but with a savepoint for each, at which FTS5 starts a new segment.
        self._waiting.append(job)
        async with self._turn:
            if not job.is_done:
                await self._write_waiting(job)
        if job.error is not None:
            raise job.error

    async def _write_waiting(self, own: _Job) -> None:
        # If the writing of a batch was cancelled, those in it wait no longer: each of them
        # writes its own when it has the turn. Writing twice is harmless.
        batch = [own]
        if own in self._waiting:
            batch, self._waiting = self._waiting, []
        error: Retryable | None = None
        missing: list[list[str]] = [[] for _ in batch]
        try:
            missing = await self._database.write(partial(_apply, batch))
        except Retryable as cause:
            error = cause
        except sqlite3.DatabaseError as cause:
            error = _damaged(cause)
        for job, email_ids in zip(batch, missing, strict=True):
            job.missing, job.error, job.is_done = email_ids, error, True


def _apply(batch: Sequence[_Job], connection: sqlite3.Connection) -> list[list[str]]:
    """Write *batch*; return for each job the ids of its states that lack a document.

    The order within a batch does not matter: versions decide between documents
    and states, and what is removed stays away.
    """
    rows = Rows(connection)
    for job in batch:
        for document in job.documents:
            rows.put(document)
    missing = [
        [state.email_id for user_id, state in job.states if not rows.set_state(user_id, state)]
        for job in batch
    ]
    for job in batch:
        for user_id, email_id in job.removed:
            rows.remove(user_id, email_id)
    rows.flush()
    return missing


def _damaged(error: sqlite3.DatabaseError) -> Retryable:
    return Retryable(f"the search index can't be used ({error}); it can be rebuilt", outage=True)
