"""Messages in a mailbox file, one after the other, as SMTP would have brought them.

Reads the mbox formats that are in use (RFC 4155, mboxo, mboxrd), each message in memory and
never the file. Line ends become CRLF, one ``>`` of a quoted ``>From `` goes, and so does the
empty line that ends a message in the file but not in the mail. A line of text that begins with
"From " is no new message: that takes a date in the line, or nothing else, and a header field after
it. A file that begins with a line of another kind has such lines before each of its messages. What
was written here (``mbox_writing``) comes out byte for byte, with its folder and flags.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO

from topologies.events import Filing
from topologies.mail import mbox_marks
from topologies.mail.mbox_marks import Kept

# How files begin that hold mail in another form: each would come out as one mail of rubbish.
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"(\xb5/\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf": "7z",
    b"!BDN": "Outlook's PST",
}

_LINE_BYTES = 64 * 1024  # a longer line is read in pieces
_BLOCK_BYTES = 64 * 1024
_SEPARATOR = re.compile(
    rb"From (?P<sender>.*?) *"
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) +"
    rb"(?P<time>\d{1,2}:\d\d(?::\d\d)?)(?: +[A-Z]{1,5}| +[+-]\d{4})? +(?P<year>\d{4})"
    rb"(?: +(?P<zone>[+-]\d{4}|[A-Z]{1,5}))?[ \t]*\r?\n?"
)
# Thunderbird writes no more than this before each message, and quotes what looks like it.
_BARE_SEPARATOR = re.compile(rb"From [ \t]*\r?\n?")
_QUOTED_FROM = re.compile(rb">+From ")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:|>?From |\r?\n")  # or no header at all
_FIELD_BUT_NO_URI = re.compile(rb"[!-9;-~]+[ \t]*:(?!//)")
_DATE_FIELD = re.compile(rb"^date[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One message of a mailbox file.

    Attributes:
        raw: With CRLF line ends; empty when it is larger than asked for.
        size_bytes: Of the message, whether ``raw`` holds it or not.
        sender: The envelope sender of its ``From `` line, empty if that names none.
        stored_at: The date of that line, None if there is none or it can't be read.
        end: How many bytes of the file were read.
        filing: Its folder and flags, as far as the file tells them; None: it tells nothing.
        kept_id: Of the mail that it was here when it was written; empty: it was none.
    """

    raw: bytes
    size_bytes: int
    sender: str = ""
    stored_at: datetime | None = None
    end: int
    filing: Filing | None = None
    kept_id: str = ""


def messages(file: BinaryIO, max_bytes: int) -> Iterator[Stored]:
    """Yield the messages in *file*; one that has no ``From `` line at its start is one message.

    Args:
        file: Opened for bytes; read once, from where it stands.
        max_bytes: Larger messages come without their bytes.
    """
    reader = MailboxReader(max_bytes)
    while data := file.read(_BLOCK_BYTES):
        yield from reader.feed(data)
    yield from reader.close()


class MailboxReader:
    """Takes a file apart as it comes; see ``messages``."""

    def __init__(self, max_bytes: int) -> None:
        """Begin; larger messages than *max_bytes* come without their bytes."""
        self._max_bytes = max_bytes
        self._lines = _Lines()
        self._current = _Message(None, max_bytes)
        self._line: tuple[bytes, bool] | None = None  # waits for the one that follows it
        self._end = 0
        self._is_after_blank = True
        self._is_of_other_kind = False

    def feed(self, data: bytes) -> list[Stored]:
        """Read on; return the messages that end."""
        return [each for line in self._lines.feed(data) for each in self._read(line)]

    def close(self) -> list[Stored]:
        """Return what is left at the end of the file."""
        found = [each for line in self._lines.close() for each in self._read(line)]
        found += self._read((b"", True))
        if not self._current.is_untouched:
            found.append(self._current.stored(self._end))
        return found

    def _read(self, following: tuple[bytes, bool]) -> list[Stored]:
        """Read the line before *following*; return the message that it ends, if it does."""
        before, self._line = self._line, following
        if before is None:
            first = following[0]
            self._is_of_other_kind = first.startswith(b"From ") and not (
                _SEPARATOR.fullmatch(first) or _BARE_SEPARATOR.fullmatch(first)
            )
            return []
        line, is_start = before
        ended: list[Stored] = []
        self._end += len(line)
        may_begin = is_start and self._is_after_blank and line.startswith(b"From ")
        separator = _separator(line, following[0], self._is_of_other_kind) if may_begin else None
        if separator:
            if not self._current.is_untouched:
                ended.append(self._current.stored(self._end - len(line)))
            self._current = _Message(separator, self._max_bytes)
        else:
            self._current.add(line, is_start=is_start)
        self._is_after_blank = is_start and line in (b"\n", b"\r\n")
        return ended


def packed_as(begins: bytes) -> str:
    """Return what packs the mail of a file that *begins* so; empty: nothing we know."""
    return next((kind for magic, kind in _PACKED.items() if begins.startswith(magic)), "")


def date_of(raw: bytes) -> datetime | None:
    """Return the date in the header of *raw*, in UTC; None if it can't be read."""
    header, _, _ = raw.partition(b"\r\n\r\n")
    found = _DATE_FIELD.search(header)
    if found is None:
        return None
    try:
        date = parsedate_to_datetime(found[1].decode("ascii", "replace").strip())
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class _Separator:
    """What the line before a message says."""

    sender: str = ""
    stored_at: datetime | None = None


def _separator(line: bytes, following: bytes, is_of_other_kind: bool) -> _Separator | None:
    """Return what *line* says if a message begins after it, else None."""
    if dated := _SEPARATOR.fullmatch(line):
        if following and not _FIELD.match(following):
            return None
        sender = dated["sender"].decode("ascii", "replace")
        is_one = "@" in sender and sender.isprintable()
        return _Separator(sender if is_one else "", _stored_at(dated))
    is_one = is_of_other_kind or _BARE_SEPARATOR.fullmatch(line)
    return _Separator() if is_one and _FIELD_BUT_NO_URI.match(following) else None


class _Message:
    """A message while it is read."""

    def __init__(self, separator: _Separator | None, max_bytes: int) -> None:
        self._separator = separator
        self._max_bytes = max_bytes
        self._lines: list[bytes] = []
        self._size_bytes = 0
        self._ends_blank = False
        self._kept: Kept | None = None
        self._marks: list[bytes] | None = [] if separator else None  # None: there are no more

    @property
    def is_untouched(self) -> bool:
        return self._separator is None and not self._size_bytes

    def add(self, line: bytes, *, is_start: bool) -> None:
        if self._marks is not None and self._is_mark(line):
            return
        # Only within an mbox: a message that stands alone was never quoted.
        if is_start and self._separator and _QUOTED_FROM.match(line):
            line = line[1:]
        is_as_it_was = self._kept is not None and self._kept.is_as_it_was
        if line.endswith(b"\n") and not line.endswith(b"\r\n") and not is_as_it_was:
            line = line[:-1] + b"\r\n"
        self._ends_blank = is_start and line in (b"\r\n", b"\n")
        self._size_bytes += len(line)
        # Two bytes more: the last empty line may not be its own.
        if self._size_bytes <= self._max_bytes + 2:
            self._lines.append(line)
        else:
            self._lines.clear()

    def _is_mark(self, line: bytes) -> bool:
        """Tell whether *line* is one of those that say how the mail lay here, and take it."""
        if self._marks is not None and mbox_marks.is_next(self._marks, line):
            self._marks.append(line)
            if len(self._marks) == mbox_marks.LINES:
                self._kept, self._marks = mbox_marks.read(self._marks), None
            return True
        before, self._marks = self._marks or [], None
        for each in before:  # somebody has changed them: they are text as any other
            self.add(each, is_start=True)
        return False

    def stored(self, end: int) -> Stored:
        if self._marks:
            self._is_mark(b"")
        size_bytes = self._size_bytes
        if self._kept and self._kept.size_bytes <= size_bytes:
            size_bytes = self._kept.size_bytes
        elif self._separator and self._ends_blank:
            size_bytes -= 1 if self._kept and self._kept.is_as_it_was else 2
        raw = b"".join(self._lines)[:size_bytes] if size_bytes <= self._max_bytes else b""
        if raw and not raw.endswith(b"\n") and not self._kept:
            raw += b"\r\n"
            size_bytes += 2
        return Stored(
            raw=raw,
            size_bytes=size_bytes,
            sender=self._separator.sender if self._separator else "",
            stored_at=self._separator.stored_at if self._separator else None,
            end=end,
            filing=self._kept.filing if self._kept else mbox_marks.foreign(raw),
            kept_id=self._kept.email_id if self._kept else "",
        )


class _Lines:
    """Lines with their ends, long ones in pieces, and whether a line begins there."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_start = True

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        text = self._rest + data
        at = 0
        while True:
            newline = text.find(b"\n", at, at + _LINE_BYTES)
            end = newline + 1 if newline >= 0 else at + _LINE_BYTES
            if newline < 0 and end >= len(text):
                break
            if text[end - 1 : end + 1] == b"\r\n":
                end += 1  # never between CR and LF
            line, at = text[at:end], end
            yield line, self._is_start
            self._is_start = line.endswith(b"\n")
        self._rest = text[at:]

    def close(self) -> Iterator[tuple[bytes, bool]]:
        if self._rest:
            yield self._rest, self._is_start


def _stored_at(dated: re.Match[bytes]) -> datetime | None:
    hours, minutes, *seconds = dated["time"].split(b":")
    try:
        return datetime(
            int(dated["year"]),
            _MONTHS.index(dated["month"]) + 1,
            int(dated["day"]),
            int(hours),
            int(minutes),
            int(seconds[0]) if seconds else 0,
            tzinfo=UTC,  # asctime knows no zone; RFC 4155 says UTC
        )
    except ValueError:
        return None
