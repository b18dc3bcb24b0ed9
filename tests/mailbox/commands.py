"""Commands as tests need them: each a line, the same ids at every run."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from topologies.events import (
    INBOX,
    Address,
    Command,
    CreateFolder,
    DeleteEmails,
    DeleteFolder,
    Deliver,
    Draft,
    DraftTexts,
    Event,
    Message,
    MoveEmails,
    RawRef,
    RenameFolder,
    SaveDraft,
    SetFlags,
)
from topologies.mail import ids
from topologies.mailbox.store import store
from topologies.ports.mailboxes import Mailboxes

AT = datetime(2026, 3, 14, 12, tzinfo=UTC)
RAW = RawRef(blob="0" * 64, kind="whole", size_bytes=1_000)


def mail_id(number: int) -> str:
    return ids.derived_id(AT + timedelta(minutes=number), "mail", str(number))


def email_id(number: int, user_id: str = "ann") -> str:
    return ids.email_id(mail_id(number), user_id)


def folder_id(name: str) -> str:
    return ids.derived_id(AT, "folder", name)


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


def create(name: str, user_id: str = "ann", **changes: Any) -> CreateFolder:
    fields: dict[str, Any] = {"folder_id": folder_id(name)} | changes
    return CreateFolder(**_stamp("create", user_id, (name,), fields), name=name)


def rename(folder: str, name: str, user_id: str = "ann", **changes: Any) -> RenameFolder:
    stamp = _stamp("rename", user_id, (folder, name), changes)
    return RenameFolder(**stamp, folder_id=folder, name=name)


def remove(folder: str, user_id: str = "ann", **changes: Any) -> DeleteFolder:
    return DeleteFolder(**_stamp("remove", user_id, (folder,), changes), folder_id=folder)


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
