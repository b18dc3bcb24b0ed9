"""The values in the rows of mailboxes, as they are written and read."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors import mail_marks
from topologies.events.mailbox import CommandAnswered, MailboxChanged
from topologies.ports.mailboxes import Summary

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS_A_DAY = timedelta(days=1) // _MICROSECOND


class _Change(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is kept of a ``MailboxChanged`` that is not the same for all of a command."""

    kind: Any
    email_id: str = ""
    folder_id: str = ""
    from_folder_id: str = ""
    thread_id: str = ""
    merged_thread_id: str = ""
    is_read: bool = False
    is_starred: bool = False
    is_rewritten: bool = False
    label_id: str = ""
    labels: tuple[str, ...] = ()
    is_restorable: bool = False


class _Events(msgspec.Struct, frozen=True, array_like=True):
    """What a command led to: its changes, the last of which has `last_seq`, and its answer."""

    changed_at: datetime | None
    changes: list[_Change]
    answer: CommandAnswered | None


Events = tuple[MailboxChanged | CommandAnswered, ...]

_is_uuid = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_encode = msgspec.json.Encoder().encode
_events = msgspec.json.Decoder(_Events).decode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode


def key_of(identifier: str) -> bytes | str:
    """Return a UUID as 16 bytes; anything else as it is, which equals none of them."""
    return bytes.fromhex(identifier.replace("-", "")) if _is_uuid(identifier) else identifier


def id_of(key: bytes | str) -> str:
    """Return the identifier that ``key_of`` made *key* of."""
    if isinstance(key, str):
        return key
    digits = key.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def digest_of(message_id: str) -> bytes:
    """Return what a message-id is known by: enough to tell it from all in one mailbox."""
    return hashlib.blake2b(message_id.encode(), digest_size=10).digest()


def day_of(at: datetime) -> int:
    """Return the number of days since 1970."""
    return (at - _EPOCH) // _MICROSECOND // _MICROSECONDS_A_DAY


def line_of(mail: Summary, folder_no: int) -> tuple[Any, ...]:
    """Return the values of ``LINE``."""
    return (
        folder_no,
        key_of(mail.email_id),
        mail.is_read,
        mail.is_starred,
        key_of(mail.thread_id),
        mail.changed_seq,
        mail.from_name,
        mail.from_address,
        _encode(mail.to).decode(),
        mail.subject,
        mail.snippet,
        mail.has_attachments,
        mail.size_bytes,
        (mail.created_at - _EPOCH) // _MICROSECOND,
        mail.spam_probability,
        mail_marks.kept_of(mail),
    )


def summary_of(line: tuple[Any, ...], folder_id: str) -> Summary:
    """Return the mail of a row with the columns of ``LINE``, and maybe more behind."""
    marks = mail_marks.marks_of(line[15]) if line[15] else mail_marks.NONE
    return Summary(
        email_id=id_of(line[1]),
        folder_id=folder_id,
        thread_id=id_of(line[4]),
        is_read=bool(line[2]),
        is_starred=bool(line[3]),
        from_name=line[6],
        from_address=line[7],
        to=_texts(line[8]),
        subject=line[9],
        snippet=line[10],
        has_attachments=bool(line[11]),
        size_bytes=line[12],
        created_at=_EPOCH + line[13] * _MICROSECOND,
        spam_probability=line[14],
        changed_seq=line[5],
        labels=marks.labels,
        before=marks.before if line[15] else None,
    )


def kept_of(events: Events) -> tuple[int | None, bytes]:
    """Return the number of the last change, and *events* as they are kept."""
    changes = [event for event in events if isinstance(event, MailboxChanged)]
    answers = [event for event in events if isinstance(event, CommandAnswered)]
    kept = _Events(
        changed_at=changes[0].changed_at if changes else None,
        changes=[
            _Change(
                c.kind,
                c.email_id,
                c.folder_id,
                c.from_folder_id,
                c.thread_id,
                c.merged_thread_id,
                c.is_read,
                c.is_starred,
                c.is_rewritten,
                c.label_id,
                c.labels,
                c.is_restorable,
            )
            for c in changes
        ],
        answer=answers[0] if answers else None,
    )
    return changes[-1].seq if changes else None, _encode(kept)


def events_of(user_id: str, command_id: str, last_seq: int | None, kept: bytes) -> Events:
    """Return the events that ``kept_of`` was given."""
    held = _events(kept)
    changes: list[MailboxChanged | CommandAnswered] = []
    if last_seq is not None and held.changed_at is not None:
        first_seq = last_seq - len(held.changes) + 1
        changes += [
            MailboxChanged(
                user_id=user_id,
                seq=seq,
                command_id=command_id,
                changed_at=held.changed_at,
                kind=c.kind,
                email_id=c.email_id,
                folder_id=c.folder_id,
                from_folder_id=c.from_folder_id,
                thread_id=c.thread_id,
                merged_thread_id=c.merged_thread_id,
                is_read=c.is_read,
                is_starred=c.is_starred,
                is_rewritten=c.is_rewritten,
                label_id=c.label_id,
                labels=c.labels,
                is_restorable=c.is_restorable,
            )
            for seq, c in enumerate(held.changes, start=first_seq)
        ]
    return (*changes, held.answer) if held.answer is not None else tuple(changes)
