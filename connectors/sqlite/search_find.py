"""How a question is put to the rows of the search index."""

import json
import sqlite3
from collections.abc import Sequence
from itertools import islice
from typing import Any

from connectors.sqlite.search_rows import barred, mark_of, microseconds
from topologies.mail.folding import words
from topologies.ports.search import SearchQuery, Term

FEW = 2_000  # hits that are looked up one by one; more are met while walking the mailbox
_COLUMNS = {
    "any": "",
    "head": "{subject senders} : ",
    "subject": "{subject} : ",
    "text": "{text} : ",
    "from": "{senders} : ",
    "to": "{recipients} : ",
    "filename": "{files} : ",
}

_WHERE = """
    WHERE user_no = :user_no AND folder_id <> 'deleted'
    AND (:folder_id IS NULL OR folder_id = :folder_id)
    AND (:is_read IS NULL OR is_read = :is_read)
    AND (:is_starred IS NULL OR is_starred = :is_starred)
    AND (:has_attachments IS NULL OR has_attachments = :has_attachments)
    AND (:after_us IS NULL OR received_us >= :after_us)
    AND (:before_us IS NULL OR received_us < :before_us)
    AND (:larger_bytes IS NULL OR size_bytes > :larger_bytes)
    AND (:labels IS NULL OR NOT EXISTS
        (SELECT 1 FROM json_each(:labels) AS label WHERE instr(mails.labels, label.value) = 0))
    AND (:without IS NULL OR NOT EXISTS
        (SELECT 1 FROM json_each(:without) AS label WHERE instr(mails.labels, label.value) > 0))
"""
_NEWEST = _WHERE + " AND email_id < :before ORDER BY email_id DESC"
_COUNT = "SELECT count(*) FROM mails" + _WHERE  # noqa: S608  constants all, here and below
_DOCIDS = "SELECT docid FROM mails" + _WHERE  # noqa: S608
_IDS = "SELECT docid, email_id FROM mails" + _NEWEST  # noqa: S608
_VERSIONS = (
    "SELECT email_id, version FROM json_each(:ids) AS wanted CROSS JOIN mails"
    " ON email_id = wanted.value"
    " AND user_no = (SELECT user_no FROM users WHERE user_id = :user_id)"
)
_IDS_OF_HITS = (
    "SELECT email_id FROM json_each(:hits) AS hit CROSS JOIN mails ON docid = hit.value" + _WHERE  # noqa: S608
)


def find(
    connection: sqlite3.Connection, user_id: str, query: SearchQuery, limit: int, before: str | None
) -> tuple[int, list[str]]:
    """Return how many mails there are, and the newest *limit* ids below *before*."""
    connection.execute("BEGIN")  # one snapshot for all that follows
    try:
        user = connection.execute(
            "SELECT user_no FROM users WHERE user_id = ?", (user_id,)
        ).fetchone()
        if user is None:
            return 0, []
        asked = _asked(user[0], query, before)
        if not query.terms and not query.either:
            return _by_state(connection, asked, limit)
        match = match_of(query, mark_of(user[0]))
        if match is None:
            return 0, []
        rows = connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (match,))
        hits = {row[0] for row in rows}
        meet = _one_by_one if len(hits) <= FEW else _by_walking
        return meet(connection, asked, limit, hits)
    finally:
        connection.execute("ROLLBACK")


def versions(
    connection: sqlite3.Connection, user_id: str, email_ids: Sequence[str]
) -> dict[str, int]:
    """Return the version of each mail that is there."""
    rows = connection.execute(_VERSIONS, {"user_id": user_id, "ids": json.dumps(list(email_ids))})
    return dict(rows.fetchall())


def match_of(query: SearchQuery, mark: str) -> str | None:
    """Return the FTS5 expression for what *query* says about text; None if it can't hold."""
    wanted = [f'"{mark}"']  # every mail has it
    unwanted: list[str] = []
    for term in query.terms:
        phrase = _phrase(term, mark)
        if phrase is not None:
            (unwanted if term.is_negated else wanted).append(phrase)
        elif not term.is_negated:
            return None
    for group in query.either:
        choices = [choice for term in group if (choice := _choice(term, mark))]
        if not choices:
            return None
        wanted.append("(" + " OR ".join(choices) + ")")
    if len(wanted) > 1:
        del wanted[0]
    # In FTS5 NOT binds tighter than AND, and AND than OR.
    match = "(" + " AND ".join(wanted) + ")"
    return match + "".join(f" NOT {phrase}" for phrase in unwanted)


def _choice(term: Term, mark: str) -> str | None:
    phrase = _phrase(term, mark)
    if not term.is_negated:
        return phrase
    return f'("{mark}" NOT {phrase})' if phrase else f'"{mark}"'


def _phrase(term: Term, mark: str) -> str | None:
    found = words(term.words)
    if not found:
        return None
    phrase = " ".join(mark + word for word in found)
    return f'({_COLUMNS[term.field]}"{phrase}"{" *" if term.is_prefix else ""})'


def _by_state(
    connection: sqlite3.Connection, asked: dict[str, Any], limit: int
) -> tuple[int, list[str]]:
    [total] = connection.execute(_COUNT, asked).fetchone()
    return total, [row[1] for row in islice(connection.execute(_IDS, asked), limit)]


def _one_by_one(
    connection: sqlite3.Connection, asked: dict[str, Any], limit: int, hits: set[int]
) -> tuple[int, list[str]]:
    rows = connection.execute(_IDS_OF_HITS, asked | {"hits": json.dumps(list(hits))})
    found = sorted((row[0] for row in rows), reverse=True)
    return len(found), [email_id for email_id in found if email_id < asked["before"]][:limit]


def _by_walking(
    connection: sqlite3.Connection, asked: dict[str, Any], limit: int, hits: set[int]
) -> tuple[int, list[str]]:
    rows = connection.execute(_IDS, asked)
    page = list(islice((row[1] for row in rows if row[0] in hits), limit))
    if all(asked[name] is None for name in asked.keys() - {"user_no", "before"}):
        return len(hits), page
    return len(hits.intersection(row[0] for row in connection.execute(_DOCIDS, asked))), page


def _asked(user_no: int, query: SearchQuery, before: str | None) -> dict[str, Any]:
    return {
        "user_no": user_no,
        "before": before or "~",  # which sorts after every id
        "folder_id": query.folder_id,
        "is_read": query.is_read,
        "is_starred": query.is_starred,
        "has_attachments": query.has_attachment,
        "after_us": microseconds(query.after) if query.after else None,
        "before_us": microseconds(query.before) if query.before else None,
        "larger_bytes": query.larger_bytes,
        "labels": _each(query.labels),
        "without": _each(query.without_labels),
    }


def _each(labels: tuple[str, ...]) -> str | None:
    return json.dumps([barred((label_id,)) for label_id in labels]) if labels else None
