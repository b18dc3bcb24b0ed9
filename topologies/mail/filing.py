"""Which folders of a mailbox a mail goes to by its owner's rules.

Pure. The first copy has the id that it would have without rules, so that a replay under other
rules makes no second one; further copies are numbered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from topologies.events import (
    INBOX,
    SYSTEM_FOLDERS,
    CreateFolder,
    CreateLabel,
    Deliver,
    Event,
    Filing,
    LabelEmails,
)
from topologies.mail import folder_names, ids
from topologies.mail.sieve_actions import Action, FileInto, Keep
from topologies.ports.mailboxes import Folder, Label

MOST_NESTED = 10  # folders that lie in each other, as ``mailbox_folders`` takes them
MOST_NAMES_TRIED = 10  # for a folder whose place is taken by one that was renamed

_SEEN, _FLAGGED = "\\seen", "\\flagged"  # RFC 9051 §2.3.2


@dataclass(slots=True)
class Filed:
    """Where the copies go.

    Attributes:
        folders: To be made first.
        labels: To be put on them afterwards.
    """

    copies: list[Deliver] = field(default_factory=list[Deliver])
    folders: list[CreateFolder] = field(default_factory=list[CreateFolder])
    labels: list[LabelEmails] = field(default_factory=list[LabelEmails])


def keywords(actions: Sequence[Action]) -> set[str]:
    """Return the flags of *actions* that are the user's own, none of the system's."""
    flags = (flag for each in actions if isinstance(each, Keep | FileInto) for flag in each.flags)
    return {flag for flag in flags if not flag.startswith("\\")}


def filed(
    actions: Sequence[Action],
    copy: Deliver,
    folders: Sequence[Folder],
    labels: Sequence[Label] = (),
) -> Filed:
    """Return the copies that *actions* make of *copy*, which is the one without rules.

    Args:
        actions: What is wanted.
        copy: What the user gets if there are no rules.
        folders: The user's.
        labels: The user's, if one of *actions* has ``keywords``.
    """
    found = Filed()
    taken: set[str] = set()
    for action in actions:
        if isinstance(action, Keep):
            folder_id = copy.folder_id
        elif isinstance(action, FileInto):
            folder_id = _place(action, copy, folders, found)
        else:
            continue
        if folder_id not in taken:
            taken.add(folder_id)
            placed = _numbered(copy, folder_id, action.flags, len(found.copies))
            found.copies.append(placed)
            found.labels += _marked(placed, action.flags, labels)
    return found


def restored(
    was: Filing, copy: Deliver, folders: Sequence[Folder], labels: Sequence[Label]
) -> Sequence[Event]:
    """Return what puts *copy*, of an imported mail, where it lay before, marked as it was."""
    copy = msgspec.structs.replace(copy, is_read=was.is_read, is_starred=was.is_starred)
    labelled = _labelled(was.labels, copy, labels)
    if not was.folder:
        return [copy, *labelled]
    folder_id, made = _restored_place(was.folder, copy, folders)
    return [*made, msgspec.structs.replace(copy, folder_id=folder_id), *labelled]


def _restored_place(
    path: str, copy: Deliver, folders: Sequence[Folder]
) -> tuple[str, list[CreateFolder]]:
    """Return the folder with this path, and those that are to be made first, outermost first."""
    visible = [folder for folder in folders if not folder.is_deleting]
    known = {folder_names.folded(each): i for i, each in folder_names.paths(visible).items()}
    known |= {each: each for each in SYSTEM_FOLDERS}
    if (folder_id := known.get(folder_names.folded(path))) is not None:
        return folder_id, []
    used = {folder.folder_id for folder in folders}
    made: list[CreateFolder] = []
    parent_id = ""
    try:
        names = [folder_names.normalised(name) for name in _names_in(path, known)]
    except ValueError:
        return INBOX, []
    for depth in range(1, len(names) + 1):
        within = "/".join(names[:depth])
        folder_id = known.get(folder_names.folded(within), "")
        if not folder_id:
            tried = (_folder_id(copy.user_id, within, n) for n in range(MOST_NAMES_TRIED))
            folder_id = next((each for each in tried if each not in used), "")
            if not folder_id:
                return INBOX, []
            command_id = ids.command_id("file-into", copy.mail_id, copy.user_id, folder_id)
            made.append(
                CreateFolder(
                    user_id=copy.user_id,
                    command_id=command_id,
                    issued_at=copy.issued_at,
                    folder_id=folder_id,
                    name=names[depth - 1],
                    parent_id=parent_id,
                )
            )
        parent_id = folder_id
    return parent_id, made


def _names_in(path: str, known: Mapping[str, str]) -> list[str]:
    """Return the names of the folders that lead to *path*, each in the one before it."""
    names = [name for name in path.split("/") if name.strip()]
    if names and known.get(folder_names.folded(names[0])) in SYSTEM_FOLDERS:
        return [path]  # which hold no others
    return [*names[: MOST_NESTED - 1], "/".join(names[MOST_NESTED - 1 :])][: len(names) or 1]


def _labelled(names: Sequence[str], copy: Deliver, labels: Sequence[Label]) -> list[Event]:
    """Return what puts labels on *copy*, those that are not there made first."""
    there = [label for label in labels if not label.is_deleting]
    known = {folder_names.folded(label.name): label.label_id for label in there}
    events: list[Event] = []
    for name in names:
        stamp: dict[str, Any] = {"user_id": copy.user_id, "issued_at": copy.issued_at}
        label_id = known.get(folder_names.folded(name), "")
        if not label_id:
            label_id = ids.command_id("label", copy.user_id, name.casefold())
            made = ids.command_id("make-label", copy.mail_id, copy.user_id, label_id)
            events.append(CreateLabel(**stamp, command_id=made, label_id=label_id, name=name))
        put = ids.command_id("put-label", copy.mail_id, copy.user_id, label_id)
        events.append(
            LabelEmails(**stamp, command_id=put, email_ids=(copy.email_id,), added=(label_id,))
        )
    return events


def _place(action: FileInto, copy: Deliver, folders: Sequence[Folder], found: Filed) -> str:
    """Return the folder that *action* names; the inbox if there is none of that name."""
    wanted = folder_names.folded(action.folder)
    visible = [folder for folder in folders if not folder.is_deleting]
    for folder_id, path in folder_names.paths(visible).items():
        if wanted == folder_names.folded(path):
            return folder_id
    for folder in visible:
        is_called_so = wanted == folder_names.folded(folder.name)
        if is_called_so or (folder.is_system and wanted == folder.folder_id):
            return folder.folder_id
    if wanted in SYSTEM_FOLDERS:
        return wanted
    if not action.create:
        return INBOX
    try:
        name = folder_names.normalised(action.folder)
    except ValueError:
        return INBOX
    used = {folder.folder_id for folder in folders}
    for number in range(MOST_NAMES_TRIED):
        folder_id = _folder_id(copy.user_id, name, number)
        if folder_id not in used:
            found.folders.append(
                CreateFolder(
                    user_id=copy.user_id,
                    command_id=ids.command_id("file-into", copy.mail_id, copy.user_id, folder_id),
                    issued_at=copy.issued_at,
                    folder_id=folder_id,
                    name=name,
                )
            )
            return folder_id
    return INBOX


def _marked(copy: Deliver, flags: Sequence[str], labels: Sequence[Label]) -> Sequence[LabelEmails]:
    """Return what puts the labels on *copy* that *flags* name; a flag has no spaces, but ``_``."""
    wanted = {folder_names.folded(flag) for flag in flags}
    added = tuple(
        label.label_id
        for label in labels
        if not label.is_deleting
        and wanted & {folder_names.folded(name) for name in (label.name, _as_flag(label.name))}
    )
    if not added:
        return []
    put = LabelEmails(
        user_id=copy.user_id,
        command_id=ids.command_id("mark", copy.email_id, *added),
        issued_at=copy.issued_at,
        email_ids=(copy.email_id,),
        added=added,
    )
    return [put]


def _as_flag(name: str) -> str:
    return "_".join(name.split())


def _folder_id(user_id: str, name: str, number: int) -> str:
    """Return the id of the folder *name* that rules make: two mails at once make the same one."""
    return ids.command_id("folder", user_id, name.casefold(), str(number))


def _numbered(copy: Deliver, folder_id: str, flags: Sequence[str], number: int) -> Deliver:
    lowered = {flag.lower() for flag in flags}
    filed_copy = msgspec.structs.replace(
        copy,
        folder_id=folder_id,
        is_read=copy.is_read or _SEEN in lowered,
        is_starred=copy.is_starred or _FLAGGED in lowered,
    )
    if number == 0:
        return filed_copy
    return msgspec.structs.replace(
        filed_copy,
        command_id=ids.command_id("deliver", copy.mail_id, copy.user_id, str(number)),
        email_id=ids.email_id(copy.mail_id, f"{copy.user_id}/{number}"),
    )
