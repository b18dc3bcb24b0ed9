"""A mail as it is written to an mbox file (mboxrd), so that it can be read back byte for byte.

Lines end with LF and those that begin with "From ", after any number of ``>``, get one more, as
every reader of mboxrd takes away. A message whose line ends are not all CRLF keeps those it has.
What ``mbox_marks`` has besides tells its folder and flags.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from topologies.events import Filing
from topologies.mail import mbox_marks
from topologies.mail.mbox_marks import Kept

_TO_QUOTE = re.compile(rb"^>*From ", re.MULTILINE)
_DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_LONGEST_LINE = 64 * 1024
LONGEST_NAME_BYTES = 200  # of a file, without its suffix
_NOT_IN_NAMES = {ord(character): f"%{ord(character):02X}" for character in '%/\\:*?"<>|'}


def written(
    raw: bytes, *, email_id: str, sender: str, stored_at: datetime, filing: Filing
) -> bytes:
    """Return *raw* as it stands in the file, from its ``From `` line to the empty line after it.

    Args:
        raw: As it was accepted.
        email_id: The mail's.
        sender: Of the envelope; empty for a bounce.
        stored_at: When it was received.
        filing: Where it lies, and how it is marked.
    """
    is_plain = raw.endswith(b"\r\n") and _has_crlf_alone(raw)
    content = raw.replace(b"\r\n", b"\n") if is_plain else raw
    content = _TO_QUOTE.sub(rb">\g<0>", content)
    content += b"\n" if content.endswith(b"\n") else b"\n\n"
    kept = Kept(
        email_id=email_id,
        size_bytes=len(raw),
        length_bytes=len(content),
        is_as_it_was=not is_plain,
        filing=filing,
    )
    return _from_line(sender, stored_at) + mbox_marks.written(kept) + content


def resumed(file: BinaryIO) -> dict[str, Filing]:
    """Return the mails that *file* holds whole, and cut off one that it holds in part.

    Args:
        file: Opened to be read and written; it stands at its end afterwards.

    Raises:
        ValueError: It holds something that was not written here.
    """
    found: dict[str, Filing] = {}
    size = file.seek(0, 2)
    at = file.seek(0)
    while at < size:
        first = file.readline(_LONGEST_LINE)
        marks = [file.readline(_LONGEST_LINE) for _ in range(mbox_marks.LINES)]
        if not first.startswith(b"From "[: len(first)]) or not _may_be_ours(marks):
            raise ValueError("it holds something else")
        if not marks[-1].endswith(b"\n"):
            break
        kept = mbox_marks.read(marks)
        if file.tell() + kept.length_bytes > size:
            break
        found[kept.email_id] = kept.filing
        at = file.seek(kept.length_bytes, 1)
    file.seek(at)
    file.truncate()
    return found


def file_name(folder: str) -> str:
    """Return the name of the file that holds a folder's mails; the folder's own stands in it."""
    plain = folder.translate(_NOT_IN_NAMES)
    if plain.startswith("."):
        plain = "%2E" + plain[1:]
    data = plain.encode("utf-8", "replace")
    if len(data) > LONGEST_NAME_BYTES:
        digest = hashlib.sha256(data).hexdigest()[:12]
        plain = data[: LONGEST_NAME_BYTES - 13].decode("utf-8", "ignore") + "-" + digest
    return f"{plain}.mbox"


def _may_be_ours(marks: Sequence[bytes]) -> bool:
    """Tell whether *marks* are our lines, or as many of them as were written."""
    for number, line in enumerate(marks):
        if not line.endswith(b"\n"):
            first = mbox_marks.FIRST
            return number > 0 or line.startswith(first[: len(line)])
        if not mbox_marks.is_next(marks[:number], line):
            return False
    return True


def _has_crlf_alone(raw: bytes) -> bool:
    pairs = raw.count(b"\r\n")
    return raw.count(b"\r") == pairs == raw.count(b"\n")


def _from_line(sender: str, stored_at: datetime) -> bytes:
    is_plain = sender.isascii() and sender.isprintable() and " " not in sender
    at = stored_at.astimezone(UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]  # not by the locale
    who = sender if sender and is_plain else "MAILER-DAEMON"
    return f"From {who} {day} {month} {at.day:2d} {at:%H:%M:%S} {at.year:04d}\n".encode()
