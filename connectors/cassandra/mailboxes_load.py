"""What commands need to be decided, read in as few round trips as there are.

First all that is known by key, side by side; then, if mails of a folder or threads are asked
for, what follows from the first answers. If the commands before were not carried out to their
end, that is done first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.cassandra import mailboxes_redo as redo
from connectors.cassandra.mailboxes_buckets import FULL, Bucket, Buckets
from connectors.cassandra.mailboxes_rows import (
    LABEL,
    Events,
    Row,
    digest_of,
    events_of,
    folders_of,
    id_of,
    is_key,
    key_of,
    labels_of,
    mailbox_of,
    summary_of,
)
from connectors.cassandra.session import CassandraSession
from connectors.mail_bodies import draft_version_of
from topologies.errors import Retryable
from topologies.mail.folder_names import EMPTY_SYSTEM_FOLDERS
from topologies.ports.mailboxes import Effects, Folder, Label, Loaded, Mailbox, Needs, Summary

KEYS_AT_ONCE = 50  # of one request that reads rows by key
COLUMNS = "email_id, thread_id, is_read, is_starred, changed_seq, line, marks"  # of a mail's line

_MAILBOX = (
    "SELECT seq, used_bytes, redo, folder_id, name, is_deleting, total_count, unread_count,"
    " buckets, colour, parent_id FROM mailboxes WHERE user_id = ?"
)
_COMMANDS = (
    "SELECT command_id, written_at, events FROM commands WHERE user_id = ? AND command_id IN ?"
)
_MAILS = (
    f"SELECT {COLUMNS}, folder_id,"  # noqa: S608  constants all, here and below
    " writetime(folder_id), writetime(changed_seq), writetime(thread_id) FROM mails"
    " WHERE user_id = ? AND email_id IN ?"
)
_BODIES = (
    "SELECT email_id, folder_id, body, writetime(body) FROM mails"
    " WHERE user_id = ? AND email_id IN ?"
)
_OLDEST = (
    f"SELECT {COLUMNS} FROM emails"  # noqa: S608
    " WHERE user_id = ? AND folder_id = ? AND bucket = ? ORDER BY email_id ASC LIMIT ?"
)
_MESSAGE_IDS = (
    "SELECT digest, thread_id, writetime(thread_id) FROM message_ids"
    " WHERE user_id = ? AND digest IN ?"
)
_THREADS = (
    "SELECT DISTINCT user_id, thread_id, into_id, size, writetime(size), writetime(into_id)"
    " FROM threads"
    " WHERE user_id = ? AND thread_id IN ?"
)


@dataclass(slots=True)
class State:
    """What was loaded of a mailbox, and where its mails lie: what a write starts from."""

    mailbox: Mailbox
    redo: bytes | None
    folders: dict[str, tuple[Folder, Buckets]]
    labels: dict[str, tuple[Label, Buckets]] = field(
        default_factory=dict[str, tuple[Label, Buckets]]
    )
    emails: dict[str, Summary] = field(default_factory=dict[str, Summary])
    gone: set[str] = field(default_factory=set[str])
    threads: dict[str, str] = field(default_factory=dict[str, str])  # by message-id
    sizes: dict[str, int] = field(default_factory=dict[str, int])  # of threads
    answers: dict[str, Events] = field(default_factory=dict[str, Events])  # by command
    draft_version: str = ""
    newest: int = 0  # the highest timestamp of what was read

    def saw(self, *timestamps: int | None) -> None:
        """Take note of the timestamps of a row that was read."""
        self.newest = max(self.newest, *(each or 0 for each in timestamps))

    @property
    def is_of_one_moment(self) -> bool:
        """Tell whether nothing was read that a later command wrote."""
        return self.newest <= self.mailbox.seq

    def loaded(self, answered: Events | None = None) -> Loaded:
        """Return it as the port has it."""
        kept = {folder_id: folder for folder_id, (folder, _) in self.folders.items()}
        return Loaded(
            mailbox=self.mailbox,
            folders=EMPTY_SYSTEM_FOLDERS | kept,
            labels={label_id: label for label_id, (label, _) in self.labels.items()},
            emails=dict(self.emails),
            gone=frozenset(self.gone),
            threads=self.threads,
            thread_sizes={each: self.sizes.get(each, 0) for each in self.threads.values()},
            answered=answered,
            draft_version=self.draft_version,
        )


class Loader:
    """Reads what commands need."""

    def __init__(self, session: CassandraSession, full: int = FULL) -> None:
        self._session = session
        self.full = full  # rows of one bucket

    async def state(self, user_id: str) -> State:
        """Return the mailbox and its folders."""
        rows = await self._session.execute(_MAILBOX, (user_id,))
        lines = [row[3:] for row in rows if row[3] is not None]
        return State(
            mailbox=mailbox_of(user_id, rows),
            redo=rows[0][2] if rows else None,
            folders=folders_of(lines, self.full),
            labels=labels_of(lines, self.full),
        )

    async def load(
        self, user_id: str, several: Sequence[Needs], oldest: datetime, settled: int
    ) -> State:
        """Return what each of *several* names, once all that counts is written.

        If all of their commands were applied before, it is only told what they led to.

        Args:
            user_id: Whose mailbox.
            several: What to read.
            oldest: What was written before is forgotten.
            settled: The number of a change up to which all is known to be written.

        Raises:
            Retryable: As the session; or another worker is changing the mailbox meanwhile.
        """
        email_ids = dict.fromkeys(each for needs in several for each in needs.email_ids)
        message_ids = dict.fromkeys(each for needs in several for each in needs.message_ids)
        digests = {digest_of(each): each for each in message_ids}
        answers: dict[str, Events] = {}
        drafts = [key_of(n.draft_id) for n in several if is_key(n.draft_id)]
        state, mails, found, bodies, _ = await asyncio.gather(
            self.state(user_id),
            self._by_key(_MAILS, user_id, [key_of(each) for each in email_ids if is_key(each)]),
            self._by_key(_MESSAGE_IDS, user_id, list(digests)),
            self._by_key(_BODIES, user_id, drafts),
            self._answers(
                answers,
                user_id,
                [needs.command_id for needs in several if not _is_delivery(needs)],
                oldest,
            ),
        )
        if state.redo is not None and state.mailbox.seq > settled:
            await redo.carry_out(self._session, redo.steps_of(state.redo))
            return await self.load(user_id, several, oldest, state.mailbox.seq)
        there = {id_of(row[0]) for row in mails}
        again = [n.command_id for n in several if _is_delivery(n) and n.email_ids[0] in there]
        await self._answers(answers, user_id, again, oldest)
        state.answers = answers
        if all(needs.command_id in answers for needs in several):
            return state
        _take_mails(state, mails)
        _take_draft(state, bodies)
        for digest, thread, timestamp in found:
            state.threads[digests[digest]] = id_of(thread)
            state.saw(timestamp)
        reading = [self._read_oldest(state, needs) for needs in several if needs.oldest_in_folder]
        reading += [self._read_labelled(state, needs) for needs in several if needs.labelled]
        await asyncio.gather(*reading, self._read_threads(state))
        if not state.is_of_one_moment:
            raise Retryable("another worker changes this mailbox")
        return state

    async def _answers(
        self, into: dict[str, Events], user_id: str, command_ids: Sequence[str], oldest: datetime
    ) -> None:
        """Read what commands led to, of those that were written since *oldest*."""
        rows = await self._by_key(_COMMANDS, user_id, command_ids)
        for command_id, written_at, kept in rows:
            if written_at.replace(tzinfo=UTC) >= oldest:
                into[command_id] = events_of(kept)

    async def rest(self, state: State, several: Sequence[Effects]) -> bool:
        """Read what it takes to write *several* and was not loaded; tell whether that was any.

        Those are mails that change, and the sizes of threads.
        """
        added = {email.summary.email_id: email.summary for e in several for email in e.added}
        removed = [email_id for effects in several for email_id in effects.removed]
        changed = removed + [mail.email_id for effects in several for mail in effects.updated]
        changed += [email.summary.email_id for e in several for email in e.rewritten]
        missing = set(changed) - state.emails.keys() - added.keys()
        await self.mails(state, sorted(missing))
        wanted = {mail.thread_id for mail in added.values()}
        wanted |= {into for effects in several for _, into in effects.merged}
        for email_id in removed:
            mail = added.get(email_id) or state.emails.get(email_id)
            if mail is None:
                raise Retryable(f"{email_id} is not where it was when that was decided")
            wanted.add(mail.thread_id)
        keys = [key_of(each) for each in wanted - state.sizes.keys() - added.keys()]
        rows = await self.threads(state, keys)
        state.sizes.update((id_of(key), row[1]) for key, row in rows.items())
        return bool(missing or keys)

    async def mails(self, state: State, email_ids: Sequence[str]) -> None:
        """Read those of the mails that are not in *state* yet."""
        wanted = [key_of(each) for each in email_ids if each not in state.emails and is_key(each)]
        _take_mails(state, await self._by_key(_MAILS, state.mailbox.user_id, wanted))

    async def threads(self, state: State, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Return which thread took up each of these threads, if one did, and their sizes."""
        rows = await self._by_key(_THREADS, state.mailbox.user_id, keys)
        for row in rows:
            state.saw(row[4], row[5])
        return {row[1]: (row[2], row[3] or 0) for row in rows}

    async def _read_oldest(self, state: State, needs: Needs) -> None:
        kept = state.folders.get(needs.oldest_in_folder)
        if kept is None:
            return
        folder, buckets = kept
        rows = await self._oldest(state, folder.folder_id, buckets, needs.limit)
        mails = [summary_of(folder.folder_id, row) for row in rows]
        state.emails.update((mail.email_id, mail) for mail in mails)

    async def _read_labelled(self, state: State, needs: Needs) -> None:
        kept = state.labels.get(needs.labelled)
        if kept is None:
            return
        _, buckets = kept
        rows = await self._oldest(state, LABEL + needs.labelled, buckets, needs.limit)
        email_ids = [id_of(row[0]) for row in rows]
        await self.mails(state, email_ids)
        if not all(email_id in state.emails for email_id in email_ids):
            raise Retryable("another worker changes this mailbox")

    async def _oldest(
        self, state: State, folder_id: str, buckets: Buckets, limit: int
    ) -> Sequence[Row]:
        """Return the oldest *limit* lines of a folder, or of what stands in place of one."""
        wanted: list[Bucket] = []
        for bucket in buckets:
            if sum(each.live for each in wanted) < limit:
                wanted.append(bucket)
        found = await self._session.execute_all(
            [
                (_OLDEST, (state.mailbox.user_id, folder_id, bucket.number, limit))
                for bucket in wanted
            ]
        )
        for bucket, lines in zip(wanted, found, strict=True):
            if len(lines) != min(limit, bucket.live):
                raise Retryable("another worker changes this mailbox")
        return [row for rows in found for row in rows][:limit]

    async def _read_threads(self, state: State) -> None:
        if not state.threads:
            return
        keys = list({key_of(each) for each in state.threads.values()})
        first = await self.threads(state, keys)
        into = {key: row[0] for key, row in first.items() if row[0] is not None}
        further = [key for key in set(into.values()) if key not in first]
        sizes = first | (await self.threads(state, further) if further else {})
        for message_id, thread_id in state.threads.items():
            key = key_of(thread_id)
            state.threads[message_id] = id_of(into.get(key, key))
        state.sizes.update((id_of(key), row[1]) for key, row in sizes.items())

    async def _by_key(
        self, statement: str, user_id: str, keys: Sequence[bytes] | Sequence[str]
    ) -> list[Row]:
        # A request with several keys is spread by the node that gets it: few requests, and
        # few keys in each of them.
        stretches = range(0, len(keys), KEYS_AT_ONCE)
        found = await self._session.execute_all(
            [(statement, (user_id, list(keys[at : at + KEYS_AT_ONCE]))) for at in stretches]
        )
        return [row for rows in found for row in rows]


def _is_delivery(needs: Needs) -> bool:
    # Only a delivery asks for message-ids, and one that was applied before left its mail.
    return bool(needs.message_ids) and all(map(is_key, needs.email_ids)) and bool(needs.email_ids)


def _take_draft(state: State, rows: Sequence[Row]) -> None:
    for _, folder_id, body, timestamp in rows:
        state.saw(timestamp)
        if folder_id and body is not None:
            state.draft_version = draft_version_of(body)


def _take_mails(state: State, rows: Sequence[Row]) -> None:
    for row in rows:
        folder_id = row[7]
        state.saw(*row[8:11])
        if folder_id:
            mail = summary_of(folder_id, row)
            state.emails[mail.email_id] = mail
        elif folder_id is not None:  # else: a body alone, of a mail that never came to count
            state.gone.add(id_of(row[0]))
