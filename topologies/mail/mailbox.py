"""Mailboxes: what a command changes, decided from what was loaded; pure.

``needs`` says what a command must know, ``decide`` what it does, ``following`` whether it
goes on. Nothing here reads a clock or draws an id, so a replay decides alike. The rules:

* A mail that is there, or was and is gone for good, is never delivered again.
* A draft that is sent is gone when the sender's copy is there, unless it was saved since.
* What is to take the place of a mail in a folder does not come if that was moved or deleted.
* A mail for a folder that is gone goes to the inbox; a user who moves one there is told so.
* Of several mails named, those that are there are changed; if none is, it is ``not-found``.
* Deleting moves to trash; from there, or if permanent, a mail is gone and frees its bytes. It can
  be restored for a while, if that is asked for.
* A folder that is deleted is hidden at once, and its mails move to trash in bounded steps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from topologies.errors import Poison
from topologies.events.mailbox import (
    DELETED,
    INBOX,
    SPAM,
    ChangeLabel,
    Command,
    CommandAnswered,
    CreateFolder,
    CreateLabel,
    DeleteEmails,
    DeleteFolder,
    DeleteLabel,
    Deliver,
    EmptyFolder,
    LabelEmails,
    MailboxChanged,
    MoveEmails,
    RenameFolder,
    RestoreEmails,
    SaveDraft,
    SetFlags,
    UseMailbox,
)
from topologies.mail import ids, mailbox_folders, mailbox_labels, mailbox_trash, threads
from topologies.mail.mailbox_drafts import save_draft
from topologies.mail.mailbox_emails import email_of
from topologies.mail.mailbox_ledger import Ledger
from topologies.ports.mailboxes import Effects, Folder, Loaded, Needs, Summary

MOST_EMAILS = 1_000  # named by one command
STEP = 500  # mails that one command moves out of a deleted folder

_NO_EMAIL = "there is no such mail in the mailbox"
_NO_FOLDER = "there is no such folder in the mailbox"


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
        case SetFlags() | MoveEmails() | DeleteEmails() | LabelEmails() | RestoreEmails():
            wanted = tuple(dict.fromkeys(command.email_ids[:MOST_EMAILS]))
            return Needs(command_id=command_id, email_ids=wanted)
        case CreateFolder() | RenameFolder() | CreateLabel() | ChangeLabel():
            return Needs(command_id=command_id)
        case UseMailbox(generation=generation):
            return Needs(command_id=command_id, generation=generation)
        case DeleteFolder(folder_id=folder_id):
            return Needs(command_id=command_id, oldest_in_folder=folder_id, limit=STEP)
        case EmptyFolder(folder_id=folder_id):
            return Needs(command_id=command_id, oldest_in_folder=folder_id, limit=STEP)
        case DeleteLabel(label_id=label_id):
            return Needs(command_id=command_id, labelled=label_id, limit=STEP)
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
            return _set_flags(command, _without_deleted(loaded))
        case MoveEmails():
            return _move(command, _without_deleted(loaded))
        case DeleteEmails():
            if len(command.email_ids) > MOST_EMAILS:
                return _too_many(command, loaded)
            return mailbox_trash.delete(command, loaded)
        case RestoreEmails():
            if len(command.email_ids) > MOST_EMAILS:
                return _too_many(command, loaded)
            return mailbox_trash.restore(command, loaded)
        case EmptyFolder():
            return mailbox_trash.empty(command, loaded)
        case CreateFolder():
            return mailbox_folders.create(command, loaded)
        case RenameFolder():
            return mailbox_folders.rename(command, loaded)
        case DeleteFolder():
            return mailbox_folders.delete(command, loaded, step=STEP)
        case UseMailbox():
            return _use(command, loaded)
        case SaveDraft():
            return save_draft(command, loaded)
        case CreateLabel():
            return mailbox_labels.create(command, loaded)
        case ChangeLabel():
            return mailbox_labels.change(command, loaded)
        case DeleteLabel():
            return mailbox_labels.delete(command, loaded, step=STEP)
        case LabelEmails():
            if len(command.email_ids) > MOST_EMAILS:
                return _too_many(command, loaded)
            return mailbox_labels.put_on(command, _without_deleted(loaded))
        case _:
            raise Poison(f"{type(command).__name__} is no command that a mailbox knows")


def following(
    command: Command, events: Sequence[MailboxChanged | CommandAnswered]
) -> Sequence[DeleteFolder | DeleteLabel | EmptyFolder]:
    """Return the commands that carry on what *command* began; *events* are what it led to."""
    kinds = {event.kind for event in events if isinstance(event, MailboxChanged)}
    if not kinds or kinds & {"folder.removed", "label.removed"}:
        return ()
    if isinstance(command, DeleteFolder):
        folders = mailbox_folders.hidden_by(events)
        return [_next_of(command, each) for each in folders or [command.folder_id]]
    if isinstance(command, DeleteLabel | EmptyFolder):
        return [_next_step(command)]
    return ()


def _next_of(command: DeleteFolder, folder_id: str) -> DeleteFolder:
    is_same = folder_id == command.folder_id
    named = ("delete-folder", command.command_id) + (() if is_same else (folder_id,))
    return DeleteFolder(
        user_id=command.user_id,
        command_id=ids.command_id(*named),
        issued_at=command.issued_at,
        folder_id=folder_id,
    )


def _next_step(command: DeleteLabel | EmptyFolder) -> DeleteLabel | EmptyFolder:
    if isinstance(command, EmptyFolder):
        return EmptyFolder(
            user_id=command.user_id,
            command_id=ids.command_id("empty-folder", command.command_id),
            issued_at=command.issued_at,
            folder_id=command.folder_id,
            put_before=command.put_before,
            is_restorable=command.is_restorable,
        )
    return DeleteLabel(
        user_id=command.user_id,
        command_id=ids.command_id("delete-label", command.command_id),
        issued_at=command.issued_at,
        label_id=command.label_id,
    )


def _deliver(command: Deliver, loaded: Loaded) -> Effects:
    ledger = Ledger(command, loaded)
    if command.email_id in loaded.emails or command.email_id in loaded.gone:
        return ledger.done()
    draft = loaded.emails.get(command.draft_id)
    if command.only_from and _was_taken_away(command, draft, loaded):
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
    is_there_still = draft is not None and draft.folder_id != DELETED
    if draft is not None and is_there_still and loaded.draft_version == command.draft_version:
        ledger.remove(draft)
    return ledger.done()


def _was_taken_away(command: Deliver, draft: Summary | None, loaded: Loaded) -> bool:
    # Of what was never here nobody has decided anything: rather twice than lost.
    if draft is None:
        return command.draft_id in loaded.gone
    return draft.folder_id != command.only_from


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


def _too_many(command: Command, loaded: Loaded) -> Effects:
    return Ledger(command, loaded).refused("invalid", f"at most {MOST_EMAILS} mails at once")


def _without_deleted(loaded: Loaded) -> Loaded:
    """Return what was loaded less the mails that are gone for all but who restores them."""
    kept = {each: mail for each, mail in loaded.emails.items() if mail.folder_id != DELETED}
    return loaded if len(kept) == len(loaded.emails) else replace(loaded, emails=kept)


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
