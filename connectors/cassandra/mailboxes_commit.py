"""The writes by which a command comes to count, and what is kept of what it led to."""

from collections.abc import Sequence
from datetime import datetime

from connectors.cassandra import mailboxes_redo as redo
from connectors.cassandra.mailboxes_buckets import Buckets, kept_of
from connectors.cassandra.mailboxes_redo import Step
from connectors.cassandra.mailboxes_rows import kept_of as events_kept_of
from connectors.cassandra.session import Statement
from topologies.ports.mailboxes import Effects, Folder

STRETCH = 1_000  # changes of one partition

_PUT_MAILBOX = (
    "INSERT INTO mailboxes (user_id, seq, used_bytes, redo) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"
)
_PUT_FOLDER = (
    "INSERT INTO mailboxes (user_id, folder_id, name, is_deleting, total_count, unread_count,"
    " buckets) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_PUT_BOTH = (
    "INSERT INTO mailboxes (user_id, seq, used_bytes, redo, folder_id, name, is_deleting,"
    " total_count, unread_count, buckets) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_REMOVE_FOLDER = "DELETE FROM mailboxes USING TIMESTAMP ? WHERE user_id = ? AND folder_id = ?"


def committing(
    effects: Effects, folders: Sequence[tuple[Folder, Buckets]], rest: Sequence[Step]
) -> list[Statement]:
    """Return the writes, all to one partition, that make *effects* count.

    Args:
        effects: What the command does.
        folders: Those that change in any way, as they shall be.
        rest: What is still to be written then.
    """
    user_id, seq = effects.mailbox.user_id, effects.mailbox.seq
    mailbox = (user_id, seq, effects.mailbox.used_bytes, redo.kept_of(rest))
    rows = [
        (
            folder.folder_id,
            folder.name,
            folder.is_deleting,
            folder.total_count,
            folder.unread_count,
            kept_of(buckets),
        )
        for folder, buckets in folders
    ]
    statements: list[Statement] = [
        (_REMOVE_FOLDER, (seq, user_id, each)) for each in effects.removed_folders
    ]
    if rows:
        statements.append((_PUT_BOTH, (*mailbox, *rows[0], seq)))
    else:
        statements.append((_PUT_MAILBOX, (*mailbox, seq)))
    statements += [(_PUT_FOLDER, (user_id, *row, seq)) for row in rows[1:]]
    return statements


def told(effects: Effects, now: datetime) -> list[Step]:
    """Return the steps that keep what the command led to, which is all if it changes nothing."""
    user_id, command_id = effects.mailbox.user_id, effects.command_id
    last_seq, events = events_kept_of(effects.events)
    now_ms = int(now.timestamp() * 1000)
    steps: list[Step] = [("command", [user_id, command_id, now_ms, events])]
    if last_seq is not None:
        change = [user_id, last_seq // STRETCH, last_seq, command_id, now_ms, events]
        steps.append(("change", change))
    return steps
