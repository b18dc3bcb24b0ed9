"""What a command needs to be decided, read from the rows of one mailbox."""

import sqlite3
from typing import Any

from connectors.mail_bodies import draft_version_of
from connectors.sqlite.mailboxes_rows import (
    Events,
    digest_of,
    events_of,
    id_of,
    key_of,
    summary_of,
)
from connectors.sqlite.mailboxes_schema import ERASED, LINE
from topologies.events.mailbox import SYSTEM_FOLDERS
from topologies.mail.folder_names import EMPTY_SYSTEM_FOLDERS
from topologies.mail.threads import LARGEST
from topologies.ports.mailboxes import Folder, Label, Loaded, Mailbox, Needs, Summary

# The line of one mail by its id; a mail that is gone has none.
ONE = (
    "SELECT folder_no, body_no FROM emails WHERE user_no = ? AND email_id = ?",
    f"SELECT {LINE} FROM lines WHERE folder_no = ? AND email_id = ?",  # noqa: S608  constants
)
_LABELLED = (
    f"SELECT {LINE} FROM (SELECT folder_no AS f, email_id AS e FROM"  # noqa: S608
    " (SELECT email_id FROM labelled WHERE label_no = ? ORDER BY email_id LIMIT ?)"
    " CROSS JOIN emails USING (email_id) WHERE user_no = ?)"
    " CROSS JOIN lines ON folder_no = f AND email_id = e"
)
_OLDEST = f"SELECT {LINE} FROM lines WHERE folder_no = ? ORDER BY email_id LIMIT ?"  # noqa: S608
_THREAD_OF = (
    "SELECT coalesce(into_id, m.thread_id) FROM message_ids AS m"
    " LEFT JOIN merged USING (user_no, thread_id) WHERE user_no = ? AND digest = ?"
)
_BODY = "SELECT content FROM emails JOIN bodies USING (body_no) WHERE user_no = ? AND email_id = ?"
_SIZE_OF = (
    "SELECT (SELECT count(*) FROM"
    " (SELECT 1 FROM emails INDEXED BY emails_by_thread"
    " WHERE user_no = ?1 AND thread_id = ?2 LIMIT ?3)) +"
    " (SELECT count(*) FROM (SELECT 1 FROM merged WHERE user_no = ?1 AND into_id = ?2 LIMIT ?3))"
)


def load(connection: sqlite3.Connection, user_id: str, needs: Needs) -> Loaded:
    """Return what *needs* names."""
    user = user_of(connection, user_id)
    if user is None:
        return Loaded(
            mailbox=Mailbox(user_id=user_id),
            folders=dict(EMPTY_SYSTEM_FOLDERS),
            emails={},
            gone=frozenset(),
            threads={},
            thread_sizes={},
        )
    user_no, mailbox = user
    if (answered := _answered(connection, user_no, user_id, needs.command_id)) is not None:
        return Loaded(
            mailbox=mailbox,
            folders={},
            emails={},
            gone=frozenset(),
            threads={},
            thread_sizes={},
            answered=answered,
        )
    return _Reader(connection, user_no, mailbox).read(needs)


def user_of(connection: sqlite3.Connection, user_id: str) -> tuple[int, Mailbox] | None:
    """Return the user's number and mailbox, or None if nothing was ever written to it."""
    row = connection.execute(
        "SELECT user_no, seq, used_bytes FROM users WHERE user_id = ?", (user_id,)
    ).fetchone()
    if row is None:
        return None
    is_erased = row[2] == ERASED
    used_bytes = 0 if is_erased else row[2]
    return row[0], Mailbox(user_id=user_id, seq=row[1], used_bytes=used_bytes, is_erased=is_erased)


def folders_of(connection: sqlite3.Connection, user_no: int) -> dict[int, Folder]:
    """Return the user's folders that have a row, by number."""
    rows = connection.execute(
        "SELECT folder_no, folder_id, name, is_deleting, total_count, unread_count, parent_id"
        " FROM folders WHERE user_no = ?",
        (user_no,),
    )
    return {row[0]: folder_of(row[1:]) for row in rows}


def labels_of(connection: sqlite3.Connection, user_no: int) -> dict[int, Label]:
    """Return the user's labels by number."""
    rows = connection.execute(
        "SELECT label_no, label_id, name, colour, is_deleting, total_count, unread_count"
        " FROM labels WHERE user_no = ?",
        (user_no,),
    )
    return {row[0]: label_of(row[1:]) for row in rows}


def label_of(row: tuple[Any, ...]) -> Label:
    """Return the label of a row of id, name, colour, is_deleting and counts."""
    return Label(
        label_id=row[0],
        name=row[1],
        colour=row[2],
        is_deleting=bool(row[3]),
        total_count=row[4],
        unread_count=row[5],
    )


def folder_of(row: tuple[Any, ...]) -> Folder:
    """Return the folder of a row of id, name, is_deleting, counts and parent."""
    return Folder(
        folder_id=row[0],
        name=row[1],
        is_system=row[0] in SYSTEM_FOLDERS,
        is_deleting=bool(row[2]),
        total_count=row[3],
        unread_count=row[4],
        parent_id=row[5],
    )


def _answered(
    connection: sqlite3.Connection, user_no: int, user_id: str, command_id: str
) -> Events | None:
    row = connection.execute(
        "SELECT last_seq, events FROM commands WHERE user_no = ? AND command_id = ?",
        (user_no, key_of(command_id)),
    ).fetchone()
    return events_of(user_id, command_id, *row) if row else None


class _Reader:
    """Reads from one mailbox what a command needs."""

    def __init__(self, connection: sqlite3.Connection, user_no: int, mailbox: Mailbox) -> None:
        self._connection = connection
        self._user_no = user_no
        self._mailbox = mailbox
        self._folders = folders_of(connection, user_no)
        self._labels = labels_of(connection, user_no)

    def read(self, needs: Needs) -> Loaded:
        emails: dict[str, Summary] = {}
        gone: set[str] = set()
        for email_id in needs.email_ids:
            self._one(email_id, emails, gone)
        if needs.oldest_in_folder:
            self._oldest(needs, emails)
        if needs.labelled:
            self._labelled(needs, emails)
        threads = self._threads(needs.message_ids)
        return Loaded(
            mailbox=self._mailbox,
            folders=EMPTY_SYSTEM_FOLDERS | {f.folder_id: f for f in self._folders.values()},
            labels={label.label_id: label for label in self._labels.values()},
            emails=emails,
            gone=frozenset(gone),
            threads=threads,
            thread_sizes={thread: self._size(thread) for thread in set(threads.values())},
            draft_version=self._draft_version(needs.draft_id),
        )

    def _one(self, email_id: str, emails: dict[str, Summary], gone: set[str]) -> None:
        key = key_of(email_id)
        place = self._connection.execute(ONE[0], (self._user_no, key)).fetchone()
        if place is None:
            return
        if place[0] is None:
            gone.add(email_id)
            return
        line = self._connection.execute(ONE[1], (place[0], key)).fetchone()
        emails[email_id] = self._summary(line)

    def _oldest(self, needs: Needs, emails: dict[str, Summary]) -> None:
        for folder_no, folder in self._folders.items():
            if folder.folder_id == needs.oldest_in_folder:
                lines = self._connection.execute(_OLDEST, (folder_no, needs.limit))
                emails.update((mail.email_id, mail) for mail in map(self._summary, lines))

    def _labelled(self, needs: Needs, emails: dict[str, Summary]) -> None:
        for label_no, label in self._labels.items():
            if label.label_id == needs.labelled:
                asked = (label_no, needs.limit, self._user_no)
                lines = self._connection.execute(_LABELLED, asked)
                emails.update((mail.email_id, mail) for mail in map(self._summary, lines))

    def _threads(self, message_ids: tuple[str, ...]) -> dict[str, str]:
        threads: dict[str, str] = {}
        for message_id in message_ids:
            row = self._connection.execute(
                _THREAD_OF, (self._user_no, digest_of(message_id))
            ).fetchone()
            if row is not None:
                threads[message_id] = id_of(row[0])
        return threads

    def _draft_version(self, email_id: str) -> str:
        if not email_id:
            return ""
        row = self._connection.execute(_BODY, (self._user_no, key_of(email_id))).fetchone()
        return draft_version_of(row[0]) if row is not None else ""

    def _size(self, thread_id: str) -> int:
        [size] = self._connection.execute(
            _SIZE_OF, (self._user_no, key_of(thread_id), LARGEST)
        ).fetchone()
        return size

    def _summary(self, line: tuple[Any, ...]) -> Summary:
        return summary_of(line, self._folders[line[0]].folder_id)
