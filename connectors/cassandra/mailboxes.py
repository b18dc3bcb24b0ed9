"""Mailboxes in Cassandra: one writer a mailbox, so no locks and no transactions.

Reads and writes the tables of ``mailboxes_schema``. A command counts from the moment its
mailbox's row is written; what else it changes is written next, or else by the next command.
Several commands share that row's write, and nothing else differs. How that stays exact through
crashes, repeats and two workers at once: ADR 6.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from connectors.cassandra import mailboxes_redo as redo
from connectors.cassandra.mailboxes_buckets import FULL
from connectors.cassandra.mailboxes_commit import changes_of
from connectors.cassandra.mailboxes_erase import Erasure
from connectors.cassandra.mailboxes_load import Loader, State
from connectors.cassandra.mailboxes_read import Reader
from connectors.cassandra.mailboxes_rows import LABEL
from connectors.cassandra.mailboxes_write import Writer
from connectors.cassandra.session import CassandraSession, Statement, gather
from topologies.errors import MailError, Retryable
from topologies.mail.page_cursor import email_id_of
from topologies.ports.clock import Clock
from topologies.ports.mailboxes import (
    ERASED_AT_ONCE,
    MAX_PAGE,
    Changes,
    Effects,
    Email,
    Folder,
    Label,
    Loaded,
    LoadedForSeveral,
    Mailbox,
    Needs,
    Page,
    Summary,
)

KEPT = timedelta(days=30)  # changes, and what makes a replayed command change nothing
LOADED = 4_096  # mailboxes of which a write may follow
SETTLED_AFTER_S = 0.25  # how often it is marked that commands are carried out to their end

_NO_COMMAND = "00000000-0000-0000-0000-000000000000"
_SETTLED = "UPDATE mailboxes USING TIMESTAMP ? SET redo = null WHERE user_id = ?"


class CassandraMailboxes:
    """The mailboxes of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock, *, bucket_rows: int = FULL) -> None:
        """Use *session*, whose keyspace has the tables.

        Args:
            session: Closed by whoever opened it, after ``close``.
            clock: Tells when changes are too old to be kept.
            bucket_rows: Mails of one folder that lie together; tests make it small.
        """
        self._session = session
        self._clock = clock
        self._loader = Loader(session, bucket_rows)
        self._reader = Reader(session)
        self._loaded: OrderedDict[str, State] = OrderedDict()
        self._settled: dict[str, int] = {}  # number of the last change, by user, to be marked
        self._marking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Mark what is carried out. Without it, it is carried out again: no harm, some work."""
        if self._marking is not None:
            self._marking.cancel()
            await asyncio.gather(self._marking, return_exceptions=True)
        await self._mark()

    async def load(self, user_id: str, needs: Needs) -> Loaded:
        state = await self._load(user_id, [needs])
        return state.loaded(state.answers.get(needs.command_id))

    async def load_for_several(self, user_id: str, needs: Sequence[Needs]) -> LoadedForSeveral:
        state = await self._load(user_id, needs)
        return LoadedForSeveral(loaded=state.loaded(), answers=state.answers)

    async def write(self, effects: Effects) -> None:
        await self.write_several([effects])

    async def write_several(self, effects: Sequence[Effects]) -> None:
        rest = list(effects)
        while rest:
            rest = rest[await self._write(rest) :]

    async def _load(self, user_id: str, needs: Sequence[Needs]) -> State:
        settled = self._settled.get(user_id, 0)
        state = await self._loader.load(user_id, needs, self._oldest(), settled)
        if any(each.command_id not in state.answers for each in needs):
            self._loaded[user_id] = state
            if len(self._loaded) > LOADED:
                self._loaded.popitem(last=False)
        return state

    async def _write(self, several: Sequence[Effects]) -> int:
        """Write the first of *several*, as many as can be at once, and return how many."""
        user_id = several[0].mailbox.user_id
        before = several[0].mailbox.seq - changes_of(several[0])
        state = self._loaded.pop(user_id, None)
        if state is None or state.mailbox.seq != before:
            needs = [Needs(command_id=several[0].command_id)]
            settled = self._settled.get(user_id, 0)
            state = await self._loader.load(user_id, needs, self._oldest(), settled)
            if state.answers:
                return 1
            if state.mailbox.seq != before:
                raise Retryable("the mailbox has changed since that was decided")
        writer = Writer(self._session, self._loader, state, self._clock.now())
        written = await writer.write(several)
        if state.mailbox.seq != (seq := several[written - 1].mailbox.seq):
            self._settle(user_id, seq)
        return written

    def _settle(self, user_id: str, seq: int) -> None:
        """Have it marked, soon, that all up to a change is carried out."""
        self._settled[user_id] = seq
        if self._marking is None or self._marking.done():
            self._marking = asyncio.create_task(self._mark_later())

    async def erase(self, user_id: str, limit: int = ERASED_AT_ONCE) -> bool:
        # What is begun is carried out first: it would write rows that nothing leads to.
        needs = [Needs(command_id=_NO_COMMAND)]
        await self._loader.load(user_id, needs, self._oldest(), 0)
        self._loaded.pop(user_id, None)
        self._settled.pop(user_id, None)
        return await Erasure(self._session, user_id).erase(limit)

    async def remains(self, user_id: str) -> int:
        return await Erasure(self._session, user_id).remains()

    async def mailbox(self, user_id: str) -> Mailbox:
        return await self._reader.mailbox(user_id)

    async def folders(self, user_id: str) -> Sequence[Folder]:
        return await self._reader.folders(user_id)

    async def page(
        self,
        user_id: str,
        folder_id: str,
        *,
        limit: int = 50,
        offset: int = 0,
        cursor: str | None = None,
        is_read: bool | None = None,
    ) -> Page | None:
        return await self._reader.page(
            user_id,
            folder_id,
            limit=min(max(limit, 1), MAX_PAGE),
            offset=offset,
            below=email_id_of(cursor) if cursor is not None else None,
            is_read=is_read,
        )

    async def labels(self, user_id: str) -> Sequence[Label]:
        return await self._reader.labels(user_id)

    async def labelled(
        self,
        user_id: str,
        label_id: str,
        *,
        limit: int = 50,
        offset: int = 0,
        cursor: str | None = None,
        is_read: bool | None = None,
    ) -> Page | None:
        return await self.page(
            user_id, LABEL + label_id, limit=limit, offset=offset, cursor=cursor, is_read=is_read
        )

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        return await self._reader.email(user_id, email_id, or_deleted=or_deleted)

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> Sequence[Summary]:
        return await self._reader.summaries(user_id, email_ids)

    async def thread(self, user_id: str, thread_id: str) -> Sequence[Summary]:
        return await self._reader.thread(user_id, thread_id)

    async def threads(self, user_id: str, thread_ids: Sequence[str]) -> Sequence[Sequence[Summary]]:
        return await self._reader.threads(user_id, thread_ids)

    async def changes(self, user_id: str, since: int, limit: int = 100) -> Changes:
        most = min(max(limit, 1), MAX_PAGE)
        return await self._reader.changes(user_id, max(since, 0), most, self._oldest())

    async def usage(self, user_id: str) -> int:
        return (await self._reader.mailbox(user_id)).used_bytes

    async def places(self, mail_id: str) -> Sequence[tuple[str, str]]:
        return await self._reader.places(mail_id)

    def _oldest(self) -> datetime:
        return self._clock.now() - KEPT

    async def _mark_later(self) -> None:
        """Mark, once for many commands, that they are carried out."""
        while self._settled:
            await asyncio.sleep(SETTLED_AFTER_S)
            await self._mark()

    async def _mark(self) -> None:
        settled = dict(self._settled)
        if not settled:
            return
        marks: list[Statement] = [(_SETTLED, (seq, user_id)) for user_id, seq in settled.items()]
        batches = [marks[start : start + redo.FEW] for start in range(0, len(marks), redo.FEW)]
        with suppress(MailError):  # then the next command does it all again: no change
            await gather([self._session.batch(batch) for batch in batches])
        for user_id, seq in settled.items():
            if self._settled.get(user_id) == seq:
                del self._settled[user_id]
