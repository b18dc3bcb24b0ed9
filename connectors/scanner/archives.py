"""What is inside archives and messages, unpacked bit by bit within a budget.

Never trusts a size that is written in an archive: what counts is what comes out.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import Message
from typing import IO

from connectors.scanner.bounds import CHUNK_BYTES, Budget, TooMuch, Unreadable

Inside = Iterator[tuple[str, bytes]]  # (name, content)

ZIP_END = b"PK\x05\x06"
ZIP_END_BYTES = 22 + 65_535  # with the longest comment
LARGEST_DIRECTORY_BYTES = 1024**2  # of a ZIP; it is read as a whole before anything else
TAR_MAGIC = slice(257, 262)
MOST_PARTS = 1_000  # of a message within a mail
UNPACK_MEMORY_BYTES = 64 * 1024**2  # that xz may ask for

# LZMA in a ZIP may ask for gigabytes of memory.
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
# LookupError: zipfile looks at the last character of a name that may have none.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    OverflowError,
)
# Kinds that can't be looked into: what is in them stays unknown.
_CLOSED = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"MSCF\x00\x00\x00\x00", b"\x60\xea")


def opener(content: bytes, file_name: str) -> Callable[[bytes, Budget], Inside] | None:
    """Return what opens *content*, or None if there is nothing to open."""
    if content.startswith(b"PK\x03\x04") or ZIP_END in content[-ZIP_END_BYTES:]:
        return _zip
    if content.startswith(b"\x1f\x8b"):
        return _gzip
    if content.startswith(b"BZh"):
        return _bzip2
    if content.startswith(b"\xfd7zXZ\x00"):
        return _xz
    if content[TAR_MAGIC] == b"ustar":
        return _tar
    if content.startswith(_CLOSED):
        return _closed
    return _message if file_name.lower().endswith(".eml") else None


def _zip(content: bytes, budget: Budget) -> Inside:
    _check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                budget.file()
                if info.is_dir():
                    continue
                if info.flag_bits & 0x1:
                    raise Unreadable("encrypted")
                if info.compress_type not in _ZIP_METHODS:
                    raise Unreadable("archive of a kind that can't be opened")
                with archive.open(info) as file:
                    yield info.filename, _read(file, budget)
    except _ZIP_ERRORS as error:
        raise Unreadable("damaged archive") from error


def _check_directory(content: bytes) -> None:
    tail = content[-ZIP_END_BYTES:]
    at = tail.find(ZIP_END)
    while at >= 0:
        # Whichever of them is taken for the end: its directory must not be huge.
        if int.from_bytes(tail[at + 12 : at + 16], "little") > LARGEST_DIRECTORY_BYTES:
            raise TooMuch
        at = tail.find(ZIP_END, at + 1)


def _gzip(content: bytes, budget: Budget) -> Inside:
    yield from _single(gzip.GzipFile(fileobj=io.BytesIO(content)), budget)


def _bzip2(content: bytes, budget: Budget) -> Inside:
    yield from _single(bz2.BZ2File(io.BytesIO(content)), budget)


def _xz(content: bytes, budget: Budget) -> Inside:
    decompressor = lzma.LZMADecompressor(memlimit=UNPACK_MEMORY_BYTES)
    unpacked = io.BytesIO()
    try:
        data = decompressor.decompress(content, CHUNK_BYTES)
        while True:
            budget.spend(len(data))
            unpacked.write(data)
            if decompressor.eof:
                break
            if decompressor.needs_input:
                raise Unreadable("damaged archive")
            data = decompressor.decompress(b"", CHUNK_BYTES)
    except lzma.LZMAError as error:
        raise Unreadable("damaged archive") from error
    if decompressor.unused_data.strip(b"\x00"):
        raise Unreadable("damaged archive")  # a second stream: nobody sends that
    budget.file()
    yield "", unpacked.getvalue()


def _single(file: IO[bytes] | gzip.GzipFile, budget: Budget) -> Inside:
    budget.file()
    try:
        with file:
            yield "", _read(file, budget)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise Unreadable("damaged archive") from error


def _tar(content: bytes, budget: Budget) -> Inside:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                budget.file()
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name, _read(file, budget)
    except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError) as error:
        raise Unreadable("damaged archive") from error


def _closed(content: bytes, budget: Budget) -> Inside:  # noqa: ARG001  as the others
    raise Unreadable("archive of a kind that can't be opened")
    yield  # makes it a generator, as the others


def _message(content: bytes, budget: Budget) -> Inside:
    # The parser's work grows with parts and depth: those are counted first.
    if content.lower().count(b"content-type:") > MOST_PARTS:
        raise TooMuch
    try:
        message: Message = message_from_bytes(content, policy=policy.compat32)
        for part in message.walk():
            if part.is_multipart():
                continue
            budget.file()
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                budget.spend(len(payload))
                yield str(part.get_filename("") or ""), payload
    except (MessageError, RecursionError, LookupError, ValueError, TypeError) as error:
        raise Unreadable("damaged message") from error


def _read(file: IO[bytes] | gzip.GzipFile, budget: Budget) -> bytes:
    unpacked = io.BytesIO()
    while chunk := file.read(CHUNK_BYTES):
        budget.spend(len(chunk))
        unpacked.write(chunk)
    return unpacked.getvalue()
