"""Messages in files, one after the other: an mbox, a folder of those, a Maildir, one message."""

import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

from topologies.events import INBOX, Filing
from topologies.mail import foreign_folders, imap_names, maildir
from topologies.mail.mbox import Stored, messages, packed_as

STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True)
class Found:
    """A file with messages in it.

    Attributes:
        folder: Of the Maildir, as it is called here; None: it is an mbox.
        is_new: It lies in the Maildir's ``new``.
    """

    path: Path
    folder: str | None = None
    is_new: bool = False


def files(source: Path) -> Sequence[Found]:
    """Return the files in *source*.

    Raises:
        click.ClickException: There is none in it, or it can't be read.
    """
    if not source.is_dir():
        return [Found(source)]
    try:
        in_maildirs = [*_maildir(source, INBOX), *_subfolders(source), *_nested(source)]
        if in_maildirs or _is_maildir(source):
            return in_maildirs
        found = sorted(path for path in source.rglob("*.mbox") if path.is_file())
    except OSError as error:
        raise click.ClickException(f"{source} can't be read: {error.strerror}") from error
    if not found:
        raise click.ClickException(
            f"{source} is a folder, but no Maildir: cur and new are missing; nor does it hold"
            " files whose names end with .mbox"
        )
    return [Found(path) for path in found]


def read(
    found: Sequence[Found], max_bytes: int, reached: Callable[[int], None]
) -> Iterator[tuple[str, Stored]]:
    """Yield each message, with words on where it is.

    Args:
        found: What ``files`` returned.
        max_bytes: Larger messages come without their bytes.
        reached: Told of the bytes that are done so far.

    Raises:
        click.ClickException: A file can't be read, or has to be unpacked first.
    """
    done = 0
    for each in found:
        end = 0
        with _opened(each.path) as file:
            if each.folder is None:
                _check_unpacked(each.path, file)
                numbered = enumerate(messages(file, max_bytes), start=1)
            else:
                numbered = enumerate([_of_maildir(each, file, max_bytes)], start=1)
            for number, message in numbered:
                yield f"{each.path.name}, message {number}", message
                end = message.end
                reached(done + end)
        done += end


def total(found: Sequence[Found]) -> int | None:
    """Return the bytes in *found*; None if nobody can know."""
    if any(each.path == STANDARD_INPUT for each in found):
        return None
    return sum(each.path.stat().st_size for each in found)


def _is_maildir(path: Path) -> bool:
    return (path / "cur").is_dir() or (path / "new").is_dir()


def _subfolders(root: Path) -> Iterator[Found]:
    for path in sorted(root.glob(".*/")):
        if not _is_maildir(path):
            continue
        kept = path / maildir.NAME_FILE
        name = (
            kept.read_text(encoding="utf-8", errors="replace")
            if kept.is_file()
            else maildir.folder_name(path.name)
        )
        yield from _maildir(path, name)


def _nested(root: Path) -> Iterator[Found]:
    """Find what lies in Maildirs within folders, as Dovecot (LAYOUT=fs) and mbsync have them."""
    for place, names, _ in os.walk(root):
        names[:] = sorted({*names} - {"cur", "new", "tmp"} - {n for n in names if n[:1] == "."})
        path = Path(place)
        if path != root and _is_maildir(path):
            parts = path.relative_to(root).parts
            yield from _maildir(path, "/".join(imap_names.decoded(part) for part in parts))


def _maildir(path: Path, folder: str) -> Iterator[Found]:
    for part in ("cur", "new"):
        place = path / part
        if place.is_dir():
            for file in sorted(each for each in place.iterdir() if each.is_file()):
                yield Found(file, folder, is_new=part == "new")


def _of_maildir(found: Found, file: BinaryIO, max_bytes: int) -> Stored:
    said = maildir.named(found.path.name, is_new=found.is_new)
    folder = found.folder or ""
    size_bytes = found.path.stat().st_size
    raw = file.read(max_bytes + 1) if size_bytes <= max_bytes else b""
    if not said.email_id:
        folder = foreign_folders.own_name(folder)
        raw = _with_crlf(raw)
    return Stored(
        raw=raw if len(raw) <= max_bytes else b"",
        size_bytes=max(len(raw), size_bytes),
        stored_at=said.stored_at,
        end=size_bytes,
        filing=Filing(folder=folder, is_read=said.is_read, is_starred=said.is_starred),
        kept_id=said.email_id,
    )


def _with_crlf(raw: bytes) -> bytes:
    fixed = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return fixed if fixed.endswith(b"\n") or not fixed else fixed + b"\r\n"


@contextmanager
def _opened(path: Path) -> Generator[BufferedReader]:
    if path == STANDARD_INPUT:
        file = BufferedReader(cast("Any", sys.stdin.buffer))
        try:
            yield file
        finally:
            file.detach()  # it is not ours to close
        return
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise click.ClickException(f"{path} can't be read: {error.strerror}") from error


def _check_unpacked(path: Path, file: BufferedReader) -> None:
    if kind := packed_as(file.peek(8)):
        raise click.ClickException(
            f"{path} is no mailbox file but {kind}: unpack it first, or let what unpacks it"
            " write to `rillmail import -`"
        )
