"""The rows of the search index, and how they are written.

``mails`` holds what changes and what is filtered by, ``words`` (FTS5, contentless)
where each word occurs, ``kept`` the words of each mail, compressed: FTS5 needs them
to take a mail out again (`contentless_delete` came with SQLite 3.43, later than the
oldest we run on). ``gone`` remembers what was removed, against late replays.
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from topologies.mail.folding import words
from topologies.ports.search import SearchDocument, SearchState

MIGRATIONS = (
    """
    CREATE TABLE users (user_no INTEGER PRIMARY KEY, user_id TEXT NOT NULL UNIQUE);
    CREATE TABLE mails (
        docid INTEGER PRIMARY KEY AUTOINCREMENT,
        user_no INTEGER NOT NULL,
        email_id TEXT NOT NULL,
        version INTEGER NOT NULL,
        folder_id TEXT NOT NULL,
        is_read INTEGER NOT NULL,
        is_starred INTEGER NOT NULL,
        has_attachments INTEGER NOT NULL,
        received_us INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        digest BLOB NOT NULL
    );
    CREATE UNIQUE INDEX mails_by_id ON mails (user_no, email_id);
    CREATE TABLE gone (user_no INTEGER, email_id TEXT, PRIMARY KEY (user_no, email_id))
        WITHOUT ROWID;
    CREATE TABLE kept (docid INTEGER PRIMARY KEY, words BLOB NOT NULL);
    CREATE VIRTUAL TABLE words USING fts5 (
        subject, text, senders, recipients, files,
        content = '', columnsize = 0, tokenize = "ascii tokenchars ':'"
    );
    INSERT INTO words (words, rank) VALUES ('automerge', 8);
    """,
    """
    ALTER TABLE mails ADD COLUMN labels TEXT NOT NULL DEFAULT '';  -- ids, each between bars
    """,
)
_GAP = "|"  # stands between texts that no phrase may bridge, and once in every subject
_PUT = "INSERT INTO words (rowid, subject, text, senders, recipients, files) VALUES (?,?,?,?,?,?)"
_TAKE = (
    "INSERT INTO words (words, rowid, subject, text, senders, recipients, files)"
    " VALUES ('delete', ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document with its words cut, ready to be written."""

    document: SearchDocument
    columns: tuple[str, ...]  # folded words with a space between them, in the order of FTS5's
    kept: bytes  # the columns, compressed
    digest: bytes  # of all that does not change without becoming another document


def prepare(document: SearchDocument) -> Prepared:
    """Cut the texts of *document*: all the work that needs no database."""
    columns = (
        " ".join([_GAP, *words(document.subject)]),
        _joined((document.text, *document.attached)),
        _joined(document.senders),
        _joined(document.recipients),
        _joined(document.file_names),
    )
    facts = (document.received_at, document.size_bytes, document.has_attachments)
    text = "\0".join(columns).encode()
    return Prepared(
        document=document,
        columns=columns,
        kept=zlib.compress(text, 1),
        digest=hashlib.blake2b(text + repr(facts).encode(), digest_size=12).digest(),
    )


def mark_of(user_no: int) -> str:
    """Return what stands before each word of a user. None is the start of another."""
    return f"{user_no:x}:"


def microseconds(at: datetime) -> int:
    """Return *at* as microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rows:
    """The index within one write transaction. Ends with ``flush``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._users: dict[str, int] = {}
        self._taken: list[tuple[int, str]] = []  # docid and mark, to be taken out

    def put(self, prepared: Prepared) -> None:
        """Add or replace a document, unless a newer one is there or it was removed."""
        mail = prepared.document
        user_no = self._user_no(mail.user_id)
        known = self._row(user_no, mail.email_id)
        if known is not None:
            docid, version, digest = known
            if version > mail.version:
                return
            if digest == prepared.digest:
                self._update(docid, mail)
                return
            self._take_out(docid, user_no)
        elif self._is_gone(user_no, mail.email_id):
            return
        docid = self._connection.execute(
            "INSERT INTO mails (user_no, email_id, version, folder_id, is_read, is_starred,"
            " has_attachments, received_us, size_bytes, digest, labels)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                user_no,
                mail.email_id,
                mail.version,
                mail.folder_id,
                mail.is_read,
                mail.is_starred,
                mail.has_attachments,
                microseconds(mail.received_at),
                mail.size_bytes,
                prepared.digest,
                barred(mail.labels),
            ),
        ).lastrowid
        self._connection.execute("INSERT INTO kept VALUES (?, ?)", (docid, prepared.kept))
        self._connection.execute(_PUT, (docid, *_marked(prepared.columns, mark_of(user_no))))

    def set_state(self, user_id: str, state: SearchState) -> bool:
        """Change what changes of a mail; False if it has to be put first."""
        user_no = self._user_no(user_id)
        known = self._row(user_no, state.email_id)
        if known is None:
            return self._is_gone(user_no, state.email_id)
        docid, version, _ = known
        if version <= state.version:
            self._update(docid, state)
        return True

    def remove(self, user_id: str, email_id: str) -> None:
        """Take a mail out and remember that it is gone."""
        user_no = self._user_no(user_id)
        known = self._row(user_no, email_id)
        if known is not None:
            self._take_out(known[0], user_no)
        self._connection.execute("INSERT OR IGNORE INTO gone VALUES (?, ?)", (user_no, email_id))

    def flush(self) -> None:
        """Take the words of removed and replaced mails out."""
        # In ascending order: FTS5 starts a new segment whenever a rowid is below the last.
        for docid, mark in sorted(self._taken):
            [kept] = self._connection.execute(
                "SELECT words FROM kept WHERE docid = ?", (docid,)
            ).fetchone()
            columns = zlib.decompress(kept).decode().split("\0")
            self._connection.execute(_TAKE, (docid, *_marked(columns, mark)))
            self._connection.execute("DELETE FROM kept WHERE docid = ?", (docid,))
        self._taken = []

    def _take_out(self, docid: int, user_no: int) -> None:
        self._connection.execute("DELETE FROM mails WHERE docid = ?", (docid,))
        self._taken.append((docid, mark_of(user_no)))

    def _update(self, docid: int, state: SearchDocument | SearchState) -> None:
        self._connection.execute(
            "UPDATE mails SET version = ?, folder_id = ?, is_read = ?, is_starred = ?, labels = ?"
            " WHERE docid = ?",
            (
                state.version,
                state.folder_id,
                state.is_read,
                state.is_starred,
                barred(state.labels),
                docid,
            ),
        )

    def _row(self, user_no: int, email_id: str) -> tuple[int, int, bytes] | None:
        return self._connection.execute(
            "SELECT docid, version, digest FROM mails WHERE user_no = ? AND email_id = ?",
            (user_no, email_id),
        ).fetchone()

    def _is_gone(self, user_no: int, email_id: str) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM gone WHERE user_no = ? AND email_id = ?", (user_no, email_id)
        ).fetchone()
        return row is not None

    def _user_no(self, user_id: str) -> int:
        # Known within the transaction only: a number that is rolled back is given again.
        if user_id not in self._users:
            found = self._connection.execute(
                "SELECT user_no FROM users WHERE user_id = ?", (user_id,)
            ).fetchone()
            self._users[user_id] = found[0] if found else self._add_user(user_id)
        return self._users[user_id]

    def _add_user(self, user_id: str) -> int:
        added = self._connection.execute("INSERT INTO users (user_id) VALUES (?)", (user_id,))
        return added.lastrowid or 0  # an INSERT always has one


def some_of(connection: sqlite3.Connection, user_id: str, limit: int) -> list[str]:
    """Return up to *limit* ids of the mails of a user that are indexed."""
    rows = connection.execute(
        "SELECT email_id FROM mails JOIN users USING (user_no) WHERE user_id = ? LIMIT ?",
        (user_id, limit),
    )
    return [email_id for (email_id,) in rows]


def forget(connection: sqlite3.Connection, user_id: str) -> None:
    """Forget the removed mails of a user none of whose mails is indexed any more."""
    connection.execute(
        "DELETE FROM gone WHERE user_no IN (SELECT user_no FROM users WHERE user_id = ?)",
        (user_id,),
    )


def barred(labels: Iterable[str]) -> str:
    """Return label ids as they are kept: each between bars, so that one is found within all."""
    return "".join(f"|{label_id}|" for label_id in labels)


def _joined(texts: Iterable[str]) -> str:
    return f" {_GAP} ".join(" ".join(words(text)) for text in texts)


def _marked(columns: Iterable[str], mark: str) -> list[str]:
    space = " " + mark
    return [(" " + column).replace(" ", space) for column in columns]
