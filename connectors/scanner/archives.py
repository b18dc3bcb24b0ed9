"""What is inside archives and messages, unpacked bit by bit within a budget.

Never trusts a size that is written in an archive: what counts is what comes out. What can't be
opened still tells its names, where they lie open.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import Message
from typing import IO

from connectors.scanner import ole, pdf, sealed, tnef
from connectors.scanner.bounds import CHUNK_BYTES, Budget, TooMuch, Unreadable
from connectors.scanner.members import Inside, Member, Opener
from topologies.events.inbound import Finding

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
# Kinds that can't be looked into: what is in them stays unknown. ARJ, LZH, Zstandard, ACE.
_CLOSED = (b"\x60\xea", b"\x28\xb5\x2f\xfd", b"\x1f\x9d")
_CLOSED_WITHIN = (b"-lh5-", b"-lh6-", b"-lh7-", b"**ACE**")
_CABINET = b"MSCF\x00\x00\x00\x00"

# What a ZIP is, when it holds such files: more than an archive.
_APPLICATIONS = {
    "classes.dex": "Android package (APK)",
    "AndroidManifest.xml": "Android package (APK)",
    "AppxManifest.xml": "Windows package (APPX, MSIX)",
    "AppxMetadata/AppxBundleManifest.xml": "Windows package (APPX, MSIX)",
}
_DOCUMENTS = ("[Content_Types].xml", "mimetype")  # OOXML; OpenDocument and EPUB
_MACROS = ("Basic/script-lc.xml", "Basic/script-lb.xml")  # of OpenDocument


def opener(content: bytes, file_name: str) -> Opener | None:
    """Return what opens *content*, or None if there is nothing to open."""
    for magic, opens in _OPENERS:
        if content.startswith(magic):
            return opens
    if ZIP_END in content[-ZIP_END_BYTES:]:
        return _zip  # with something before it
    if content[TAR_MAGIC] == b"ustar":
        return _tar
    if pdf.START in content[: pdf.STARTS_WITHIN]:
        return pdf.open_pdf
    if content.startswith(_CLOSED) or content[2:7] in _CLOSED_WITHIN or content[7:14] == b"**ACE**":
        return _closed
    return _message if file_name.lower().endswith(".eml") else None


def _zip(content: bytes, budget: Budget) -> Inside:
    _check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            names = {info.filename for info in infos[: budget.files]}
            yield from _what_it_is(names)
            is_document = any(name in names for name in _DOCUMENTS)
            # Before its first file may lie a program, or an archive that others would open.
            first = min((info.header_offset for info in infos), default=0)
            if first > 0:
                yield Member("", content[:first])
            for info in infos:
                budget.file()
                if not info.is_dir():
                    yield _zipped(archive, info, budget, is_document=is_document)
    except _ZIP_ERRORS as error:
        raise Unreadable("damaged archive") from error


def _zipped(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget, *, is_document: bool
) -> Member:
    name = info.filename
    if info.flag_bits & 0x1:
        return Member(name, None, "encrypted", "archive with a password")
    if info.compress_type not in _ZIP_METHODS:
        return Member(name, None, reason="compressed in a way that can't be opened")
    is_slow = info.compress_type == zipfile.ZIP_BZIP2
    with archive.open(info) as file:
        content = _read(file, budget, is_slow=is_slow)
    return Member(name, content, is_named_for_people=not is_document)


def _what_it_is(names: set[str]) -> Iterator[Finding]:
    for name, kind in _APPLICATIONS.items():
        if name in names:
            yield Finding(kind="executable", name=kind)
            break
    if "META-INF/MANIFEST.MF" in names and any(name.endswith(".class") for name in names):
        yield Finding(kind="executable", name="Java program (JAR)")
    if any(name in names for name in _MACROS):
        yield Finding(kind="macro", name="macros (OpenDocument)")


def _check_directory(content: bytes) -> None:
    tail = content[-ZIP_END_BYTES:]
    at = tail.find(ZIP_END)
    while at >= 0:
        # Whichever of them is taken for the end: its directory must not be huge.
        if int.from_bytes(tail[at + 12 : at + 16], "little") > LARGEST_DIRECTORY_BYTES:
            raise TooMuch("archive bomb", "bomb")
        at = tail.find(ZIP_END, at + 1)


def _gzip(content: bytes, budget: Budget) -> Inside:
    yield from _single(gzip.GzipFile(fileobj=io.BytesIO(content)), budget)


def _bzip2(content: bytes, budget: Budget) -> Inside:
    yield from _single(bz2.BZ2File(io.BytesIO(content)), budget, is_slow=True)


def _xz(content: bytes, budget: Budget) -> Inside:
    decompressor = lzma.LZMADecompressor(memlimit=UNPACK_MEMORY_BYTES)
    unpacked = io.BytesIO()
    try:
        data = decompressor.decompress(content, CHUNK_BYTES)
        while True:
            budget.spend(len(data), is_slow=True)
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
    yield Member("", unpacked.getvalue())


def _single(file: IO[bytes] | gzip.GzipFile, budget: Budget, *, is_slow: bool = False) -> Inside:
    budget.file()
    try:
        with file:
            yield Member("", _read(file, budget, is_slow=is_slow))
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise Unreadable("damaged archive") from error


def _tar(content: bytes, budget: Budget) -> Inside:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                budget.file()
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield Member(member.name, _read(file, budget))
    except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError) as error:
        raise Unreadable("damaged archive") from error


def _closed(content: bytes, budget: Budget) -> Inside:  # noqa: ARG001  as the others
    raise Unreadable("archive of a kind that can't be opened")
    yield  # makes it a generator, as the others


def _cabinet(content: bytes, budget: Budget) -> Inside:
    """Yield the names in a cabinet ([MS-CAB] §2.3), whose contents can't be opened."""
    at = int.from_bytes(content[16:20], "little")
    for _ in range(int.from_bytes(content[28:30], "little")):
        budget.file()
        end = content.find(b"\0", at + 16, at + 16 + 256)
        if end < 0:
            break
        yield Member(
            content[at + 16 : end].decode("utf-8", "replace"),
            None,
            reason="compressed as a cabinet",
        )
        at = end + 1
    else:
        return
    raise Unreadable("damaged archive")


def _message(content: bytes, budget: Budget) -> Inside:
    # The parser's work grows with parts and depth: those are counted first.
    if content.lower().count(b"content-type:") > MOST_PARTS:
        raise TooMuch("too many parts", "unscannable")
    try:
        message: Message = message_from_bytes(content, policy=policy.compat32)
        for part in message.walk():
            if part.is_multipart():
                continue
            budget.file()
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                budget.spend(len(payload))
                yield Member(str(part.get_filename("") or ""), payload)
    except (MessageError, RecursionError, LookupError, ValueError, TypeError) as error:
        raise Unreadable("damaged message") from error


def _read(file: IO[bytes] | gzip.GzipFile, budget: Budget, *, is_slow: bool = False) -> bytes:
    unpacked = io.BytesIO()
    while chunk := file.read(CHUNK_BYTES):
        budget.spend(len(chunk), is_slow=is_slow)
        unpacked.write(chunk)
    return unpacked.getvalue()


_OPENERS: tuple[tuple[bytes, Opener], ...] = (
    (b"PK\x03\x04", _zip),
    (b"\x1f\x8b", _gzip),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\x00", _xz),
    (ole.MAGIC, ole.open_ole),
    (sealed.MAGIC_7Z, sealed.open_7z),
    (sealed.MAGIC_RAR, sealed.open_rar),
    (tnef.MAGIC, tnef.open_tnef),
    (_CABINET, _cabinet),
)
