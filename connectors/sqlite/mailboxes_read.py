"""What people see of a mailbox, read from its rows."""

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import islice

from connectors.mail_bodies import email_of
from connectors.sqlite.mailboxes_load import (
    folder_of,
    folders_of,
    labels_of,
    user_of,
)
from connectors.sqlite.mailboxes_rows import (
    events_of,
    id_of,
    key_of,
    summary_of,
)
from connectors.sqlite.mailboxes_schema import LINE
from topologies.events.mailbox import DELETED, SYSTEM_FOLDERS, MailboxChanged
from topologies.mail.folder_names import EMPTY_SYSTEM_FOLDERS, in_order, labels_in_order
from topologies.mail.listing import total_of
from topologies.mail.page_cursor import cursor_of
from topologies.ports.mailboxes import Changes, Email, Folder, Label, Page, Summary

NOTHING = Page(emails=(), total_count=0, next_cursor=None)
_FOLDER = (
    "SELECT folder_no, folder_id, name, is_deleting, total_count, unread_count, parent_id"
    " FROM folders"
    " WHERE user_no = (SELECT user_no FROM users WHERE user_id = ?) AND folder_id = ?"
)
PAGE = {
    None: (
        f"SELECT {LINE} FROM lines WHERE folder_no = ? AND email_id < ?"  # noqa: S608  constants all
        " ORDER BY email_id DESC LIMIT ?"
    ),
    True: (
        f"SELECT {LINE} FROM lines INDEXED BY lines_by_read"  # noqa: S608
        " WHERE folder_no = ? AND email_id < ? AND is_read = 1 ORDER BY email_id DESC LIMIT ?"
    ),
    False: (
        f"SELECT {LINE} FROM lines INDEXED BY lines_by_read"  # noqa: S608
        " WHERE folder_no = ? AND email_id < ? AND is_read = 0 ORDER BY email_id DESC LIMIT ?"
    ),
}
# Found in an index that holds nothing but ids, so that stepping over many costs little.
_NTH = {
    None: "SELECT email_id FROM (SELECT email_id FROM lines INDEXED BY lines_by_read"
    " WHERE folder_no = ?1 AND is_read = 0 UNION ALL SELECT email_id FROM lines"
    " INDEXED BY lines_by_read WHERE folder_no = ?1 AND is_read = 1)"
    " ORDER BY email_id DESC LIMIT 1 OFFSET ?2",
    True: "SELECT email_id FROM lines INDEXED BY lines_by_read"
    " WHERE folder_no = ?1 AND is_read = 1 ORDER BY email_id DESC LIMIT 1 OFFSET ?2",
    False: "SELECT email_id FROM lines INDEXED BY lines_by_read"
    " WHERE folder_no = ?1 AND is_read = 0 ORDER BY email_id DESC LIMIT 1 OFFSET ?2",
}
# The index is named, as SQLite would rather read all mails of the user.
_THREAD = (
    f"SELECT {LINE} FROM (SELECT folder_no AS f, email_id AS e"  # noqa: S608
    " FROM emails INDEXED BY emails_by_thread"
    " WHERE user_no = ? AND thread_id = ?)"
    " CROSS JOIN lines ON folder_no = f AND email_id = e ORDER BY email_id"
)
LABELLED = {
    None: (
        "SELECT email_id FROM labelled WHERE label_no = ? AND email_id < ?"
        " ORDER BY email_id DESC LIMIT ? OFFSET ?"
    ),
    True: (
        "SELECT email_id FROM labelled INDEXED BY labelled_by_read"
        " WHERE label_no = ? AND email_id < ? AND is_read = 1"
        " ORDER BY email_id DESC LIMIT ? OFFSET ?"
    ),
    False: (
        "SELECT email_id FROM labelled INDEXED BY labelled_by_read"
        " WHERE label_no = ? AND email_id < ? AND is_read = 0"
        " ORDER BY email_id DESC LIMIT ? OFFSET ?"
    ),
}
_AFTER_ALL = b"\xff" * 17
NAMED_AT_ONCE = 50  # mails, by one statement
# Everything about mails by their ids, in one statement: each costs more than what it reads.
_LINES = ", ".join(f"lines.{name.strip()}" for name in LINE.split(","))
_NAMED_FROM = (
    " FROM users CROSS JOIN emails USING (user_no) CROSS JOIN lines"
    " ON lines.folder_no = emails.folder_no AND lines.email_id = emails.email_id"
    " CROSS JOIN folders ON folders.folder_no = lines.folder_no"
)
_WHOLE = (
    f"SELECT {_LINES}, folder_id, content {_NAMED_FROM} CROSS JOIN bodies USING (body_no)"
    " WHERE user_id = ? AND emails.email_id = ?"
)
_NAMED = {
    count: f"SELECT {_LINES}, folder_id {_NAMED_FROM} WHERE user_id = ? AND emails.email_id IN"
    f" ({', '.join('?' * count)})"
    for count in (1, NAMED_AT_ONCE)
}


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Generator[None]:
    """Let all reads within see one state."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def folders(connection: sqlite3.Connection, user_id: str) -> list[Folder]:
    """Return all folders in order."""
    user = user_of(connection, user_id)
    kept = folders_of(connection, user[0]).values() if user else ()
    return in_order((EMPTY_SYSTEM_FOLDERS | {f.folder_id: f for f in kept}).values())


def page(
    connection: sqlite3.Connection,
    user_id: str,
    folder_id: str,
    *,
    limit: int,
    offset: int,
    below: str | None,
    is_read: bool | None,
) -> Page | None:
    """Return *limit* mails older than *below*, or else from *offset* on."""
    row = connection.execute(_FOLDER, (user_id, folder_id)).fetchone()
    if row is None:
        return NOTHING if folder_id in (*SYSTEM_FOLDERS, DELETED) else None
    folder_no, folder = row[0], folder_of(row[1:])
    if folder.is_deleting and folder_id != DELETED:
        return None
    total = total_of(folder, is_read=is_read)
    last = _AFTER_ALL if below is None else key_of(below)
    if below is None and offset > 0:
        if offset >= total:
            return Page(emails=(), total_count=total, next_cursor=None)
        [first] = connection.execute(_NTH[is_read], (folder_no, offset)).fetchone()
        last = first + b"\0"  # sorts right above it
    rows = connection.execute(PAGE[is_read], (folder_no, last, limit + 1)).fetchall()
    emails = tuple([summary_of(row, folder_id) for row in rows[:limit]])
    return Page(
        emails=emails,
        total_count=total,
        next_cursor=cursor_of(emails[-1].email_id) if emails and len(rows) > limit else None,
    )


def labels(connection: sqlite3.Connection, user_id: str) -> list[Label]:
    """Return all labels in order."""
    user = user_of(connection, user_id)
    return labels_in_order(labels_of(connection, user[0]).values()) if user else []


def labelled(
    connection: sqlite3.Connection,
    user_id: str,
    label_id: str,
    *,
    limit: int,
    offset: int,
    below: str | None,
    is_read: bool | None,
) -> Page | None:
    """Return *limit* mails that carry a label, as ``page`` does of a folder's."""
    user = user_of(connection, user_id)
    found = labels_of(connection, user[0]).items() if user else ()
    here = [(number, label) for number, label in found if label.label_id == label_id]
    if user is None or not here or here[0][1].is_deleting:
        return None
    [(label_no, label)] = here
    last = _AFTER_ALL if below is None else key_of(below)
    skipped = max(offset, 0) if below is None else 0
    asked = (label_no, last, limit + 1, skipped)
    keys = [row[0] for row in connection.execute(LABELLED[is_read], asked)]
    emails = tuple(_named(connection, user_id, keys[:limit]))
    return Page(
        emails=emails,
        total_count=total_of(label, is_read=is_read),
        next_cursor=cursor_of(emails[-1].email_id) if emails and len(keys) > limit else None,
    )


def email(connection: sqlite3.Connection, user_id: str, email_id: str) -> Email | None:
    """Return the mail whole, or None."""
    row = connection.execute(_WHOLE, (user_id, key_of(email_id))).fetchone()
    return email_of(summary_of(row, row[-2]), row[-1]) if row is not None else None


def summaries(
    connection: sqlite3.Connection, user_id: str, email_ids: Sequence[str]
) -> list[Summary]:
    """Return those that exist, in the order asked for."""
    found = _named(connection, user_id, map(key_of, email_ids))
    return [mail for mail in found if mail.folder_id != DELETED]


def thread(connection: sqlite3.Connection, user_id: str, thread_id: str) -> list[Summary]:
    """Return the mails of a thread, or of the one that took it up, oldest first."""
    return threads(connection, user_id, [thread_id])[0]


def threads(
    connection: sqlite3.Connection, user_id: str, thread_ids: Sequence[str]
) -> list[list[Summary]]:
    """Return the mails of each thread, as ``thread`` does."""
    user = user_of(connection, user_id)
    if user is None:
        return [[] for _ in thread_ids]
    kept = folders_of(connection, user[0])
    found: list[list[Summary]] = []
    for thread_id in thread_ids:
        key = key_of(thread_id)
        into = connection.execute(
            "SELECT into_id FROM merged WHERE user_no = ? AND thread_id = ?", (user[0], key)
        ).fetchone()
        rows = connection.execute(_THREAD, (user[0], into[0] if into else key))
        mails = [summary_of(row, kept[row[0]].folder_id) for row in rows]
        found.append([mail for mail in mails if mail.folder_id != DELETED])
    return found


def changes(connection: sqlite3.Connection, user_id: str, since: int, limit: int) -> Changes:
    """Return up to *limit* changes after *since*."""
    user = user_of(connection, user_id)
    seq = user[1].seq if user else 0
    if user is None or since >= seq:
        status = "ok" if since == seq else "too-old"  # no such number was ever given
        return Changes(changes=(), status=status, seq=seq, has_more=False)
    rows = connection.execute(
        "SELECT command_id, last_seq, events FROM commands WHERE user_no = ? AND last_seq > ?"
        " ORDER BY last_seq",
        (user[0], since),
    )
    found: list[MailboxChanged] = []
    for command_id, last_seq, kept in rows:
        events = events_of(user_id, id_of(command_id), last_seq, kept)
        found += [e for e in events if isinstance(e, MailboxChanged) and e.seq > since]
        if len(found) >= limit:
            break
    if not found or found[0].seq != since + 1:
        return Changes(changes=(), status="too-old", seq=seq, has_more=False)
    told = tuple(found[:limit])
    return Changes(changes=told, status="ok", seq=told[-1].seq, has_more=told[-1].seq < seq)


def places(connection: sqlite3.Connection, mail_id: str) -> list[tuple[str, str]]:
    """Return (user_id, email_id) of every copy there ever was."""
    rows = connection.execute(
        "SELECT user_id, email_id FROM copies JOIN users USING (user_no) WHERE mail_id = ?",
        (key_of(mail_id),),
    )
    return sorted((user_id, id_of(key)) for user_id, key in rows)


def _named(
    connection: sqlite3.Connection, user_id: str, keys: Iterable[bytes | str]
) -> list[Summary]:
    """Return the mails that exist of those with these keys, in their order."""
    found: list[Summary] = []
    left = iter(keys)
    while some := list(islice(left, NAMED_AT_ONCE)):
        count = 1 if len(some) == 1 else NAMED_AT_ONCE
        asked = [user_id, *some, *[None] * (count - len(some))]  # NULL is in nothing
        rows = {row[1]: row for row in connection.execute(_NAMED[count], asked)}
        found += [summary_of(rows[key], rows[key][-1]) for key in some if key in rows]
    return found
