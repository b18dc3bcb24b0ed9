"""Which folders of a mailbox a mail goes to by its owner's rules.

Pure. The first copy has the id that it would have without rules, so that a replay under other
rules makes no second one; further copies are numbered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from topologies.events import INBOX, SYSTEM_FOLDERS, CreateFolder, Deliver
from topologies.mail import folder_names, ids
from topologies.mail.sieve_actions import Action, FileInto, Keep
from topologies.ports.mailboxes import Folder

MOST_NAMES_TRIED = 10  # for a folder whose place is taken by one that was renamed

_SEEN, _FLAGGED = "\\seen", "\\flagged"  # RFC 9051 §2.3.2


@dataclass(slots=True)
class Filed:
    """Where the copies go.

    Attributes:
        folders: To be made first.
    """

    copies: list[Deliver] = field(default_factory=list[Deliver])
    folders: list[CreateFolder] = field(default_factory=list[CreateFolder])


def filed(actions: Sequence[Action], copy: Deliver, folders: Sequence[Folder]) -> Filed:
    """Return the copies that *actions* make of *copy*, which is the one without rules."""
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
            found.copies.append(_numbered(copy, folder_id, action.flags, len(found.copies)))
    return found


def _place(action: FileInto, copy: Deliver, folders: Sequence[Folder], found: Filed) -> str:
    """Return the folder that *action* names; the inbox if there is none of that name."""
    wanted = action.folder.casefold()
    visible = [folder for folder in folders if not folder.is_deleting]
    for folder in visible:
        if wanted == folder.name.casefold() or (folder.is_system and wanted == folder.folder_id):
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
