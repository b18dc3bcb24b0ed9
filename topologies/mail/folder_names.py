"""Folders: the ones that every mailbox has, and which names custom ones may have."""

import unicodedata
from collections.abc import Iterable

from topologies.events.mailbox import DRAFTS, INBOX, SENT, SPAM, SYSTEM_FOLDERS, TRASH
from topologies.ports.mailboxes import Folder

LONGEST = 255  # characters

_NAMES = {INBOX: "Inbox", SENT: "Sent", DRAFTS: "Drafts", SPAM: "Spam", TRASH: "Trash"}
_FORBIDDEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, and what would break a line

EMPTY_SYSTEM_FOLDERS = {
    folder_id: Folder(folder_id=folder_id, name=_NAMES[folder_id], is_system=True)
    for folder_id in SYSTEM_FOLDERS
}


def normalised(name: str) -> str:
    """Return *name* as it is kept: in NFC, without space around it.

    Raises:
        ValueError: It is no name for a folder; says why.
    """
    kept = unicodedata.normalize("NFC", name[: 4 * LONGEST]).strip()
    if not kept:
        raise ValueError("a folder needs a name")
    if len(kept) > LONGEST:
        raise ValueError(f"a folder's name has at most {LONGEST} characters")
    if any(unicodedata.category(character) in _FORBIDDEN for character in kept):
        raise ValueError("a folder's name has no control characters")
    return kept


def is_taken(name: str, folders: Iterable[Folder]) -> bool:
    """Tell whether a folder has the *normalised* name, or one that differs in case only.

    Folders on their way out do not count: nobody sees them any more.
    """
    wanted = _folded(name)
    if any(wanted in (folder_id, _folded(_NAMES[folder_id])) for folder_id in SYSTEM_FOLDERS):
        return True
    return any(_folded(folder.name) == wanted for folder in folders if not folder.is_deleting)


def in_order(folders: Iterable[Folder]) -> list[Folder]:
    """Return *folders* as they are listed: system folders in their order, others by name."""
    place = {folder_id: number for number, folder_id in enumerate(SYSTEM_FOLDERS)}
    last = len(place)
    return sorted(
        folders, key=lambda f: (place.get(f.folder_id, last), _folded(f.name), f.folder_id)
    )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
