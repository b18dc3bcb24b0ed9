"""PDF: what happens when it is opened, and the files that it carries (ISO 32000)."""

import re
import zlib

from connectors.scanner.bounds import Budget
from connectors.scanner.members import Inside, Member
from topologies.events.inbound import Finding

START = b"%PDF-"
STARTS_WITHIN = 1_024  # readers look for it there
DICTIONARY_BYTES = 1_024  # before a stream, that may say what it is
MOST_ESCAPED = 20_000  # names written with escapes, that are read
MOST_OBJECTS_BYTES = 4 * 1024**2  # of one compressed stream of objects

_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_NAME_WITH_ESCAPES = re.compile(rb"/[^\s/<>\[\]()%]{0,60}#[^\s/<>\[\]()%]{0,60}")
_LAUNCH = re.compile(rb"/S\s*/Launch\b")
_SCRIPT = re.compile(rb"/(?:JavaScript|JS)\s*[\s(</\[0-9]")
_ENCRYPTED = re.compile(rb"/Encrypt\s*(?:<<|\d+\s+\d+\s+R)")


def open_pdf(content: bytes, budget: Budget) -> Inside:
    """Yield the files in a PDF, and what it does when it is opened."""
    said: list[bytes] = []  # all but the streams
    at = 0
    while (start := content.find(b"stream", at)) >= 0:
        end = content.find(b"endstream", start)
        if end < 0:
            break
        said.append(content[at:start])
        dictionary = content[max(at, start - DICTIONARY_BYTES) : start].rpartition(b"obj")[2]
        dictionary, _ = _plain(dictionary)
        if b"/ObjStm" in dictionary:
            budget.file()
            said.append(_inflated(content[start + 6 : end], MOST_OBJECTS_BYTES, budget))
        elif b"/EmbeddedFile" in dictionary:
            budget.file()
            is_flat = b"/FlateDecode" in dictionary or b"/Fl" in dictionary
            packed = content[start + 6 : end]
            inner = _inflated(packed, budget.bytes, budget) if is_flat else packed.lstrip(b"\r\n")
            yield Member("embedded file", inner, is_named_for_people=False)
        at = end + len(b"endstream")
    said.append(content[at:])
    text, is_all = _plain(b"\n".join(said))
    if not is_all:
        yield Finding(kind="unscannable", name="PDF that writes its names in riddles")
    yield from _said(text)


def _said(text: bytes) -> Inside:
    if _LAUNCH.search(text):
        yield Finding(kind="suspicious", name="PDF that starts a program")
    if _SCRIPT.search(text):
        yield Finding(kind="macro", name="PDF with JavaScript")
    if _ENCRYPTED.search(text):
        yield Finding(kind="encrypted", name="PDF with a password")


def _inflated(packed: bytes, most: int, budget: Budget) -> bytes:
    """Return what is packed in a stream, as far as it is sound."""
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(packed.lstrip(b"\r\n"), max(1, most))
    except zlib.error:
        return b""
    budget.spend(len(content))
    return content


def _plain(text: bytes) -> tuple[bytes, bool]:
    """Return *text* with names as they are meant, and whether that was done for all of it.

    ``/J#61vaScript`` is ``/JavaScript`` (ISO 32000-1 §7.3.5).
    """
    if b"#" not in text:
        return text, True
    plain, count = _NAME_WITH_ESCAPES.subn(
        lambda name: _ESCAPED.sub(lambda hex_: bytes([int(hex_[1], 16)]), name[0]),
        text,
        MOST_ESCAPED,
    )
    return plain, count < MOST_ESCAPED
