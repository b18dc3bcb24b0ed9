"""How a mailbox is taken away: its mails in steps, then everything else but that it was erased."""

import sqlite3

from connectors.sqlite.mailboxes_schema import ERASED

_SOME = (
    "SELECT email_id, folder_no, body_no FROM emails"
    " WHERE user_no = ? AND folder_no IS NOT NULL LIMIT ?"
)
_ALL_ELSE = (
    "DELETE FROM labelled WHERE label_no IN (SELECT label_no FROM labels WHERE user_no = ?)",
    "DELETE FROM labels WHERE user_no = ?",
    "DELETE FROM folders WHERE user_no = ?",
    "DELETE FROM message_ids WHERE user_no = ?",
    "DELETE FROM merged WHERE user_no = ?",
    "DELETE FROM commands WHERE user_no = ?",
    "DELETE FROM copies WHERE user_no = ?",  # reads all of the table, once for each user that goes
    "DELETE FROM emails WHERE user_no = ?",
)
_COUNTS = tuple(
    f"SELECT count(*) FROM {table} WHERE user_no = ?"  # noqa: S608  constants
    for table in ("emails", "folders", "labels", "message_ids", "merged", "commands")
)


def erase(connection: sqlite3.Connection, user_id: str, limit: int) -> bool:
    """Take away up to *limit* mails, and with the last of them all else; tell if any are left.

    Args:
        connection: Within a transaction.
        user_id: Whose mailbox.
        limit: How many mails at most.
    """
    row = connection.execute(
        "SELECT user_no, used_bytes FROM users WHERE user_id = ?", (user_id,)
    ).fetchone()
    if row is None:
        connection.execute(
            "INSERT INTO users (user_id, seq, used_bytes) VALUES (?, 1, ?)", (user_id, ERASED)
        )
        return False
    user_no, used_bytes = row
    if used_bytes == ERASED:
        return False
    mails = connection.execute(_SOME, (user_no, limit)).fetchall()
    connection.executemany(
        "DELETE FROM lines WHERE folder_no = ? AND email_id = ?",
        [(folder_no, email_id) for email_id, folder_no, _ in mails],
    )
    connection.executemany(
        "DELETE FROM bodies WHERE body_no = ?", [(body_no,) for _, _, body_no in mails]
    )
    connection.executemany(
        "DELETE FROM emails WHERE user_no = ? AND email_id = ?",
        [(user_no, email_id) for email_id, _, _ in mails],
    )
    if len(mails) == limit:
        return True
    for statement in _ALL_ELSE:
        connection.execute(statement, (user_no,))
    connection.execute(
        "UPDATE users SET seq = seq + 1, used_bytes = ? WHERE user_no = ?", (ERASED, user_no)
    )
    return False


def remains(connection: sqlite3.Connection, user_id: str) -> int:
    """Return how many rows are kept of a user's mailbox."""
    row = connection.execute("SELECT user_no FROM users WHERE user_id = ?", (user_id,)).fetchone()
    if row is None:
        return 0
    return sum(connection.execute(count, row).fetchone()[0] for count in _COUNTS)
