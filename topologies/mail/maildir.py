"""Maildir as it is written and read: names of folders and files, pure.

Folders lie beside each other as Maildir++ has it: the inbox is the Maildir itself, ``.Work.2026``
is "2026" within "Work", in modified UTF-7. Flags stand in a file's name. A file that was written
here also names the mail it was, so that it is known again, and holds it byte for byte.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from topologies.mail import imap_names

LONGEST_NAME_BYTES = 240  # file systems allow 255
NAME_FILE = "rillmail-folder"  # holds the name of a folder whose own name is too long for one

_OURS = re.compile(r"\d+\.(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.rillmail\b")
_STAMP = re.compile(r"(\d{8,11})[._]")
_INFO = re.compile(r"[:;!]2,([A-Za-z]*)$")  # where ":" can't be in a name, others stand for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a file's name says.

    Attributes:
        email_id: Of the mail it was here; empty: it comes from elsewhere.
        stored_at: When it was put into its Maildir; None if the name does not say.
    """

    is_read: bool
    is_starred: bool
    email_id: str = ""
    stored_at: datetime | None = None


def folder_path(name: str, *, is_inbox: bool = False) -> str:
    """Return the folder's own folder within the Maildir; empty for the inbox.

    It may be longer than a file system takes; see ``short_folder_path``.
    """
    if is_inbox:
        return ""
    parts = name.split("/")
    if not all(parts):  # "a//b" would have a level without a name
        return "." + imap_names.encoded(name, also="./")
    return "." + ".".join(imap_names.encoded(part, also=".") for part in parts)


def short_folder_path(name: str, *, is_inbox: bool = False) -> tuple[str, str]:
    """Return ``folder_path``, short enough for a file system, and what ``NAME_FILE`` is to hold.

    That is empty where the path says it all.
    """
    path = folder_path(name, is_inbox=is_inbox)
    if len(path.encode()) <= LONGEST_NAME_BYTES:
        return path, ""
    digest = hashlib.sha256(path.encode()).hexdigest()[:16]
    return f"{path[: LONGEST_NAME_BYTES - 17]}-{digest}", name


def folder_name(path: str) -> str:
    """Return the name of the folder in *path*, the name of a folder in a Maildir."""
    parts = path.removeprefix(".").split(".")
    return "/".join(imap_names.decoded(part) for part in parts)


def file_name(
    email_id: str,
    stored_at: datetime,
    size_bytes: int,
    *,
    is_read: bool,
    is_starred: bool,
    is_draft: bool = False,
) -> str:
    """Return the name of a mail's file in ``cur``: flags in the order of ASCII."""
    flags = "D" * is_draft + "F" * is_starred + "S" * is_read
    return f"{int(stored_at.timestamp())}.{email_id}.rillmail,S={size_bytes}:2,{flags}"


def named(name: str, *, is_new: bool = False) -> Named:
    """Return what the name of a file says.

    Args:
        name: Without its folder.
        is_new: It lies in ``new``, where nothing is read yet.
    """
    info = _INFO.search(name)
    flags = info[1] if info else ""
    ours, stamp = _OURS.match(name), _STAMP.match(name)
    return Named(
        is_read="S" in flags and not is_new,
        is_starred="F" in flags,
        email_id=ours["id"] if ours else "",
        stored_at=datetime.fromtimestamp(int(stamp[1]), UTC) if stamp else None,
    )
