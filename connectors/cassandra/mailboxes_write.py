"""How the effects of commands become rows.

1. What nobody sees yet is written: bodies too large to be written twice, and new partitions for
   buckets that are worn.
2. The mailbox row is written, with its folders and the steps of the rest, all or none: from here
   on the commands count.
3. The rest is written, in any order.

Every command makes the same steps with the same timestamps, whether it is written alone or with
others. So workers that take different ones together do not disturb each other. A command whose
steps depend on rows that are to be read first is therefore the first of those written at once.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors import mail_marks
from connectors.cassandra import mailboxes_redo as redo
from connectors.cassandra.mailboxes_buckets import Bucket, Buckets
from connectors.cassandra.mailboxes_commit import changes_of, committing, told
from connectors.cassandra.mailboxes_load import COLUMNS, Loader, State
from connectors.cassandra.mailboxes_redo import Step
from connectors.cassandra.mailboxes_rows import (
    LABEL,
    digest_of,
    id_of,
    key_of,
    line_of,
)
from connectors.cassandra.session import CassandraSession
from connectors.mail_bodies import body_of
from topologies.errors import Poison, Retryable
from topologies.ports.mailboxes import Effects, Email, Summary

SMALL_BODY_BYTES = 8 * 1024  # compressed; written twice, which saves a round trip
BODIES_BYTES = 256 * 1024  # of those in one write, which all go to one partition
MAIL, TAKEN_UP = 0, 1  # kinds of members of a thread

_BUCKET = (
    f"SELECT {COLUMNS} FROM emails"  # noqa: S608  constants
    " WHERE user_id = ? AND folder_id = ? AND bucket = ?"
)
_MEMBERS = "SELECT kind, member FROM threads WHERE user_id = ? AND thread_id = ?"


class Writer:
    """Writes what commands do to the mailbox that *state* was loaded of. Used once."""

    def __init__(
        self, session: CassandraSession, loader: Loader, state: State, now: datetime
    ) -> None:
        self._session = session
        self._loader = loader
        self._state = state
        self._user_id = state.mailbox.user_id
        self._now = now
        self._emails: dict[str, Summary] = {}  # as the commands so far leave them
        self._buckets = {each: buckets for each, (_, buckets) in state.folders.items()}
        self._buckets |= {LABEL + each: buckets for each, (_, buckets) in state.labels.items()}
        self._folders = {each: folder for each, (folder, _) in state.folders.items()}
        self._labels = {LABEL + each: label for each, (label, _) in state.labels.items()}
        self._touched: set[str] = set()  # folders and labels that changed, or whose buckets did
        self._removed: set[str] = set()  # folders and labels
        self._command_id = ""  # of the command that is taken up
        self._seq = state.mailbox.seq  # its number, also the timestamp of its rows
        self._numbers = 0
        self._before: list[Step] = []
        self._after: list[Step] = []
        self._sizes: dict[str, tuple[int, int]] = {}  # of threads that change, and when they did
        self._body_bytes = 0
        self._has_read = False  # more than was loaded

    async def write(self, several: Sequence[Effects]) -> int:
        """Write the first of *several*, as many as can be at once, and return how many.

        Raises:
            Retryable: It was not acknowledged: each counts, and will be carried out, or none.
        """
        self._has_read = await self._loader.rest(self._state, several)
        self._emails = dict(self._state.emails)
        count = 0
        for effects in several:
            if count and self._must_wait(several[count - 1], effects):
                break
            await self._take(effects)
            count += 1
        for thread_id, (size, seq) in self._sizes.items():
            self._step("thread size", self._user_id, key_of(thread_id), size, seq)
        if self._has_read:
            await self._check()
        if self._before:
            await redo.carry_out(self._session, self._before)
        mailbox = several[count - 1].mailbox
        if mailbox.seq != self._state.mailbox.seq:
            touched = sorted(self._touched)
            folders = [(self._folders[i], self._of(i)) for i in touched if i in self._folders]
            labels = [(self._labels[i], self._of(i)) for i in touched if i in self._labels]
            gone = sorted(self._removed)
            await self._session.batch(committing(mailbox, folders, labels, gone, self._after))
        await redo.carry_out(self._session, self._after)
        return count

    def _must_wait(self, before: Effects, effects: Effects) -> bool:
        """Tell whether *effects* can be written only after those before are."""
        if before.merged or before.removed_folders or before.removed_labels or effects.merged:
            return True
        return bool(self._worn(effects))

    async def _take(self, effects: Effects) -> None:
        """Make the steps of one command."""
        if effects.mailbox.seq - changes_of(effects) != self._seq:
            raise Retryable("the mailbox has changed since that was decided")
        self._command_id, self._seq, self._numbers = effects.command_id, effects.mailbox.seq, 0
        self._labels |= {LABEL + label.label_id: label for label in effects.labels}
        await self._renew(self._worn(effects))
        for email in effects.added:
            self._add(email)
        for mail in effects.updated:
            self._update(mail)
        for email in effects.rewritten:
            self._rewrite(email)
        for email_id in effects.removed:
            self._remove(email_id)
        for message_id, thread_id in effects.threads:
            digest, key = digest_of(message_id), key_of(thread_id)
            self._step("message id", self._user_id, digest, key, self._seq)
        for thread_id, into in effects.merged:
            await self._merge(thread_id, into)
        self._folders |= {folder.folder_id: folder for folder in effects.folders}
        self._touched |= {folder.folder_id for folder in effects.folders}
        self._touched |= {LABEL + label.label_id for label in effects.labels}
        gone = {*effects.removed_folders, *(LABEL + each for each in effects.removed_labels)}
        self._touched -= gone
        self._removed |= gone
        self._after += told(effects, self._now)

    async def _check(self) -> None:
        """Make sure that what was read since the mailbox was loaded is as old as that."""
        if (await self._loader.state(self._user_id)).mailbox.seq != self._state.mailbox.seq:
            raise Retryable("the mailbox has changed since that was decided")

    def _add(self, email: Email) -> None:
        mail = email.summary
        key, body = key_of(mail.email_id), body_of(email)
        values = self._values_of(mail)
        self._emails[mail.email_id] = mail
        if len(body) <= SMALL_BODY_BYTES and self._body_bytes + len(body) <= BODIES_BYTES:
            self._body_bytes += len(body)
            self._step("mail", self._user_id, key, mail.folder_id, *values, body, self._seq)
        else:
            self._before.append(("body", [self._user_id, key, body, self._seq]))
            name = "mail without body"
            self._step(name, self._user_id, key, mail.folder_id, *values, self._seq)
        self._put_line(mail, values)
        self._relabel(None, mail)
        thread = key_of(mail.thread_id)
        self._step("thread member", self._user_id, thread, MAIL, key, self._seq)
        self._resize(mail.thread_id, 1)
        self._step("copy", key_of(email.mail_id), self._user_id, key, self._seq)

    def _update(self, mail: Summary) -> None:
        before = self._known(mail.email_id)
        self._emails[mail.email_id] = mail
        key = key_of(mail.email_id)
        flags = (mail.is_read, mail.is_starred, mail.changed_seq)
        self._step("mail state", self._seq, mail.folder_id, *flags, self._user_id, key)
        marks = mail_marks.kept_of(mail)
        is_marked = marks != mail_marks.kept_of(before)
        if is_marked:
            self._step("mail marks", self._seq, marks, self._user_id, key)
        self._relabel(before, mail)
        if before.folder_id != mail.folder_id:
            self._drop_line(before)
            self._put_line(mail, self._values_of(mail))
            return
        buckets = self._of(mail.folder_id)
        bucket = buckets.mark(key, was_read=before.is_read, is_read=mail.is_read)
        self._touched.add(mail.folder_id)
        place = (self._user_id, mail.folder_id, bucket.number, key)
        self._step("line state", self._seq, *flags, *place)
        if is_marked:
            self._step("line marks", self._seq, marks, *place)

    def _rewrite(self, email: Email) -> None:
        mail = email.summary
        before = self._known(mail.email_id)
        self._emails[mail.email_id] = mail
        key, values = key_of(mail.email_id), self._values_of(mail)
        # However large, the body is written after the command counts: who reads the mail before
        # that must find what it said.
        self._step("mail", self._user_id, key, mail.folder_id, *values, body_of(email), self._seq)
        marks = mail_marks.kept_of(mail)
        is_marked = marks != mail_marks.kept_of(before)
        if is_marked:
            self._step("mail marks", self._seq, marks, self._user_id, key)
        if before.folder_id != mail.folder_id:
            self._drop_line(before)
            self._put_line(mail, values)
            return
        buckets = self._of(mail.folder_id)
        bucket = buckets.mark(key, was_read=before.is_read, is_read=mail.is_read)
        self._touched.add(mail.folder_id)
        place = (self._user_id, mail.folder_id, bucket.number, key)
        self._step("line", *place, *values, self._seq)
        if is_marked:
            self._step("line marks", self._seq, marks, *place)

    def _remove(self, email_id: str) -> None:
        before = self._known(email_id)
        del self._emails[email_id]
        key = key_of(email_id)
        self._drop_line(before)
        for label_id in before.labels:
            self._drop(LABEL + label_id, before)
        self._step("mail gone", self._seq, self._user_id, key)
        if mail_marks.kept_of(before) is not None:
            self._step("mail marks", self._seq, None, self._user_id, key)
        thread = key_of(before.thread_id)
        self._step("thread member gone", self._seq, self._user_id, thread, MAIL, key)
        self._resize(before.thread_id, -1)

    def _values_of(self, mail: Summary) -> tuple[Any, ...]:
        thread = key_of(mail.thread_id)
        return (thread, mail.is_read, mail.is_starred, mail.changed_seq, line_of(mail))

    def _put_line(self, mail: Summary, values: Sequence[Any]) -> None:
        key = key_of(mail.email_id)
        bucket = self._of(mail.folder_id).add(key, is_read=mail.is_read, number=self._number)
        self._touched.add(mail.folder_id)
        place = (self._user_id, mail.folder_id, bucket.number, key)
        self._step("line", *place, *values, self._seq)
        if (marks := mail_marks.kept_of(mail)) is not None:
            self._step("line marks", self._seq, marks, *place)

    def _relabel(self, before: Summary | None, mail: Summary) -> None:
        """Let the labels of *mail* list it, and those alone; *before* is as it was."""
        key = key_of(mail.email_id)
        if before is not None:
            for label_id in sorted(set(before.labels).difference(mail.labels)):
                self._drop(LABEL + label_id, before)
        for label_id in mail.labels:
            folder_id = LABEL + label_id
            buckets = self._of(folder_id)
            if before is None or label_id not in before.labels:
                bucket = buckets.add(key, is_read=mail.is_read, number=self._number)
            elif before.is_read != mail.is_read:
                bucket = buckets.mark(key, was_read=before.is_read, is_read=mail.is_read)
            else:
                continue
            self._touched.add(folder_id)
            place = (self._user_id, folder_id, bucket.number, key)
            self._step("label line", *place, mail.is_read, self._seq)

    def _drop_line(self, mail: Summary) -> None:
        self._drop(mail.folder_id, mail)

    def _drop(self, folder_id: str, mail: Summary) -> None:
        """Let *mail* be listed no more where it was, in a folder or by a label."""
        key = key_of(mail.email_id)
        bucket = self._of(folder_id).remove(key, was_read=mail.is_read)
        self._touched.add(folder_id)
        place = (self._user_id, folder_id, bucket.number)
        if bucket.live > 0:
            self._step("line gone", self._seq, *place, key)
            return
        # One mark for the whole partition instead of one for each row.
        self._after = [step for step in self._after if not _drops_a_line_of(step, place)]
        self._step("bucket gone", self._seq, *place)

    async def _merge(self, thread_id: str, into: str) -> None:
        old, new = key_of(thread_id), key_of(into)
        self._has_read = True
        members = await self._session.execute(_MEMBERS, (self._user_id, old))
        mails = [member for kind, member in members if kind == MAIL]
        await self._loader.mails(self._state, [id_of(member) for member in mails])
        self._emails = self._state.emails | self._emails
        for key in mails:
            mail = self._known(id_of(key))
            bucket = self._of(mail.folder_id).of(key)
            if bucket is None:
                raise Poison(f"no bucket of {mail.folder_id} covers {mail.email_id}")
            place = (self._user_id, mail.folder_id, bucket.number, key)
            self._step("line thread", self._seq, new, *place)
            self._step("mail thread", self._seq, new, self._user_id, key)
            self._step("thread member", self._user_id, new, MAIL, key, self._seq)
        for kind, member in members:
            if kind == TAKEN_UP:
                self._step("thread into", self._user_id, member, new, self._seq)
                self._step("thread member", self._user_id, new, TAKEN_UP, member, self._seq)
        self._step("thread emptied", self._seq, self._user_id, old)
        self._step("thread into", self._user_id, old, new, self._seq)
        self._step("thread member", self._user_id, new, TAKEN_UP, old, self._seq)
        self._resize(into, len(members) + 1)
        self._sizes[thread_id] = (0, self._seq)

    def _worn(self, effects: Effects) -> dict[tuple[str, int], Bucket]:
        """Return the worn buckets that a command touches, by folder and number."""
        worn: dict[tuple[str, int], Bucket] = {}
        for folder_id, key in self._places(effects):
            bucket = self._of(folder_id).of(key)
            if bucket is not None and self._of(folder_id).is_worn(bucket):
                worn[folder_id, bucket.number] = bucket
        return worn

    async def _renew(self, worn: Mapping[tuple[str, int], Bucket]) -> None:
        """Write worn buckets anew, without what was deleted."""
        for (folder_id, number), bucket in worn.items():
            place = (self._user_id, folder_id, number)
            self._has_read = True
            rows = await self._session.execute(_BUCKET, place)
            fresh = self._of(folder_id).halves([(row[0], row[2]) for row in rows], self._number)
            if sum(each.live for each in fresh) != bucket.live:
                raise Retryable("the mailbox has changed since that was decided")
            fresh[0].start = min(bucket.start, fresh[0].start)
            self._of(folder_id).replace(bucket, fresh)
            for row in rows:
                into = self._of(folder_id).of(row[0])
                if into is None:
                    raise Poison(f"no bucket of {folder_id} covers {id_of(row[0])}")
                # One less, so that what the command itself does to the row comes after.
                seq, there = self._seq - 1, [self._user_id, folder_id, into.number]
                if folder_id.startswith(LABEL):
                    self._before.append(("label line", [*there, row[0], row[2], seq]))
                    continue
                self._before.append(("line", [*there, *row[:6], seq]))
                if row[6] is not None:
                    self._before.append(("line marks", [seq, row[6], *there, row[0]]))
            self._touched.add(folder_id)
            self._step("bucket gone", self._seq, *place)

    def _places(self, effects: Effects) -> list[tuple[str, bytes]]:
        """Return folder and key of every line that a command changes."""
        known = [self._known(mail.email_id) for mail in effects.updated]
        known += [self._known(email_id) for email_id in effects.removed]
        known += [self._known(email.summary.email_id) for email in effects.rewritten]
        whole = [email.summary for email in (*effects.added, *effects.rewritten)]
        lines = whole + known + list(effects.updated)
        places = [(mail.folder_id, key_of(mail.email_id)) for mail in lines]
        places += [(LABEL + each, key_of(mail.email_id)) for mail in lines for each in mail.labels]
        return places

    def _resize(self, thread_id: str, by: int) -> None:
        size, _ = self._sizes.get(thread_id, (self._state.sizes.get(thread_id, 0), 0))
        self._sizes[thread_id] = (size + by, self._seq)

    def _known(self, email_id: str) -> Summary:
        mail = self._emails.get(email_id)
        if mail is None:
            raise Retryable(f"{email_id} is not where it was when that was decided")
        return mail

    def _of(self, folder_id: str) -> Buckets:
        return self._buckets.setdefault(folder_id, Buckets(full=self._loader.full))

    def _number(self) -> int:
        """Return the name of a new partition, the same one when this is done again."""
        self._numbers += 1
        parts = f"{self._command_id}\0{self._seq}\0{self._numbers}"
        digest = hashlib.blake2b(parts.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)

    def _step(self, name: str, *values: Any) -> None:
        self._after.append((name, list(values)))


def _drops_a_line_of(step: Step, place: tuple[Any, ...]) -> bool:
    return step[0] == "line gone" and tuple(step[1][1:4]) == place
