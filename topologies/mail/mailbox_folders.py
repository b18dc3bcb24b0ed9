"""Folders in a mailbox: what making, renaming, moving and deleting one changes. Pure.

Custom folders may lie in each other, ``DEEPEST`` at most; no two beside each other have one name.
A folder that is deleted is hidden at once with all that lie in it, and their mails move to trash
in bounded steps, folder by folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from topologies.events.mailbox import (
    DELETED,
    TRASH,
    CommandAnswered,
    CreateFolder,
    DeleteFolder,
    MailboxChanged,
    RenameFolder,
)
from topologies.mail import folder_names
from topologies.mail.mailbox_ledger import Ledger, Problem
from topologies.ports.mailboxes import Effects, Folder, Loaded

MOST_FOLDERS = 500  # custom ones of one mailbox
DEEPEST = 10  # folders that lie in each other, the outermost included

_NO_FOLDER = "there is no such folder in the mailbox"
_SYSTEM = "every mailbox has this folder: it can't be renamed or deleted"
_TAKEN = "a folder of this name is there already"
_NO_PARENT = "there is no such folder in the mailbox to put it into"
_IN_SYSTEM = "a folder that every mailbox has holds no others"
_IN_ITSELF = "a folder can't be put into itself, or into one that lies in it"
_TOO_DEEP = f"at most {DEEPEST} folders lie in each other"


def create(command: CreateFolder, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part."""
    ledger = Ledger(command, loaded)
    there = loaded.folders.get(command.folder_id)
    if there is not None and there.is_system:
        return ledger.refused("system-folder", "every mailbox has this folder already")
    if command.folder_id == DELETED or (there is not None and there.is_deleting):
        return ledger.refused("invalid", "this folder is being deleted")
    if there is not None:
        return ledger.done()
    try:
        name = folder_names.normalised(command.name)
    except ValueError as error:
        return ledger.refused("invalid", str(error))
    if refusal := _unfit(command.parent_id, [], loaded.folders):
        return ledger.refused(*refusal)
    if folder_names.is_taken(name, loaded.folders.values(), command.parent_id):
        return ledger.refused("name-taken", _TAKEN)
    own = [each for each in loaded.folders.values() if not each.is_system and not each.is_deleting]
    if len(own) >= MOST_FOLDERS:
        return ledger.refused("invalid", f"a mailbox has at most {MOST_FOLDERS} folders of its own")
    folder = Folder(
        folder_id=command.folder_id, name=name, is_system=False, parent_id=command.parent_id
    )
    ledger.put_folder(folder, "folder.added")
    return ledger.done()


def rename(command: RenameFolder, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part."""
    ledger = Ledger(command, loaded)
    folder = _visible(loaded, command.folder_id)
    if folder is None:
        return ledger.refused("not-found", _NO_FOLDER)
    if folder.is_system:
        return ledger.refused("system-folder", _SYSTEM)
    is_moved_alone = command.parent_id is not None and not command.name
    try:
        name = folder.name if is_moved_alone else folder_names.normalised(command.name)
    except ValueError as error:
        return ledger.refused("invalid", str(error))
    parent_id = folder.parent_id if command.parent_id is None else command.parent_id
    if parent_id != folder.parent_id:
        within = [folder, *_within(folder, loaded.folders)]
        if refusal := _unfit(parent_id, within, loaded.folders):
            return ledger.refused(*refusal)
    others = [each for each in loaded.folders.values() if each is not folder]
    if folder_names.is_taken(name, others, parent_id):
        return ledger.refused("name-taken", _TAKEN)
    if (name, parent_id) != (folder.name, folder.parent_id):
        ledger.put_folder(replace(folder, name=name, parent_id=parent_id), "folder.updated")
    return ledger.done()


def delete(command: DeleteFolder, loaded: Loaded, *, step: int) -> Effects:
    """Return what *command* does, for which up to *step* mails of the folder were loaded."""
    ledger = Ledger(command, loaded)
    folder = loaded.folders.get(command.folder_id)
    if folder is None or folder.folder_id == DELETED:
        return ledger.refused("not-found", _NO_FOLDER)
    if folder.is_system:
        return ledger.refused("system-folder", _SYSTEM)
    within = _within(folder, loaded.folders)
    if within:  # each of them is a command of its own then
        for each in (folder, *within):
            if not each.is_deleting:
                ledger.put_folder(replace(each, is_deleting=True), "folder.updated")
        return ledger.done()
    is_last_step = len(loaded.emails) < step or folder.total_count <= step
    if not is_last_step and not folder.is_deleting:
        ledger.put_folder(replace(folder, is_deleting=True), "folder.updated")
    for mail in loaded.emails.values():
        ledger.move(mail, TRASH)
    if is_last_step:
        ledger.remove_folder(folder.folder_id)
    return ledger.done()


def hidden_by(events: Sequence[MailboxChanged | CommandAnswered]) -> Sequence[str]:
    """Return the folders that are still to be deleted, one by one, if deleting led to *events*.

    That are all that it hid, if it hid more than one.
    """
    hidden = [
        event.folder_id
        for event in events
        if isinstance(event, MailboxChanged) and event.kind == "folder.updated"
    ]
    return hidden if len(hidden) > 1 else ()


def _within(folder: Folder, folders: Mapping[str, Folder]) -> list[Folder]:
    """Return those that lie in *folder*, and in these, as far as they are seen."""
    found = [folder]
    for each in found:
        found += [
            f for f in folders.values() if f.parent_id == each.folder_id and not f.is_deleting
        ]
    return found[1:]


def _unfit(
    parent_id: str, moved: Sequence[Folder], folders: Mapping[str, Folder]
) -> tuple[Problem, str] | None:
    """Return why nothing can be put into a folder, or not *moved*, which comes with all its own."""
    if not parent_id:
        return None
    parent = folders.get(parent_id)
    if parent is None or parent.is_deleting:
        return "not-found", _NO_PARENT
    if parent.is_system:
        return "system-folder", _IN_SYSTEM
    if any(each.folder_id == parent_id for each in moved):
        return "invalid", _IN_ITSELF
    depths = [_depth(each, folders) for each in moved]  # that of the outermost comes first
    height = max(depths) - depths[0] + 1 if depths else 1
    return ("invalid", _TOO_DEEP) if _depth(parent, folders) + height > DEEPEST else None


def _depth(folder: Folder, folders: Mapping[str, Folder]) -> int:
    depth, above = 1, folders.get(folder.parent_id)
    while above is not None and depth <= DEEPEST:
        depth, above = depth + 1, folders.get(above.parent_id)
    return depth


def _visible(loaded: Loaded, folder_id: str) -> Folder | None:
    folder = loaded.folders.get(folder_id)
    return None if folder is None or folder.is_deleting else folder
