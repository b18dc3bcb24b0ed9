"""Mailboxes in one SQLite file.

Writes and reads `mailboxes.db`. What a command does is decided elsewhere; here it is one
write, in a transaction shared with whoever else writes. A write is refused when the mailbox
has changed since it was loaded, so that not even two writers at once make a count wrong.
What a command led to is kept ``KEPT`` long, longer than the log keeps the command; that a
mail was delivered is known for good.
"""

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from connectors.sqlite import mailboxes_erase, mailboxes_read
from connectors.sqlite.database import Database, T, Work
from connectors.sqlite.mailboxes_load import load, user_of
from connectors.sqlite.mailboxes_read import snapshot
from connectors.sqlite.mailboxes_rows import day_of
from connectors.sqlite.mailboxes_schema import MIGRATIONS, PAGE_BYTES
from connectors.sqlite.mailboxes_write import write
from topologies.errors import Retryable
from topologies.events.mailbox import DELETED
from topologies.mail.mailbox_several import combined
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

__all__ = ["MIGRATIONS", "PAGE_BYTES", "SqliteMailboxes"]

KEPT = timedelta(days=30)  # changes, and what makes a replayed command change nothing
FEW = 20  # mails by key, or changes, that are read at once, without another thread
SHORT_PAGE = 100  # mails that lie side by side, and are read as fast as few by key


class SqliteMailboxes:
    """The mailboxes of one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, which was opened with ``MIGRATIONS`` and ``PAGE_BYTES``.

        Args:
            database: Closed by whoever opened it.
            clock: Tells when changes are too old to be kept.
        """
        self._database = database
        self._clock = clock

    async def load(self, user_id: str, needs: Needs) -> Loaded:
        is_long = bool(needs.oldest_in_folder or needs.labelled) or len(needs.email_ids) > FEW
        return await self._read(lambda c: load(c, user_id, needs), is_long=is_long)

    async def write(self, effects: Effects) -> None:
        now = self._clock.now()
        today, oldest = day_of(now), day_of(now - KEPT)
        with _damage_as_outage():
            await self._database.write(lambda c: write(c, effects, today, oldest))

    async def load_for_several(self, user_id: str, needs: Sequence[Needs]) -> LoadedForSeveral:
        def work(connection: sqlite3.Connection) -> LoadedForSeveral:
            return combined([(each, load(connection, user_id, each)) for each in needs])

        return await self._read(work, is_long=sum(len(n.email_ids) for n in needs) > FEW)

    async def write_several(self, effects: Sequence[Effects]) -> None:
        now = self._clock.now()
        today, oldest = day_of(now), day_of(now - KEPT)

        def work(connection: sqlite3.Connection) -> None:
            for each in effects:
                write(connection, each, today, oldest)

        with _damage_as_outage():
            await self._database.write(work)

    async def erase(self, user_id: str, limit: int = ERASED_AT_ONCE) -> bool:
        with _damage_as_outage():
            return await self._database.write(lambda c: mailboxes_erase.erase(c, user_id, limit))

    async def remains(self, user_id: str) -> int:
        return await self._read(lambda c: mailboxes_erase.remains(c, user_id), is_long=True)

    async def mailbox(self, user_id: str) -> Mailbox:
        found = await self._read(lambda c: user_of(c, user_id))
        return found[1] if found else Mailbox(user_id=user_id)

    async def folders(self, user_id: str) -> Sequence[Folder]:
        return await self._read(lambda c: mailboxes_read.folders(c, user_id))

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
        is_long = limit > SHORT_PAGE or offset > 0
        return await self._listed(
            mailboxes_read.page, user_id, folder_id, limit, offset, cursor, is_read, is_long=is_long
        )

    async def labels(self, user_id: str) -> Sequence[Label]:
        return await self._read(lambda c: mailboxes_read.labels(c, user_id))

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
        return await self._listed(
            mailboxes_read.labelled, user_id, label_id, limit, offset, cursor, is_read
        )

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        found = await self._read(lambda c: mailboxes_read.email(c, user_id, email_id))
        is_shown = found is not None and (or_deleted or found.summary.folder_id != DELETED)
        return found if is_shown else None

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> Sequence[Summary]:
        return await self._read(
            lambda c: mailboxes_read.summaries(c, user_id, email_ids),
            is_long=len(email_ids) > mailboxes_read.NAMED_AT_ONCE,
        )

    async def thread(self, user_id: str, thread_id: str) -> Sequence[Summary]:
        return await self._read(
            lambda c: mailboxes_read.thread(c, user_id, thread_id), is_long=True
        )

    async def threads(self, user_id: str, thread_ids: Sequence[str]) -> Sequence[Sequence[Summary]]:
        return await self._read(
            lambda c: mailboxes_read.threads(c, user_id, thread_ids), is_long=True
        )

    async def changes(self, user_id: str, since: int, limit: int = 100) -> Changes:
        most = min(max(limit, 1), MAX_PAGE)
        return await self._read(
            lambda c: mailboxes_read.changes(c, user_id, max(since, 0), most), is_long=most > FEW
        )

    async def usage(self, user_id: str) -> int:
        return (await self.mailbox(user_id)).used_bytes

    async def places(self, mail_id: str) -> Sequence[tuple[str, str]]:
        return await self._read(lambda c: mailboxes_read.places(c, mail_id))

    async def _listed(
        self,
        listing: Callable[..., Page | None],
        user_id: str,
        named: str,
        limit: int,
        offset: int,
        cursor: str | None,
        is_read: bool | None,
        *,
        is_long: bool = True,
    ) -> Page | None:
        below = email_id_of(cursor) if cursor is not None else None
        return await self._read(
            lambda c: listing(
                c,
                user_id,
                named,
                limit=min(max(limit, 1), MAX_PAGE),
                offset=offset,
                below=below,
                is_read=is_read,
            ),
            is_long=is_long,
        )

    async def _read(self, work: Work[T], *, is_long: bool = False) -> T:
        def within_a_snapshot(connection: sqlite3.Connection) -> T:
            with snapshot(connection):
                return work(connection)

        with _damage_as_outage():
            if is_long:
                return await self._database.read(within_a_snapshot)
            return self._database.read_now(within_a_snapshot)


@contextmanager
def _damage_as_outage() -> Generator[None]:
    """Let records wait, rather than bury all of them, while the file can't be read."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # what we wrote breaks a rule of our own: a bug
    except sqlite3.DatabaseError as error:
        raise Retryable(f"the mailboxes can't be used: {error}", outage=True) from error
