"""Folders and labels: those that every mailbox has, and which names others may have."""

import unicodedata
from collections.abc import Iterable, Mapping

from topologies.events.mailbox import DELETED, DRAFTS, INBOX, SENT, SPAM, SYSTEM_FOLDERS, TRASH
from topologies.ports.mailboxes import Folder, Label

LONGEST = 255  # characters

_NAMES = {INBOX: "Inbox", SENT: "Sent", DRAFTS: "Drafts", SPAM: "Spam", TRASH: "Trash"}
_FORBIDDEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, and what would break a line

EMPTY_SYSTEM_FOLDERS = {
    folder_id: Folder(folder_id=folder_id, name=_NAMES[folder_id], is_system=True)
    for folder_id in SYSTEM_FOLDERS
}
# Hidden, so that nothing is moved there; its row is made when a mail is deleted.
EMPTY_DELETED = Folder(folder_id=DELETED, name="Deleted", is_system=False, is_deleting=True)


def normalised(name: str, what: str = "folder") -> str:
    """Return *name* as it is kept: in NFC, without space around it.

    Raises:
        ValueError: It is no name for a folder, or for *what* it is; says why.
    """
    kept = unicodedata.normalize("NFC", name[: 4 * LONGEST]).strip()
    if not kept:
        raise ValueError(f"a {what} needs a name")
    if len(kept) > LONGEST:
        raise ValueError(f"a {what}'s name has at most {LONGEST} characters")
    if any(unicodedata.category(character) in _FORBIDDEN for character in kept):
        raise ValueError(f"a {what}'s name has no control characters")
    return kept


def folded(name: str) -> str:
    """Return what names have in common that are the same to people: in NFC, case aside."""
    return unicodedata.normalize("NFC", name.casefold())


def is_taken(name: str, folders: Iterable[Folder], parent_id: str = "") -> bool:
    """Tell whether a folder has the *normalised* name, or one that differs in case only.

    Those beside it count: in the same folder, or in none. Folders on their way out do not:
    nobody sees them any more.
    """
    wanted = folded(name)
    system = [wanted in (each, folded(_NAMES[each])) for each in SYSTEM_FOLDERS]
    if not parent_id and any(system):
        return True
    beside = [each for each in folders if each.parent_id == parent_id and not each.is_deleting]
    return any(folded(folder.name) == wanted for folder in beside)


def paths(folders: Iterable[Folder]) -> dict[str, str]:
    """Return what each folder is called with those that it lies in: `Work/Ideas`."""
    known = {folder.folder_id: folder for folder in folders}
    return {
        folder_id: "/".join(each.name for each in _line_of(folder, known))
        for folder_id, folder in known.items()
    }


def _line_of(folder: Folder, known: Mapping[str, Folder]) -> list[Folder]:
    """Return the folders that lead to *folder*, the outermost first, and *folder* itself."""
    line = [folder]
    while (parent := known.get(line[0].parent_id)) is not None and parent not in line:
        line.insert(0, parent)
    return line


def is_taken_by_label(name: str, labels: Iterable[Label]) -> bool:
    """Tell whether a label has the *normalised* name, as ``is_taken`` does of folders."""
    wanted = folded(name)
    return any(folded(label.name) == wanted for label in labels if not label.is_deleting)


def labels_in_order(labels: Iterable[Label]) -> list[Label]:
    """Return *labels* as they are listed: by name."""
    return sorted(labels, key=lambda label: (folded(label.name), label.label_id))


def in_order(folders: Iterable[Folder]) -> list[Folder]:
    """Return *folders* as they are listed: system folders in their order, others by name.

    A folder is followed by those within it. Without that of deleted mails, which is none to
    people.
    """
    place = {folder_id: number for number, folder_id in enumerate(SYSTEM_FOLDERS)}
    last = len(place)
    folders = list(folders)
    known = {folder.folder_id: folder for folder in folders}
    return sorted(
        (folder for folder in folders if folder.folder_id != DELETED),
        key=lambda f: (
            place.get(f.folder_id, last),
            [(folded(each.name), each.folder_id) for each in _line_of(f, known)],
        ),
    )
