"""What an IMAP server answers (RFC 9051), as Python's imaplib hands it over: pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

from topologies.events import DRAFTS, INBOX, SENT, SPAM, TRASH
from topologies.mail import foreign_folders, imap_names

ARCHIVE = "Archive"  # what lies in no other folder of a provider that has one for all mail

_USES = {b"\\sent": SENT, b"\\drafts": DRAFTS, b"\\junk": SPAM, b"\\trash": TRASH}  # RFC 6154
_LISTED = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?P<sep>\\?.)"|NIL) (?P<name>.*)', re.DOTALL)
UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_DATE = re.compile(
    rb'\bINTERNALDATE "([ \d]\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFolder:
    """A folder there.

    Attributes:
        name: As the server has it, in modified UTF-7.
        own_name: As it is called here.
        holds_all: It has every mail, also those of other folders (RFC 6154's attribute All).
    """

    name: str
    own_name: str
    holds_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A message there."""

    uid: int
    size_bytes: int
    is_read: bool
    is_starred: bool
    is_deleted: bool  # and only waits to be expunged
    received_at: datetime | None
    raw: bytes = b""


def said(line: Any) -> bytes:
    """Return what an answer says outside of literals."""
    if isinstance(line, tuple):
        outside: Any = cast("Any", line)[0]
        return bytes(outside)
    return line if isinstance(line, bytes) else b""


def folder_of(line: Any) -> RemoteFolder | None:
    """Return the folder that a line of LIST tells of; None if it can hold no mail."""
    match = _LISTED.match(said(line))
    if match is None:
        return None
    flags = match["flags"].lower().split()
    if b"\\noselect" in flags or b"\\nonexistent" in flags:
        return None
    name = _name(line, match["name"]).decode("utf-8", "replace")
    use = next((_USES[flag] for flag in flags if flag in _USES), None)
    if b"\\all" in flags:
        return RemoteFolder(name=name, own_name=ARCHIVE, holds_all=True)
    if name.upper() == "INBOX":
        return RemoteFolder(name=name, own_name=INBOX)
    separator = (match["sep"] or b"/").decode("ascii", "replace").removeprefix("\\")
    plain = "/".join(imap_names.decoded(part) for part in name.split(separator))
    return RemoteFolder(name=name, own_name=use or foreign_folders.own_name(plain))


def remote_of(line: bytes) -> Remote | None:
    """Return the mail that an answer to FETCH tells of; None if it does not say which."""
    uid, size = UID.search(line), _SIZE.search(line)
    if uid is None or size is None:
        return None
    flags = _FLAGS.search(line)
    marks = flags[1].lower().split() if flags else []
    return Remote(
        uid=int(uid[1]),
        size_bytes=int(size[1]),
        is_read=b"\\seen" in marks,
        is_starred=b"\\flagged" in marks,
        is_deleted=b"\\deleted" in marks,
        received_at=_date_of(line),
    )


def with_raw(remote: Remote, raw: bytes) -> Remote:
    """Return *remote* with its bytes."""
    return Remote(
        uid=remote.uid,
        size_bytes=len(raw),
        is_read=remote.is_read,
        is_starred=remote.is_starred,
        is_deleted=remote.is_deleted,
        received_at=remote.received_at,
        raw=raw,
    )


def _date_of(line: bytes) -> datetime | None:
    match = _DATE.search(line)
    if match is None or match[2] not in _MONTHS:
        return None
    day, year, *time = (int(match[n]) for n in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    zone = timezone(-offset if match[7] == b"-" else offset)
    try:
        at = datetime(year, _MONTHS.index(match[2]) + 1, day, *time, tzinfo=zone)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _name(line: Any, name: bytes) -> bytes:
    """Return the name of a folder that is listed: a literal, a quoted string or an atom."""
    if isinstance(line, tuple):
        literal: Any = cast("Any", line)[1]
        return bytes(literal)
    name = name.strip()
    if name.startswith(b'"') and name.endswith(b'"'):
        return re.sub(rb"\\(.)", rb"\1", name[1:-1])
    return name
