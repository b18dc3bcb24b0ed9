"""Commands as tests need them: each a line, the same ids at every run."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from topologies.events import (
    INBOX,
    Address,
    ChangeLabel,
    Command,
    CreateFolder,
    CreateLabel,
    DeleteEmails,
    DeleteFolder,
    DeleteLabel,
    Deliver,
    Draft,
    DraftTexts,
    EmptyFolder,
    Event,
    LabelEmails,
    Message,
    MoveEmails,
    RawRef,
    RenameFolder,
    RestoreEmails,
    SaveDraft,
    SetFlags,
)
from topologies.mail import ids
from topologies.mailbox.store import store
from topologies.ports.mailboxes import Mailboxes

AT = datetime(2026, 3, 14, 12, tzinfo=UTC)
LATER = AT + timedelta(days=100)
RAW = RawRef(blob="0" * 64, kind="whole", size_bytes=1_000)


def mail_id(number: int) -> str:
    return ids.derived_id(AT + timedelta(minutes=number), "mail", str(number))


def email_id(number: int, user_id: str = "ann") -> str:
    return ids.email_id(mail_id(number), user_id)


def folder_id(name: str) -> str:
    return ids.derived_id(AT, "folder", name)


def label_id(name: str) -> str:
    return ids.derived_id(AT, "label", name)


def deliver(number: int, user_id: str = "ann", **changes: Any) -> Deliver:
    """A mail; those with higher numbers came later. `message` may be a dict of fields."""
    given = changes.pop("message", {})
    message = given if isinstance(given, Message) else a_message(number, **given)
    fields: dict[str, Any] = {
        "command_id": ids.command_id("deliver", mail_id(number), user_id),
        "issued_at": AT + timedelta(minutes=number),
        "email_id": email_id(number, user_id),
        "mail_id": mail_id(number),
        "folder_id": INBOX,
        "message": message,
        "raw_ref": RAW,
        "received_at": AT + timedelta(minutes=number),
    }
    return Deliver(user_id=user_id, **(fields | changes))


def a_message(number: int, **changes: Any) -> Message:
    fields: dict[str, Any] = {
        "subject": f"Mail {number}",
        "from_": (Address(address="ada@sender.example", name="Ada"),),
        "to": (Address(address="ann@shop.example"),),
        "message_id": f"m{number}@sender.example",
        "text": "Hello",
    }
    return Message(**(fields | changes))


def save(number: int, version: str, user_id: str = "ann", **changes: Any) -> SaveDraft:
    """A draft as `version` of the mail with that number; `message` may be a dict of fields."""
    given = changes.pop("message", {})
    written = {"subject": f"Draft {number} {version}", "message_id": "", "text": version}
    fields: dict[str, Any] = {
        "email_id": email_id(number, user_id),
        "draft": Draft(version=version, saved_at=AT, texts=DraftTexts(text=version)),
        "message": a_message(number, **(written | given)),
        "raw_ref": RAW,
    } | changes
    return SaveDraft(**_stamp("save", user_id, (number, version), fields))


def set_flags(*numbers: int, user_id: str = "ann", **changes: Any) -> SetFlags:
    return SetFlags(**_naming("flags", user_id, numbers, changes))


def move(*numbers: int, to: str, user_id: str = "ann", **changes: Any) -> MoveEmails:
    return MoveEmails(**_naming("move", user_id, numbers, {"folder_id": to} | changes))


def delete(*numbers: int, user_id: str = "ann", **changes: Any) -> DeleteEmails:
    return DeleteEmails(**_naming("delete", user_id, numbers, changes))


def restore(*numbers: int, user_id: str = "ann", **changes: Any) -> RestoreEmails:
    return RestoreEmails(**_naming("restore", user_id, numbers, changes))


def empty(
    folder: str, user_id: str = "ann", *, before: datetime = LATER, **changes: Any
) -> EmptyFolder:
    stamp = _stamp("empty", user_id, (folder, before), changes)
    return EmptyFolder(**stamp, folder_id=folder, put_before=before)


def create(name: str, user_id: str = "ann", **changes: Any) -> CreateFolder:
    fields: dict[str, Any] = {"folder_id": folder_id(name)} | changes
    return CreateFolder(**_stamp("create", user_id, (name,), fields), name=name)


def rename(folder: str, name: str, user_id: str = "ann", **changes: Any) -> RenameFolder:
    stamp = _stamp("rename", user_id, (folder, name), changes)
    return RenameFolder(**stamp, folder_id=folder, name=name)


def put_into(folder: str, parent: str, user_id: str = "ann", **changes: Any) -> RenameFolder:
    """A folder moved into another, or into none."""
    return rename(folder, "", user_id, parent_id=parent, **changes)


def remove(folder: str, user_id: str = "ann", **changes: Any) -> DeleteFolder:
    return DeleteFolder(**_stamp("remove", user_id, (folder,), changes), folder_id=folder)


def create_label(name: str, user_id: str = "ann", **changes: Any) -> CreateLabel:
    fields: dict[str, Any] = {"label_id": label_id(name)} | changes
    return CreateLabel(**_stamp("create label", user_id, (name,), fields), name=name)


def change_label(label: str, user_id: str = "ann", **changes: Any) -> ChangeLabel:
    return ChangeLabel(**_stamp("change label", user_id, (label,), changes), label_id=label)


def delete_label(label: str, user_id: str = "ann", **changes: Any) -> DeleteLabel:
    return DeleteLabel(**_stamp("delete label", user_id, (label,), changes), label_id=label)


def label(
    *numbers: int,
    on: Sequence[str] = (),
    off: Sequence[str] = (),
    user_id: str = "ann",
    **changes: Any,
) -> LabelEmails:
    """Labels put on mails, and others taken off them, by their names."""
    named = {
        "added": tuple(map(label_id, on)),
        "removed": tuple(map(label_id, off)),
    }
    return LabelEmails(**_naming("label", user_id, numbers, named | changes))


async def carry_out(mailboxes: Mailboxes, *commands: Command) -> list[Event]:
    """Let the stage apply *commands* and all that follows them; return every event."""
    events: list[Event] = []
    waiting: list[Command] = list(commands)
    while waiting:
        for event in await store(waiting.pop(0), mailboxes=mailboxes):
            events.append(event)
            if isinstance(event, Command):
                waiting.append(event)
    return events


def _naming(
    kind: str, user_id: str, numbers: Sequence[int], changes: dict[str, Any]
) -> dict[str, Any]:
    named = {"email_ids": tuple(email_id(number, user_id) for number in numbers)}
    return _stamp(kind, user_id, numbers, named | changes)


def _stamp(
    kind: str, user_id: str, what: Sequence[object], changes: dict[str, Any]
) -> dict[str, Any]:
    once = str((kind, user_id, *what, sorted(changes.items())))
    fields = {"command_id": ids.command_id(once), "issued_at": AT, "answer": True}
    return {"user_id": user_id} | fields | changes
