"""What an mbox file tells of a message besides its text: folder, flags, which mail it was here.

Ours are three lines between the ``From `` line and the message, always the same three, so that
they can be taken out exactly; the last two are what other programs know, too. Of what other
systems wrote, fields of the header are read and stay where they are: Status and X-Status (as
mutt, Dovecot and others have them) and X-Gmail-Labels.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from topologies.events import Filing
from topologies.mail import foreign_folders, header_words

LINES = 3
FIRST = b"X-Rillmail-Kept:"

_STARTS = (FIRST, b"Status:", b"X-Status:")
_OURS = re.compile(
    rb"X-Rillmail-Kept: id=(?P<id>[0-9a-f-]{36}); bytes=(?P<bytes>\d{1,12});"
    rb" length=(?P<length>\d{1,12}); ends=(?P<ends>lf|as-is); folder=(?P<folder>[^\r\n;]*)"
    rb"(?:; labels=(?P<labels>[^\r\n;]*))?\r?\n"
)
_MARK = re.compile(
    rb"^(status|x-status|x-gmail-labels)[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message that lay here.

    Attributes:
        size_bytes: Of the raw message.
        length_bytes: That it takes in the file after these lines, with its last empty line.
        is_as_it_was: Its line ends were not changed; else those in the file are to become CRLF.
    """

    email_id: str
    size_bytes: int
    length_bytes: int
    is_as_it_was: bool
    filing: Filing


def written(kept: Kept) -> bytes:
    """Return the lines that say it."""
    folder = quote(kept.filing.folder, safe="/")
    labels = ",".join(quote(label, safe="") for label in kept.filing.labels)
    ends = "as-is" if kept.is_as_it_was else "lf"
    sizes = f"bytes={kept.size_bytes}; length={kept.length_bytes}; ends={ends}"
    lines = (
        f"X-Rillmail-Kept: id={kept.email_id}; {sizes}; folder={folder}; labels={labels}",
        f"Status: {'RO' if kept.filing.is_read else 'O'}",
        f"X-Status: {'F' if kept.filing.is_starred else ''}",
    )
    return "".join(line + "\n" for line in lines).encode()


def is_next(before: Sequence[bytes], line: bytes) -> bool:
    """Tell whether *line* may be the next of our lines, after those *before*."""
    if not before:
        return _OURS.fullmatch(line) is not None
    return line.startswith(_STARTS[len(before)])


def read(lines: Sequence[bytes]) -> Kept:
    """Return what our lines say, each of which was ``is_next``."""
    ours = _OURS.fullmatch(lines[0])
    assert ours is not None  # noqa: S101  by the contract
    return Kept(
        email_id=ours["id"].decode(),
        size_bytes=int(ours["bytes"]),
        length_bytes=int(ours["length"]),
        is_as_it_was=ours["ends"] == b"as-is",
        filing=Filing(
            folder=unquote(ours["folder"].decode("ascii", "replace")),
            is_read=b"R" in lines[1],
            is_starred=b"F" in lines[2].partition(b":")[2],
            labels=_labels(ours["labels"] or b""),
        ),
    )


def _labels(written_so: bytes) -> tuple[str, ...]:
    names = written_so.decode("ascii", "replace").split(",")
    return tuple(unquote(name) for name in names if name)


def foreign(raw: bytes) -> Filing | None:
    """Return what other systems say in the header of *raw*; None if they say nothing."""
    header, _, _ = raw.partition(b"\r\n\r\n")
    found = {name.lower(): value for name, value in _MARK.findall(header)}
    if b"x-gmail-labels" in found:
        labels = header_words.text_of(found[b"x-gmail-labels"])
        return foreign_folders.of_gmail(labels.split(","))
    if not found:
        return None
    return Filing(
        is_read=b"R" in found.get(b"status", b""),
        is_starred=b"F" in found.get(b"x-status", b""),
    )
