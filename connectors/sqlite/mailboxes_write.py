"""How the effects of one command become rows, within a write transaction."""

import sqlite3

from connectors.mail_bodies import body_of
from connectors.mail_marks import kept_of as marks_kept_of
from connectors.mail_marks import marks_of
from connectors.sqlite.mailboxes_rows import (
    digest_of,
    id_of,
    kept_of,
    key_of,
    line_of,
)
from connectors.sqlite.mailboxes_schema import LINE
from topologies.errors import Retryable
from topologies.events.mailbox import MailboxChanged
from topologies.ports.mailboxes import Effects, Email, Folder, Label, Summary

TRIM_EVERY = 16  # commands
TRIMMED_AT_ONCE = 64  # more than come meanwhile, so that trimming catches up

_PUT_COMMAND = (
    "INSERT INTO commands (user_no, command_id, last_seq, day, events) VALUES (?, ?, ?, ?, ?)"
)
_PUT_FOLDER = (
    "INSERT INTO folders"
    " (user_no, folder_id, name, is_deleting, total_count, unread_count, parent_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_no, folder_id) DO UPDATE SET"
    " name = excluded.name, is_deleting = excluded.is_deleting,"
    " total_count = excluded.total_count, unread_count = excluded.unread_count,"
    " parent_id = excluded.parent_id"
)
_PUT_LABEL = (
    "INSERT INTO labels (user_no, label_id, name, colour, is_deleting, total_count, unread_count)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_no, label_id) DO UPDATE SET"
    " name = excluded.name, colour = excluded.colour, is_deleting = excluded.is_deleting,"
    " total_count = excluded.total_count, unread_count = excluded.unread_count"
)
_PUT_LINE = f"INSERT INTO lines ({LINE}) VALUES ({', '.join('?' * 16)})"  # noqa: S608  constant
_TRIM = (
    "DELETE FROM commands WHERE day < ? AND command_no < (SELECT min(command_no) FROM commands) + ?"
)


def write(connection: sqlite3.Connection, effects: Effects, today: int, oldest_day: int) -> None:
    """Write *effects*, unless their command was written before.

    Args:
        connection: Within a transaction, which is undone if this raises.
        effects: What one command does.
        today: The day on which it is written.
        oldest_day: What commands of days before led to is forgotten, bit by bit.

    Raises:
        Retryable: The mailbox is not as it was when *effects* were decided.
    """
    user_no = _put_mailbox(connection, effects)
    if user_no is None:
        return
    last_seq, events = kept_of(effects.events)
    command_no = connection.execute(
        _PUT_COMMAND, (user_no, key_of(effects.command_id), last_seq, today, events)
    ).lastrowid
    if command_no is not None and command_no % TRIM_EVERY == 0:
        connection.execute(_TRIM, (oldest_day, TRIMMED_AT_ONCE))
    Rows(connection, user_no).apply(effects)


def _put_mailbox(connection: sqlite3.Connection, effects: Effects) -> int | None:
    """Return the user's number, or None if the command was written before."""
    mailbox = effects.mailbox
    before = mailbox.seq - sum(isinstance(event, MailboxChanged) for event in effects.events)
    row = connection.execute(
        "SELECT user_no, seq FROM users WHERE user_id = ?", (mailbox.user_id,)
    ).fetchone()
    if row is None and before == 0:
        added = connection.execute(
            "INSERT INTO users (user_id, seq, used_bytes) VALUES (?, ?, ?)",
            (mailbox.user_id, mailbox.seq, mailbox.used_bytes),
        )
        return added.lastrowid
    user_no, seq = row or (0, 0)
    known = connection.execute(
        "SELECT 1 FROM commands WHERE user_no = ? AND command_id = ?",
        (user_no, key_of(effects.command_id)),
    ).fetchone()
    if known is not None:
        return None
    if seq != before:
        raise Retryable(f"the mailbox is at {seq} and was at {before} when that was decided")
    if mailbox.seq != before:
        connection.execute(
            "UPDATE users SET seq = ?, used_bytes = ? WHERE user_no = ?",
            (mailbox.seq, mailbox.used_bytes, user_no),
        )
    return user_no


class Rows:
    """The rows of one mailbox, changed by one command."""

    def __init__(self, connection: sqlite3.Connection, user_no: int) -> None:
        self._connection = connection
        self._user_no = user_no
        self._folder_nos: dict[str, int] = {}
        self._label_nos: dict[str, int] = {}

    def apply(self, effects: Effects) -> None:
        """Bring the rows to what *effects* say."""
        for folder in effects.folders:
            self._put_folder(folder)
        for label in effects.labels:
            self._put_label(label)
        for email in effects.added:
            self._add(email)
        for mail in effects.updated:
            self._update(mail)
        for email in effects.rewritten:
            self._rewrite(email)
        for email_id in effects.removed:
            self._remove(email_id)
        for folder_id in effects.removed_folders:
            self._connection.execute(
                "DELETE FROM folders WHERE user_no = ? AND folder_id = ?",
                (self._user_no, folder_id),
            )
        for label_id in effects.removed_labels:
            self._connection.execute(
                "DELETE FROM labels WHERE user_no = ? AND label_id = ?", (self._user_no, label_id)
            )
        if effects.threads:
            self._connection.executemany(
                "INSERT OR REPLACE INTO message_ids (user_no, digest, thread_id) VALUES (?, ?, ?)",
                [
                    (self._user_no, digest_of(message_id), key_of(thread_id))
                    for message_id, thread_id in effects.threads
                ],
            )
        for thread_id, into in effects.merged:
            self._merge(key_of(thread_id), key_of(into))

    def _put_folder(self, folder: Folder) -> None:
        self._connection.execute(
            _PUT_FOLDER,
            (
                self._user_no,
                folder.folder_id,
                folder.name,
                folder.is_deleting,
                folder.total_count,
                folder.unread_count,
                folder.parent_id,
            ),
        )

    def _put_label(self, label: Label) -> None:
        self._connection.execute(
            _PUT_LABEL,
            (
                self._user_no,
                label.label_id,
                label.name,
                label.colour,
                label.is_deleting,
                label.total_count,
                label.unread_count,
            ),
        )

    def _add(self, email: Email) -> None:
        mail = email.summary
        email_key = key_of(mail.email_id)
        folder_no = self._folder_no(mail.folder_id)
        body_no = self._connection.execute(
            "INSERT INTO bodies (content) VALUES (?)", (body_of(email),)
        ).lastrowid
        self._connection.execute(
            "INSERT INTO emails (user_no, email_id, folder_no, body_no, thread_id)"
            " VALUES (?, ?, ?, ?, ?)",
            (self._user_no, email_key, folder_no, body_no, key_of(mail.thread_id)),
        )
        self._connection.execute(_PUT_LINE, line_of(mail, folder_no))
        self._connection.execute(
            "INSERT INTO copies (mail_id, user_no, email_id) VALUES (?, ?, ?)",
            (key_of(email.mail_id), self._user_no, email_key),
        )

    def _update(self, mail: Summary) -> None:
        email_key = key_of(mail.email_id)
        folder_no = self._folder_no(mail.folder_id)
        before, _ = self._place(email_key)
        self._label(email_key, self._labels_on(before, email_key), mail)
        if before == folder_no:
            self._connection.execute(
                "UPDATE lines SET is_read = ?, is_starred = ?, changed_seq = ?, marks = ?"
                " WHERE folder_no = ? AND email_id = ?",
                (
                    mail.is_read,
                    mail.is_starred,
                    mail.changed_seq,
                    marks_kept_of(mail),
                    folder_no,
                    email_key,
                ),
            )
            return
        self._delete_line(before, email_key)
        self._connection.execute(_PUT_LINE, line_of(mail, folder_no))
        self._connection.execute(
            "UPDATE emails SET folder_no = ? WHERE user_no = ? AND email_id = ?",
            (folder_no, self._user_no, email_key),
        )

    def _rewrite(self, email: Email) -> None:
        mail = email.summary
        email_key = key_of(mail.email_id)
        folder_no = self._folder_no(mail.folder_id)
        before, body_no = self._place(email_key)
        self._connection.execute(
            "UPDATE bodies SET content = ? WHERE body_no = ?", (body_of(email), body_no)
        )
        self._delete_line(before, email_key)
        self._connection.execute(_PUT_LINE, line_of(mail, folder_no))
        self._connection.execute(
            "UPDATE emails SET folder_no = ? WHERE user_no = ? AND email_id = ?",
            (folder_no, self._user_no, email_key),
        )

    def _remove(self, email_id: str) -> None:
        email_key = key_of(email_id)
        folder_no, body_no = self._place(email_key)
        for label_id in self._labels_on(folder_no, email_key):
            self._take_off(label_id, email_key)
        self._delete_line(folder_no, email_key)
        self._connection.execute("DELETE FROM bodies WHERE body_no = ?", (body_no,))
        self._connection.execute(
            "UPDATE emails SET folder_no = NULL, body_no = NULL, thread_id = NULL"
            " WHERE user_no = ? AND email_id = ?",
            (self._user_no, email_key),
        )

    def _merge(self, thread_key: bytes | str, into: bytes | str) -> None:
        # Bounded, as no thread has more than `threads.LARGEST` mails.
        members = self._connection.execute(
            "SELECT folder_no, email_id FROM emails INDEXED BY emails_by_thread"
            " WHERE user_no = ? AND thread_id = ?",
            (self._user_no, thread_key),
        ).fetchall()
        self._connection.executemany(
            "UPDATE lines SET thread_id = ? WHERE folder_no = ? AND email_id = ?",
            [(into, folder_no, email_key) for folder_no, email_key in members],
        )
        emails = "emails INDEXED BY emails_by_thread"
        for table, column in ((emails, "thread_id"), ("merged", "into_id")):
            self._connection.execute(
                f"UPDATE {table} SET {column} = ? WHERE user_no = ? AND {column} = ?",  # noqa: S608
                (into, self._user_no, thread_key),
            )
        self._connection.execute(
            "INSERT OR REPLACE INTO merged (user_no, thread_id, into_id) VALUES (?, ?, ?)",
            (self._user_no, thread_key, into),
        )

    def _label(self, email_key: bytes | str, before: tuple[str, ...], mail: Summary) -> None:
        for label_id in before:
            if label_id not in mail.labels:
                self._take_off(label_id, email_key)
        self._connection.executemany(
            "INSERT OR REPLACE INTO labelled (label_no, email_id, is_read) VALUES (?, ?, ?)",
            [(self._label_no(each), email_key, mail.is_read) for each in mail.labels],
        )

    def _take_off(self, label_id: str, email_key: bytes | str) -> None:
        self._connection.execute(
            "DELETE FROM labelled WHERE label_no = ? AND email_id = ?",
            (self._label_no(label_id), email_key),
        )

    def _labels_on(self, folder_no: int, email_key: bytes | str) -> tuple[str, ...]:
        row = self._connection.execute(
            "SELECT marks FROM lines WHERE folder_no = ? AND email_id = ?", (folder_no, email_key)
        ).fetchone()
        return marks_of(row[0]).labels if row is not None else ()

    def _label_no(self, label_id: str) -> int:
        known = self._label_nos.get(label_id)
        if known is None:
            [known] = self._connection.execute(
                "SELECT label_no FROM labels WHERE user_no = ? AND label_id = ?",
                (self._user_no, label_id),
            ).fetchone()
            self._label_nos[label_id] = known
        return known

    def _delete_line(self, folder_no: int, email_key: bytes | str) -> None:
        self._connection.execute(
            "DELETE FROM lines WHERE folder_no = ? AND email_id = ?", (folder_no, email_key)
        )

    def _place(self, email_key: bytes | str) -> tuple[int, int]:
        row: tuple[int | None, int] | None = self._connection.execute(
            "SELECT folder_no, body_no FROM emails WHERE user_no = ? AND email_id = ?",
            (self._user_no, email_key),
        ).fetchone()
        if row is None or row[0] is None:
            raise Retryable(f"{id_of(email_key)} is not where it was when that was decided")
        return row[0], row[1]

    def _folder_no(self, folder_id: str) -> int:
        known = self._folder_nos.get(folder_id)
        if known is None:
            [known] = self._connection.execute(
                "SELECT folder_no FROM folders WHERE user_no = ? AND folder_id = ?",
                (self._user_no, folder_id),
            ).fetchone()
            self._folder_nos[folder_id] = known
        return known
