"""What people see of a mailbox, read from its rows.

A listing is read from the buckets that hold it, side by side, since what each of them holds is
known beforehand. If one has less than it should, its command is not carried out to the end: the
reader does that, and reads again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.cassandra import mailboxes_redo as redo
from connectors.cassandra.mailboxes_buckets import Bucket
from connectors.cassandra.mailboxes_commit import STRETCH
from connectors.cassandra.mailboxes_load import COLUMNS, Loader, State
from connectors.cassandra.mailboxes_rows import (
    AFTER_ALL,
    LABEL,
    Row,
    events_of,
    folder_of,
    id_of,
    is_key,
    key_of,
    label_of,
    mailbox_of,
    summary_of,
)
from connectors.cassandra.mailboxes_write import MAIL
from connectors.cassandra.session import CassandraSession
from connectors.mail_bodies import email_of
from topologies.events.mailbox import DELETED, SYSTEM_FOLDERS, MailboxChanged
from topologies.mail.folder_names import EMPTY_SYSTEM_FOLDERS, in_order, labels_in_order
from topologies.mail.listing import total_of
from topologies.mail.page_cursor import cursor_of
from topologies.ports.mailboxes import Changes, Email, Folder, Label, Mailbox, Page, Summary

NOTHING = Page(emails=(), total_count=0, next_cursor=None)
TRIES = 3  # to read a page whose buckets change meanwhile
LONGEST_COMMAND = 1_002  # changes of one command

_MAILBOX = "SELECT seq, used_bytes FROM mailboxes WHERE user_id = ? LIMIT 1"
_FOLDERS = (
    "SELECT folder_id, name, is_deleting, total_count, unread_count, colour,"
    " parent_id FROM mailboxes"
    " WHERE user_id = ?"
)
_LINES = {
    None: (
        f"SELECT {COLUMNS} FROM emails"  # noqa: S608
        " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id < ? LIMIT ?"
    ),
    # Filtering steps over the rows of one bucket, of which there are at most a few thousand.
    True: (
        f"SELECT {COLUMNS} FROM emails"  # noqa: S608
        " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id < ?"
        " AND is_read = true LIMIT ? ALLOW FILTERING"
    ),
    False: (
        f"SELECT {COLUMNS} FROM emails"  # noqa: S608
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
    f"SELECT {COLUMNS}, folder_id, body"  # noqa: S608
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
        there = [row for row in rows if row[0] is not None and not row[0].startswith(LABEL)]
        kept = {row[0]: folder_of(row) for row in there}
        return in_order((EMPTY_SYSTEM_FOLDERS | kept).values())

    async def labels(self, user_id: str) -> list[Label]:
        """Return all labels in order."""
        rows = await self._session.execute(_FOLDERS, (user_id,))
        there = [row for row in rows if row[0] is not None and row[0].startswith(LABEL)]
        return labels_in_order([label_of(row) for row in there])

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
        """Return *limit* mails older than *below*, or else from *offset* on.

        *folder_id* may be that of a label, with ``LABEL`` before it.
        """
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

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        """Return the mail whole, or None; with *or_deleted* one that can be restored, too."""
        if not is_key(email_id):
            return None
        for row in await self._session.execute(_EMAIL, (user_id, key_of(email_id))):
            if row[7] and (or_deleted or row[7] != DELETED):
                return email_of(summary_of(row[7], row), row[8])
        return None

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> list[Summary]:
        """Return those that exist, in the order asked for."""
        state = State(Mailbox(user_id=user_id), None, {})
        await self._loader.mails(state, list(dict.fromkeys(email_ids)))
        found = [state.emails[each] for each in email_ids if each in state.emails]
        return [mail for mail in found if mail.folder_id != DELETED]

    async def thread(self, user_id: str, thread_id: str) -> list[Summary]:
        """Return the mails of a thread, or of the one that took it up, oldest first."""
        [found] = await self.threads(user_id, [thread_id])
        return found

    async def threads(self, user_id: str, thread_ids: Sequence[str]) -> list[list[Summary]]:
        """Return the mails of each thread, as ``thread`` does."""
        keys = {each: key_of(each) for each in thread_ids if is_key(each)}
        rows = await self._members(user_id, keys)
        into = {each: found[0][0] for each, found in rows.items() if found and found[0][0]}
        rows |= await self._members(user_id, into)
        members = {
            each: [id_of(key) for key in sorted(row[2] for row in found if row[1] == MAIL)]
            for each, found in rows.items()
        }
        mails = await self.summaries(
            user_id, list(dict.fromkeys(i for found in members.values() for i in found))
        )
        there = {mail.email_id: mail for mail in mails}
        return [
            [there[each] for each in members.get(thread_id, ()) if each in there]
            for thread_id in thread_ids
        ]

    async def _members(self, user_id: str, keys: Mapping[str, bytes]) -> dict[str, Sequence[Row]]:
        found = await self._session.execute_all(
            [(_THREAD, (user_id, key)) for key in keys.values()]
        )
        return dict(zip(keys, found, strict=True))

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
        is_label = asked.folder_id.startswith(LABEL)
        if is_label:
            found = state.labels.get(asked.folder_id.removeprefix(LABEL))
        else:
            found = state.folders.get(asked.folder_id)
        if found is None:
            is_always_there = asked.folder_id in (*SYSTEM_FOLDERS, DELETED)
            return (NOTHING if is_always_there else None), True
        counts, buckets = found
        if counts.is_deleting and asked.folder_id != DELETED:
            return None, True
        total = total_of(counts, is_read=asked.is_read)
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
        shown = rows[: asked.limit]
        if is_label:  # whose lines say no more than which mails these are
            emails = tuple(await self.summaries(asked.user_id, [id_of(row[0]) for row in shown]))
            is_whole = is_whole and len(emails) == len(shown)
        else:
            emails = tuple([summary_of(asked.folder_id, row) for row in shown])
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
