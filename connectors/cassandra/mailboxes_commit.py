"""The writes by which commands come to count, and what is kept of what each led to."""

from collections.abc import Sequence
from datetime import datetime

from connectors.cassandra import mailboxes_redo as redo
from connectors.cassandra.mailboxes_buckets import Buckets, kept_of
from connectors.cassandra.mailboxes_redo import Step
from connectors.cassandra.mailboxes_rows import LABEL
from connectors.cassandra.mailboxes_rows import kept_of as events_kept_of
from connectors.cassandra.session import Statement
from topologies.events.mailbox import MailboxChanged
from topologies.ports.mailboxes import Effects, Folder, Label, Mailbox

STRETCH = 1_000  # changes of one partition

_PUT_MAILBOX = (
    "INSERT INTO mailboxes (user_id, seq, used_bytes, redo) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"
)
_PUT_FOLDER = (
    "INSERT INTO mailboxes (user_id, folder_id, name, is_deleting, total_count, unread_count,"
    " buckets, parent_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_PUT_BOTH = (
    "INSERT INTO mailboxes (user_id, seq, used_bytes, redo, folder_id, name, is_deleting,"
    " total_count, unread_count, buckets, parent_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_PUT_LABEL = (
    "INSERT INTO mailboxes (user_id, folder_id, name, is_deleting, total_count, unread_count,"
    " buckets, colour) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_REMOVE_FOLDER = "DELETE FROM mailboxes USING TIMESTAMP ? WHERE user_id = ? AND folder_id = ?"


def changes_of(effects: Effects) -> int:
    """Return how many changes *effects* are: that many numbers they take."""
    return sum(isinstance(event, MailboxChanged) for event in effects.events)


def committing(
    mailbox: Mailbox,
    folders: Sequence[tuple[Folder, Buckets]],
    labels: Sequence[tuple[Label, Buckets]],
    removed: Sequence[str],
    rest: Sequence[Step],
) -> list[Statement]:
    """Return the writes, all to one partition, that make some commands count.

    Args:
        mailbox: As they leave it.
        folders: Those that change in any way, as they shall be.
        labels: Those that change in any way, as they shall be.
        removed: Folders and labels that are gone, by what they are called in the table.
        rest: What is still to be written then.
    """
    user_id, seq = mailbox.user_id, mailbox.seq
    own = (user_id, seq, mailbox.used_bytes, redo.kept_of(rest))
    rows = [
        (
            folder.folder_id,
            folder.name,
            folder.is_deleting,
            folder.total_count,
            folder.unread_count,
            kept_of(buckets),
            folder.parent_id,
        )
        for folder, buckets in folders
    ]
    statements: list[Statement] = [(_REMOVE_FOLDER, (seq, user_id, each)) for each in removed]
    if rows:
        statements.append((_PUT_BOTH, (*own, *rows[0], seq)))
    else:
        statements.append((_PUT_MAILBOX, (*own, seq)))
    statements += [(_PUT_FOLDER, (user_id, *row, seq)) for row in rows[1:]]
    for label, buckets in labels:
        counts = (label.is_deleting, label.total_count, label.unread_count, kept_of(buckets))
        values = (user_id, LABEL + label.label_id, label.name, *counts, label.colour, seq)
        statements.append((_PUT_LABEL, values))
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
