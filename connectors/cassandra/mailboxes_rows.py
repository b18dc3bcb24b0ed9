"""The values in the rows of mailboxes, as they are written and read."""

import hashlib
import re
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors import mail_marks
from connectors.cassandra.mailboxes_buckets import Buckets, buckets_of
from connectors.mail_bodies import COMPRESSION
from topologies.errors import Poison
from topologies.events.mailbox import SYSTEM_FOLDERS, CommandAnswered, MailboxChanged
from topologies.ports.mailboxes import Folder, Label, Mailbox, Summary

LARGE_BYTES = 2 * 1024  # from here on what a command led to is compressed
AFTER_ALL = b"\xff" * 17  # sorts above every key

LABEL = "label:"  # before a label's id, where it stands in the place of a folder's

Events = tuple[MailboxChanged | CommandAnswered, ...]
Row = tuple[Any, ...]

_COMPRESSED = b"z"  # which begins no JSON
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Line(msgspec.Struct, frozen=True, array_like=True):
    """What a listing shows of a mail and never changes."""

    from_name: str
    from_address: str
    to: tuple[str, ...]
    subject: str
    snippet: str
    has_attachments: bool
    size_bytes: int
    created_us: int
    spam_probability: float | None


class _Events(msgspec.Struct, frozen=True, array_like=True):
    """What a command led to."""

    changes: list[MailboxChanged]
    answer: CommandAnswered | None


_is_uuid = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_encode = msgspec.json.Encoder().encode
_line = msgspec.json.Decoder(_Line).decode
_events = msgspec.json.Decoder(_Events).decode


def is_key(identifier: str) -> bool:
    """Tell whether it is a UUID in our spelling: nothing else names a mail or a thread."""
    return _is_uuid(identifier) is not None


def key_of(identifier: str) -> bytes:
    """Return a UUID as 16 bytes.

    Raises:
        ValueError: It is none.
    """
    return bytes.fromhex(identifier.replace("-", ""))


def id_of(key: bytes) -> str:
    """Return the identifier that ``key_of`` made *key* of."""
    digits = key.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def digest_of(message_id: str) -> bytes:
    """Return what a message-id is known by: enough to tell it from all in one mailbox."""
    return hashlib.blake2b(message_id.encode(), digest_size=10).digest()


def line_of(mail: Summary) -> bytes:
    """Return what never changes of a mail's line."""
    return _encode(
        _Line(
            mail.from_name,
            mail.from_address,
            mail.to,
            mail.subject,
            mail.snippet,
            mail.has_attachments,
            mail.size_bytes,
            (mail.created_at - _EPOCH) // _MICROSECOND,
            mail.spam_probability,
        )
    )


def summary_of(folder_id: str, row: Row) -> Summary:
    """Return the mail of a row that begins as ``mailboxes_load.COLUMNS``.

    Raises:
        Poison: It can't be read any more.
    """
    email_id, thread_id, is_read, is_starred, changed_seq, kept = row[:6]
    marks = mail_marks.marks_of(row[6])
    try:
        line = _line(kept)
    except (msgspec.DecodeError, TypeError) as error:
        raise Poison(f"{id_of(email_id)} is damaged where it is kept: {error}") from error
    return Summary(
        email_id=id_of(email_id),
        folder_id=folder_id,
        thread_id=id_of(thread_id),
        is_read=is_read,
        is_starred=is_starred,
        from_name=line.from_name,
        from_address=line.from_address,
        to=line.to,
        subject=line.subject,
        snippet=line.snippet,
        has_attachments=line.has_attachments,
        size_bytes=line.size_bytes,
        created_at=_EPOCH + line.created_us * _MICROSECOND,
        spam_probability=line.spam_probability,
        changed_seq=changed_seq,
        labels=marks.labels,
        before=marks.before,
    )


def mailbox_of(user_id: str, rows: Sequence[Row]) -> Mailbox:
    """Return the mailbox of rows that begin with seq and used_bytes."""
    if not rows:
        return Mailbox(user_id=user_id)
    used_bytes = rows[0][1] or 0
    return Mailbox(
        user_id=user_id,
        seq=rows[0][0] or 0,
        used_bytes=max(0, used_bytes),
        is_erased=used_bytes < 0,  # as ``mailboxes_erase`` marks it
    )


def folder_of(row: Row) -> Folder:
    """Return the folder of a row that begins with folder_id, name, is_deleting and both counts.

    It ends with colour and parent_id.
    """
    return Folder(
        folder_id=row[0],
        name=row[1],
        is_system=row[0] in SYSTEM_FOLDERS,
        is_deleting=row[2],
        total_count=row[3],
        unread_count=row[4],
        parent_id=row[-1] or "",
    )


def label_of(row: Row) -> Label:
    """Return the label of a row as ``folder_of`` takes."""
    return Label(
        label_id=row[0].removeprefix(LABEL),
        name=row[1],
        colour=row[-2] or "",
        is_deleting=row[2],
        total_count=row[3],
        unread_count=row[4],
    )


def folders_of(rows: Sequence[Row], full: int) -> dict[str, tuple[Folder, Buckets]]:
    """Return folders and buckets (of *full* rows) of rows of ``folder_of`` and kept buckets."""
    return {
        row[0]: (folder_of(row), buckets_of(row[5], full))
        for row in rows
        if not row[0].startswith(LABEL)
    }


def labels_of(rows: Sequence[Row], full: int) -> dict[str, tuple[Label, Buckets]]:
    """Return labels and buckets of the same rows."""
    labels = [row for row in rows if row[0].startswith(LABEL)]
    return {row[0].removeprefix(LABEL): (label_of(row), buckets_of(row[5], full)) for row in labels}


def kept_of(events: Events) -> tuple[int | None, bytes]:
    """Return the number of the last change, and *events* as they are kept."""
    changes = [event for event in events if isinstance(event, MailboxChanged)]
    answers = [event for event in events if isinstance(event, CommandAnswered)]
    kept = _encode(_Events(changes, answers[0] if answers else None))
    if len(kept) > LARGE_BYTES:
        kept = _COMPRESSED + zlib.compress(kept, COMPRESSION)
    return changes[-1].seq if changes else None, kept


def events_of(kept: bytes) -> Events:
    """Return the events that ``kept_of`` was given.

    Raises:
        Poison: They can't be read any more.
    """
    try:
        held = _events(zlib.decompress(kept[1:]) if kept.startswith(_COMPRESSED) else kept)
    except (zlib.error, msgspec.DecodeError) as error:
        raise Poison(f"what a command led to is damaged where it is kept: {error}") from error
    return (*held.changes, held.answer) if held.answer is not None else tuple(held.changes)
