"""Mailboxes: what a command changes, decided from what was loaded; pure.

``needs`` says what a command must know, ``decide`` what it does, ``following`` whether it
goes on. Nothing here reads a clock or draws an id, so a replay decides alike. The rules:

* A mail that is there, or was and is gone for good, is never delivered again.
* A draft that is sent is gone when the sender's copy is there, unless it was saved since.
* A mail for a folder that is gone goes to the inbox; a user who moves one there is told so.
* Of several mails named, those that are there are changed; if none is, it is ``not-found``.
* Deleting moves to trash; from there, or if permanent, a mail is gone and frees its bytes.
* A folder that is deleted is hidden at once, and its mails move to trash in bounded steps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from topologies.errors import Poison
from topologies.events.mailbox import (
    INBOX,
    SPAM,
    TRASH,
    Command,
    CommandAnswered,
    CreateFolder,
    DeleteEmails,
    DeleteFolder,
    Deliver,
    MailboxChanged,
    MoveEmails,
    RenameFolder,
    SaveDraft,
    SetFlags,
    UseMailbox,
)
from topologies.mail import folder_names, ids, threads
from topologies.mail.mailbox_drafts import save_draft
from topologies.mail.mailbox_emails import email_of
from topologies.mail.mailbox_ledger import Ledger
from topologies.ports.mailboxes import Effects, Folder, Loaded, Needs, Summary

MOST_EMAILS = 1_000  # named by one command
MOST_FOLDERS = 500  # custom ones of one mailbox
STEP = 500  # mails that one command moves out of a deleted folder

_NO_EMAIL = "there is no such mail in the mailbox"
_NO_FOLDER = "there is no such folder in the mailbox"
_SYSTEM = "every mailbox has this folder: it can't be renamed or deleted"
_TAKEN = "a folder of this name is there already"


def needs(command: Command) -> Needs:
    """Return what must be loaded to decide on *command*.

    Raises:
        Poison: It is no command known here.
    """
    command_id = command.command_id
    match command:
        case Deliver(email_id=email_id, message=message, draft_id=draft_id):
            return Needs(
                command_id=command_id,
                email_ids=(email_id, draft_id) if draft_id else (email_id,),
                message_ids=threads.named(message),
                draft_id=draft_id,
            )
        case SaveDraft(email_id=email_id, message=message, replaces=replaces):
            return Needs(
                command_id=command_id,
                email_ids=(email_id,),
                message_ids=() if replaces else threads.named(message),
                draft_id=email_id,
            )
        case SetFlags() | MoveEmails() | DeleteEmails():
            wanted = tuple(dict.fromkeys(command.email_ids[:MOST_EMAILS]))
            return Needs(command_id=command_id, email_ids=wanted)
        case CreateFolder() | RenameFolder():
            return Needs(command_id=command_id)
        case UseMailbox(generation=generation):
            return Needs(command_id=command_id, generation=generation)
        case DeleteFolder(folder_id=folder_id):
            return Needs(command_id=command_id, oldest_in_folder=folder_id, limit=STEP)
        case _:
            raise Poison(f"{type(command).__name__} is no command that a mailbox knows")


def decide(command: Command, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part.

    A command that was applied before changes nothing and leads to the events it led to.

    Raises:
        Poison: It is no command known here.
    """
    if loaded.answered is not None:
        return Effects(
            mailbox=loaded.mailbox, command_id=command.command_id, events=loaded.answered
        )
    match command:
        case Deliver():
            return _deliver(command, loaded)
        case SetFlags():
            return _set_flags(command, loaded)
        case MoveEmails():
            return _move(command, loaded)
        case DeleteEmails():
            return _delete(command, loaded)
        case CreateFolder():
            return _create_folder(command, loaded)
        case RenameFolder():
            return _rename_folder(command, loaded)
        case DeleteFolder():
            return _delete_folder(command, loaded)
        case UseMailbox():
            return _use(command, loaded)
        case SaveDraft():
            return save_draft(command, loaded)
        case _:
            raise Poison(f"{type(command).__name__} is no command that a mailbox knows")


def following(
    command: Command, events: Sequence[MailboxChanged | CommandAnswered]
) -> DeleteFolder | None:
    """Return the command that carries on what *command* began; *events* are what it led to."""
    if not isinstance(command, DeleteFolder):
        return None
    kinds = {event.kind for event in events if isinstance(event, MailboxChanged)}
    if not kinds or "folder.removed" in kinds:
        return None
    return DeleteFolder(
        user_id=command.user_id,
        command_id=ids.command_id("delete-folder", command.command_id),
        issued_at=command.issued_at,
        folder_id=command.folder_id,
    )


def _deliver(command: Deliver, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    if command.email_id in loaded.emails or command.email_id in loaded.gone:
        return ledger.done()
    joined = threads.join(command.message, command.email_id, loaded.threads, loaded.thread_sizes)
    is_there = _visible(loaded, command.folder_id) is not None
    ledger.add(
        email_of(
            command,
            folder_id=command.folder_id if is_there else INBOX,
            thread_id=joined.thread_id,
            seq=ledger.next_seq,
        )
    )
    ledger.remember(joined.remembered)
    for merged in joined.merged:
        ledger.merge(merged, joined.thread_id)
    draft = loaded.emails.get(command.draft_id)
    if draft is not None and loaded.draft_version == command.draft_version:
        ledger.remove(draft)
    return ledger.done()


def _set_flags(command: SetFlags, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    if len(command.email_ids) > MOST_EMAILS:
        return ledger.refused("invalid", f"at most {MOST_EMAILS} mails at once")
    if not loaded.emails:
        return ledger.refused("not-found", _NO_EMAIL)
    for mail in _named(command.email_ids, loaded):
        ledger.set_flags(
            mail,
            is_read=mail.is_read if command.is_read is None else command.is_read,
            is_starred=mail.is_starred if command.is_starred is None else command.is_starred,
        )
    return ledger.done()


def _move(command: MoveEmails, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    reported_to = {"spam": SPAM, "ham": INBOX}.get(command.reported, "")
    folder_id = command.folder_id or reported_to
    if len(command.email_ids) > MOST_EMAILS:
        return ledger.refused("invalid", f"at most {MOST_EMAILS} mails at once")
    if not loaded.emails:
        return ledger.refused("not-found", _NO_EMAIL)
    if _visible(loaded, folder_id) is None:
        return ledger.refused("not-found", _NO_FOLDER)
    for mail in _named(command.email_ids, loaded):
        ledger.move(mail, folder_id)
    return ledger.done()


def _delete(command: DeleteEmails, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    if len(command.email_ids) > MOST_EMAILS:
        return ledger.refused("invalid", f"at most {MOST_EMAILS} mails at once")
    if not loaded.emails:
        return ledger.refused("not-found", _NO_EMAIL)
    for mail in _named(command.email_ids, loaded):
        if command.permanent or mail.folder_id == TRASH:
            ledger.remove(mail)
        else:
            ledger.move(mail, TRASH)
    return ledger.done()


def _create_folder(command: CreateFolder, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    there = loaded.folders.get(command.folder_id)
    if there is not None and there.is_system:
        return ledger.refused("system-folder", "every mailbox has this folder already")
    if there is not None and there.is_deleting:
        return ledger.refused("invalid", "this folder is being deleted")
    if there is not None:
        return ledger.done()
    try:
        name = folder_names.normalised(command.name)
    except ValueError as error:
        return ledger.refused("invalid", str(error))
    if folder_names.is_taken(name, loaded.folders.values()):
        return ledger.refused("name-taken", _TAKEN)
    if sum(not folder.is_system for folder in loaded.folders.values()) >= MOST_FOLDERS:
        return ledger.refused("invalid", f"a mailbox has at most {MOST_FOLDERS} folders of its own")
    folder = Folder(folder_id=command.folder_id, name=name, is_system=False)
    ledger.put_folder(folder, "folder.added")
    return ledger.done()


def _rename_folder(command: RenameFolder, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    folder = _visible(loaded, command.folder_id)
    if folder is None:
        return ledger.refused("not-found", _NO_FOLDER)
    if folder.is_system:
        return ledger.refused("system-folder", _SYSTEM)
    try:
        name = folder_names.normalised(command.name)
    except ValueError as error:
        return ledger.refused("invalid", str(error))
    others = [each for each in loaded.folders.values() if each is not folder]
    if folder_names.is_taken(name, others):
        return ledger.refused("name-taken", _TAKEN)
    if name != folder.name:
        ledger.put_folder(replace(folder, name=name), "folder.updated")
    return ledger.done()


def _delete_folder(command: DeleteFolder, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    folder = loaded.folders.get(command.folder_id)
    if folder is None:
        return ledger.refused("not-found", _NO_FOLDER)
    if folder.is_system:
        return ledger.refused("system-folder", _SYSTEM)
    is_last_step = len(loaded.emails) < STEP or folder.total_count <= STEP
    if not is_last_step and not folder.is_deleting:
        ledger.put_folder(replace(folder, is_deleting=True), "folder.updated")
    for mail in loaded.emails.values():
        ledger.move(mail, TRASH)
    if is_last_step:
        ledger.remove_folder(folder.folder_id)
    return ledger.done()


def _use(command: UseMailbox, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    ledger.rebuild()
    return ledger.done()


def _visible(loaded: Loaded, folder_id: str) -> Folder | None:
    folder = loaded.folders.get(folder_id)
    return None if folder is None or folder.is_deleting else folder


def _named(email_ids: Sequence[str], loaded: Loaded) -> Iterator[Summary]:
    for email_id in dict.fromkeys(email_ids):
        if email_id in loaded.emails:
            yield loaded.emails[email_id]
