"""Compound files: old Office documents, mails of Outlook, installers ([MS-CFB])."""

import io
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

import olefile  # pyright: ignore[reportMissingTypeStubs]

from connectors.scanner import vba
from connectors.scanner.bounds import Budget, Unreadable
from connectors.scanner.members import Inside, Member
from topologies.events.inbound import Finding

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
INSTALLERS = ("000C1082", "000C1084", "000C1086")  # begins of class ids: MST, MSI, MSP
LONGEST_NAME_BYTES = 1_024
_ERRORS = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, zlib.error)
_FILE_PASS, _BOUND_SHEET, _BEGIN = 0x2F, 0x85, 0x0809  # records of [MS-XLS]
_MACRO_SHEET = 1
_STORED_OBJECT = b"\x10\x00\x11\x10"  # [MS-PPT] §2.10.34, compressed
_MSG_CONTENT = "__substg1.0_37010102"  # [MS-OXMSG]: an attachment, and what it is called
_MSG_NAMES = ("__substg1.0_3707001F", "__substg1.0_3704001F")

Path = Sequence[str]


def open_ole(content: bytes, budget: Budget) -> Inside:
    """Yield what is in a compound file, and what its parts say of it."""
    try:
        # Refused is whatever could make it read in circles. Any: the library has no types.
        file: Any = cast("Any", olefile.OleFileIO)(
            io.BytesIO(content), raise_defects=olefile.DEFECT_INCORRECT
        )
        with file:
            if str(file.root.clsid).upper().startswith(INSTALLERS):
                yield Finding(kind="executable", name="Windows installer (MSI)")
            paths: list[Path] = file.listdir()
            yield from _macros(file, paths, budget)
            for path in paths:
                budget.file()
                yield from _stream(file, path, budget)
    except _ERRORS as error:
        raise Unreadable("damaged document") from error


def _stream(file: Any, path: Path, budget: Budget) -> Inside:
    name = path[-1]
    if name.lower() == "encryptedpackage":
        yield Finding(kind="encrypted", name="document with a password")
    elif name == "WordDocument":
        # [MS-DOC] §2.5.2: fEncrypted
        if len(start := _read(file, path, budget)[:12]) == 12 and start[11] & 0x01:
            yield Finding(kind="encrypted", name="document with a password")
    elif name in ("Workbook", "Book"):
        yield from _workbook(_read(file, path, budget))
    elif name == "PowerPoint Document":
        yield from _stored_objects(_read(file, path, budget), budget)
    elif name == "\x01Ole10Native":
        yield _packaged(_read(file, path, budget))
    elif name in ("Package", "CONTENTS"):
        yield Member(name, _read(file, path, budget), is_named_for_people=False)
    elif name == _MSG_CONTENT:
        yield Member(_msg_name(file, path, budget), _read(file, path, budget))


def _macros(file: Any, paths: Sequence[Path], budget: Budget) -> Inside:
    modules = [p for p in paths if len(p) > 1 and p[-2].upper() == "VBA"]
    if not any(path[-1].lower() == "dir" for path in modules):
        return
    sources: list[bytes] = []
    for path in modules:
        if path[-1].lower() in ("dir", "_vba_project") or path[-1].startswith("__SRP_"):
            continue
        source = vba.source_of(_read(file, path, budget))
        budget.spend(len(source), is_slow=True)
        sources.append(source)
    starts = next((name for each in sources if (name := vba.runs_by_itself(each))), "")
    if starts:
        yield Finding(kind="suspicious", name=f"macro that runs by itself ({starts})")
    elif not any(sources):
        # What runs is the compiled form; whoever takes the source away has something to hide.
        yield Finding(kind="suspicious", name="macro without its source")
    yield Finding(kind="macro", name="macros (VBA)")


def _workbook(stream: bytes) -> Iterator[Finding]:
    at = 0
    while at + 4 <= len(stream):
        kind = int.from_bytes(stream[at : at + 2], "little")
        size = int.from_bytes(stream[at + 2 : at + 4], "little")
        if kind == _FILE_PASS:
            yield Finding(kind="encrypted", name="document with a password")
            return  # what follows can't be read
        if kind == _BOUND_SHEET and size >= 6 and stream[at + 9] == _MACRO_SHEET:
            yield Finding(kind="macro", name="macro sheet (Excel 4.0)")
            return
        if kind == _BEGIN and at > 0:
            return  # the sheets themselves: what is said of the whole is over
        at += 4 + size


def _stored_objects(stream: bytes, budget: Budget) -> Iterator[Member]:
    at = stream.find(_STORED_OBJECT)
    while at >= 0:
        budget.file()
        size = int.from_bytes(stream[at + 4 : at + 8], "little")
        unpacked = zlib.decompressobj().decompress(
            stream[at + 12 : at + 8 + size], max(1, budget.bytes)
        )
        budget.spend(len(unpacked))
        yield Member("object", unpacked, is_named_for_people=False)
        at = stream.find(_STORED_OBJECT, at + 8)


def _packaged(stream: bytes) -> Member:
    """Return the file that was put into a document: size, flags, label, name, paths, content."""
    name, at = _text(stream, 6)
    _, at = _text(stream, at)
    at += 8  # flags, and the length of a path
    _, at = _text(stream, at)
    size = int.from_bytes(stream[at : at + 4], "little")
    content = stream[at + 4 : at + 4 + size]
    # Without that shape it is somebody's own data: looked at as it is.
    return Member(name, content) if content else Member("object", stream)


def _text(stream: bytes, at: int) -> tuple[str, int]:
    end = stream.find(b"\0", at, at + LONGEST_NAME_BYTES)
    if end < 0:
        return "", len(stream)
    return stream[at:end].decode("latin-1"), end + 1


def _msg_name(file: Any, path: Path, budget: Budget) -> str:
    for name in _MSG_NAMES:
        if file.exists([*path[:-1], name]):
            raw = _read(file, [*path[:-1], name], budget)
            return raw[:LONGEST_NAME_BYTES].decode("utf-16-le", "replace")
    return ""


def _read(file: Any, path: Path, budget: Budget) -> bytes:
    with file.openstream(path) as stream:
        content: bytes = stream.read()
    budget.spend(len(content))
    return content
