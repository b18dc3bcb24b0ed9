"""What people see of a mailbox, read from its rows.

A listing is read from the buckets that hold it, side by side, since what each of them holds is
known beforehand. If one has less than it should, its command is not carried out to the end: the
reader does that, and reads again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.cassandra import mailboxes_redo as redo
from connectors.cassandra.mailboxes_buckets import Bucket
from connectors.cassandra.mailboxes_commit import STRETCH
from connectors.cassandra.mailboxes_load import Loader, State
from connectors.cassandra.mailboxes_rows import (
    AFTER_ALL,
    Row,
    events_of,
    folder_of,
    id_of,
    is_key,
    key_of,
    mailbox_of,
    summary_of,
)
from connectors.cassandra.mailboxes_write import MAIL
from connectors.cassandra.session import CassandraSession
from connectors.mail_bodies import email_of
from topologies.events.mailbox import SYSTEM_FOLDERS, MailboxChanged
from topologies.mail.folder_names import EMPTY_SYSTEM_FOLDERS, in_order
from topologies.mail.page_cursor import cursor_of
from topologies.ports.mailboxes import Changes, Email, Folder, Mailbox, Page, Summary

NOTHING = Page(emails=(), total_count=0, next_cursor=None)
TRIES = 3  # to read a page whose buckets change meanwhile
LONGEST_COMMAND = 1_002  # changes of one command

_MAILBOX = "SELECT seq, used_bytes FROM mailboxes WHERE user_id = ? LIMIT 1"
_FOLDERS = (
    "SELECT folder_id, name, is_deleting, total_count, unread_count FROM mailboxes"
    " WHERE user_id = ?"
)
_LINES = {
    None: (
        "SELECT email_id, thread_id, is_read, is_starred, changed_seq, line FROM emails"
        " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id < ? LIMIT ?"
    ),
    # Filtering steps over the rows of one bucket, of which there are at most a few thousand.
    True: (
        "SELECT email_id, thread_id, is_read, is_starred, changed_seq, line FROM emails"
        " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id < ?"
        " AND is_read = true LIMIT ? ALLOW FILTERING"
    ),
    False: (
        "SELECT email_id, thread_id, is_read, is_starred, changed_seq, line FROM emails"
        " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id < ?"
        " AND is_read = false LIMIT ? ALLOW FILTERING"
    ),
}
_KEYS = {
    None: (
        "SELECT email_id FROM emails WHERE user_id = ? AND folder_id = ? AND bucket = ? LIMIT ?"
    ),
    True: (
        "SELECT email_id FROM emails WHERE user_id = ? AND folder_id = ? AND bucket = ?"
        " AND is_read = true LIMIT ? ALLOW FILTERING"
    ),
    False: (
        "SELECT email_id FROM emails WHERE user_id = ? AND folder_id = ? AND bucket = ?"
        " AND is_read = false LIMIT ? ALLOW FILTERING"
    ),
}
_EMAIL = (
    "SELECT email_id, thread_id, is_read, is_starred, changed_seq, line, folder_id, body"
    " FROM mails WHERE user_id = ? AND email_id = ?"
)
_THREAD = "SELECT into_id, kind, member FROM threads WHERE user_id = ? AND thread_id = ?"
_CHANGES = (
    "SELECT written_at, events FROM changes WHERE user_id = ? AND stretch = ? AND last_seq > ?"
    " LIMIT ?"
)
_COPIES = "SELECT user_id, email_id FROM copies WHERE mail_id = ?"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A page that was asked for."""

    user_id: str
    folder_id: str
    limit: int
    offset: int
    below: bytes | None
    is_read: bool | None


class Reader:
    """Reads what people see."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session
        self._loader = Loader(session)

    async def mailbox(self, user_id: str) -> Mailbox:
        """Return the mailbox's row."""
        return mailbox_of(user_id, await self._session.execute(_MAILBOX, (user_id,)))

    async def folders(self, user_id: str) -> list[Folder]:
        """Return all folders in order."""
        rows = await self._session.execute(_FOLDERS, (user_id,))
        kept = {row[0]: folder_of(row) for row in rows if row[0] is not None}
        return in_order((EMPTY_SYSTEM_FOLDERS | kept).values())

    async def page(
        self,
        user_id: str,
        folder_id: str,
        *,
        limit: int,
        offset: int,
        below: str | None,
        is_read: bool | None,
    ) -> Page | None:
        """Return *limit* mails older than *below*, or else from *offset* on."""
        key = key_of(below) if below is not None else None
        skipped = max(offset, 0) if below is None else 0
        asked = _Asked(user_id, folder_id, limit, skipped, key, is_read)
        page: Page | None = None
        for _ in range(TRIES):
            state = await self._loader.state(user_id)
            page, is_whole = await self._page(state, asked)
            if is_whole:
                break
            if state.redo is not None:
                await redo.carry_out(self._session, redo.steps_of(state.redo))
        return page

    async def email(self, user_id: str, email_id: str) -> Email | None:
        """Return the mail whole, or None."""
        if not is_key(email_id):
            return None
        for row in await self._session.execute(_EMAIL, (user_id, key_of(email_id))):
            if row[6]:
                return email_of(summary_of(row[6], row), row[7])
        return None

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> list[Summary]:
        """Return those that exist, in the order asked for."""
        state = State(Mailbox(user_id=user_id), None, {})
        await self._loader.mails(state, list(dict.fromkeys(email_ids)))
        return [state.emails[each] for each in email_ids if each in state.emails]

    async def thread(self, user_id: str, thread_id: str) -> list[Summary]:
        """Return the mails of a thread, or of the one that took it up, oldest first."""
        if not is_key(thread_id):
            return []
        rows = await self._session.execute(_THREAD, (user_id, key_of(thread_id)))
        if rows and rows[0][0] is not None:
            rows = await self._session.execute(_THREAD, (user_id, rows[0][0]))
        members = sorted(row[2] for row in rows if row[1] == MAIL)
        return await self.summaries(user_id, [id_of(member) for member in members])

    async def changes(self, user_id: str, since: int, limit: int, oldest: datetime) -> Changes:
        """Return up to *limit* changes after *since*; those before *oldest* are forgotten."""
        found = await self._changes(user_id, since, limit, oldest)
        is_short = found.has_more and len(found.changes) < limit
        if is_short or (found.status == "too-old" and since < found.seq):
            # Or the last commands are not carried out to their end.
            state = await self._loader.state(user_id)
            if state.redo is not None:
                await redo.carry_out(self._session, redo.steps_of(state.redo))
                found = await self._changes(user_id, since, limit, oldest)
        return found

    async def _changes(self, user_id: str, since: int, limit: int, oldest: datetime) -> Changes:
        seq = (await self.mailbox(user_id)).seq
        if since >= seq:
            status = "ok" if since == seq else "too-old"  # no such number was ever given
            return Changes(changes=(), status=status, seq=seq, has_more=False)
        found: list[MailboxChanged] = []
        stretch = (since + 1) // STRETCH
        # The command that made the next change may have ended in a later stretch.
        while (
            len(found) < limit
            and stretch <= (seq if found else min(seq, since + LONGEST_COMMAND)) // STRETCH
        ):
            rows = await self._session.execute(_CHANGES, (user_id, stretch, since, limit))
            for written_at, kept in rows:
                if written_at.replace(tzinfo=UTC) >= oldest:
                    events = [e for e in events_of(kept) if isinstance(e, MailboxChanged)]
                    found += [event for event in events if since < event.seq <= seq]
            stretch += 1
        if not found or found[0].seq != since + 1:
            return Changes(changes=(), status="too-old", seq=seq, has_more=False)
        # Of commands written at once, a later one's change may be there already.
        told = tuple([e for at, e in enumerate(found[:limit], since + 1) if e.seq == at])
        return Changes(changes=told, status="ok", seq=told[-1].seq, has_more=told[-1].seq < seq)

    async def places(self, mail_id: str) -> list[tuple[str, str]]:
        """Return (user_id, email_id) of every copy there ever was."""
        if not is_key(mail_id):
            return []
        rows = await self._session.execute(_COPIES, (key_of(mail_id),))
        return sorted((user_id, id_of(key)) for user_id, key in rows)

    async def _page(self, state: State, asked: _Asked) -> tuple[Page | None, bool]:
        """Return a page, and whether its buckets held what they should."""
        found = state.folders.get(asked.folder_id)
        if found is None:
            return (NOTHING if asked.folder_id in SYSTEM_FOLDERS else None), True
        folder, buckets = found
        if folder.is_deleting:
            return None, True
        total = {
            None: folder.total_count,
            True: folder.total_count - folder.unread_count,
            False: folder.unread_count,
        }[asked.is_read]
        below, first, skipped = asked.below or AFTER_ALL, asked.limit + 1, asked.offset
        rest: list[Bucket] = []
        for bucket in reversed(list(buckets)):
            count = bucket.count(asked.is_read)
            if not rest and count <= skipped:
                skipped -= count
            elif bucket.start < below:
                rest.append(bucket)
        if skipped and rest:
            last = await self._nth(asked, rest[0], skipped)
            if last is None:
                return NOTHING, False
            below = last
        rows, is_whole = await self._lines(asked, rest, below, first)
        emails = tuple([summary_of(asked.folder_id, row) for row in rows[: asked.limit]])
        more = len(rows) > asked.limit
        cursor = cursor_of(emails[-1].email_id) if emails and more else None
        return Page(emails=emails, total_count=total, next_cursor=cursor), is_whole

    async def _nth(self, asked: _Asked, bucket: Bucket, count: int) -> bytes | None:
        """Return the last of the *count* newest mails in a bucket."""
        place = (asked.user_id, asked.folder_id, bucket.number)
        rows = await self._session.execute(_KEYS[asked.is_read], (*place, count))
        return rows[-1][0] if len(rows) == count else None

    async def _lines(
        self, asked: _Asked, buckets: Sequence[Bucket], below: bytes, wanted: int
    ) -> tuple[list[Row], bool]:
        """Return the newest *wanted* lines below a key, and whether no bucket lacked any."""
        chosen: list[Bucket] = []
        certain = 0
        for bucket in buckets:
            if certain >= wanted:
                break
            chosen.append(bucket)
            if bucket.newest < below:
                certain += bucket.count(asked.is_read)
        found = await self._session.execute_all(
            [
                (
                    _LINES[asked.is_read],
                    (asked.user_id, asked.folder_id, bucket.number, below, wanted),
                )
                for bucket in chosen
            ]
        )
        is_whole = all(
            len(rows) == min(wanted, bucket.count(asked.is_read))
            for bucket, rows in zip(chosen, found, strict=True)
            if bucket.newest < below
        )
        return [row for rows in found for row in rows][:wanted], is_whole
