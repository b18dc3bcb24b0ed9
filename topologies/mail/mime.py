"""The tree of parts of a message, by their places in it.

Reads raw bytes, writes where each part's header and body lie; decodes nothing it is not asked
for. Time and memory are bounded, whatever the message says: at most ``MOST_PARTS`` parts,
``DEEPEST`` levels, and one pass over the bytes a level. What is malformed is read as a person
would (an unclosed multipart ends where its parent ends) and told in ``defects``.
RFC 2045, RFC 2046.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from topologies.mail import header_words, parameters

MOST_PARTS = 1_000
DEEPEST = 50
LONGEST_HEADER_BYTES = 1024 * 1024  # of one part; what follows is not read as fields
MOST_FIELDS = 5_000

MESSAGE_TYPES = ("message/rfc822", "message/global")

_AS_IT_IS = ("7bit", "8bit", "binary", "")
_ENCODED = ("quoted-printable", "base64")
_KNOWN_ENCODINGS = (*_AS_IT_IS, *_ENCODED)
_CONTINUES = (b" ", b"\t")
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_MBOX_LINES = (b"From ", b">From ")  # left in front by programs that keep mail in such files
_LONGEST_TAIL = 200  # blanks after a boundary
_LF = 10


@dataclass(slots=True)
class Part:
    """One part: a leaf, or a multipart with children.

    Attributes:
        fields: (name in lower case, value as written), in order.
        start: Where its body begins in the message; it ends at ``end``.
        header_start: Where its header begins.
    """

    fields: list[tuple[str, bytes]]
    header_start: int
    start: int
    end: int
    content_type: str = "text/plain"  # RFC 2045 §5.2
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    disposition: str = ""
    disposition_parameters: dict[str, str] = field(default_factory=dict[str, str])
    encoding: str = ""
    children: list["Part"] = field(default_factory=list["Part"])

    def first(self, name: str) -> bytes | None:
        """Return the value of the first field called *name*."""
        return next((value for each, value in self.fields if each == name), None)

    def all(self, name: str) -> Iterator[bytes]:
        """Yield the values of the fields called *name*."""
        return (value for each, value in self.fields if each == name)


@dataclass(slots=True)
class Tree:
    """A message read.

    Attributes:
        is_cut: There are more parts or levels than were read.
    """

    source: bytes
    root: Part
    defects: list[str] = field(default_factory=list[str])
    is_cut: bool = False
    parts: int = 1

    def content(self, part: Part) -> bytes:
        """Return the decoded body of *part*; what can't be decoded is left out."""
        body = self.source[part.start : part.end]
        if part.encoding == "base64":
            if body.translate(None, header_words.BASE64):
                self.note("base64 with characters that are none of it")
            return header_words.from_base64(body)
        if part.encoding == "quoted-printable":
            return binascii.a2b_qp(body)
        return body

    def encoded_message(self, part: Part) -> "Tree | None":
        """Return the message that *part* is, if it is encoded, and so has no parts of its own.

        RFC 2046 §5.2.1 forbids to encode it; some programs do all the same.
        """
        if part.content_type not in MESSAGE_TYPES or part.encoding not in _ENCODED:
            return None
        return read(self.content(part))

    def note(self, defect: str) -> None:
        """Tell what was wrong, once."""
        if defect and defect not in self.defects and len(self.defects) < 20:
            self.defects.append(defect)


def read(source: bytes) -> Tree:
    """Return the parts of *source*, a message of any quality."""
    tree = Tree(source, Part([], 0, 0, len(source)))
    tree.root = _part(tree, 0, len(source))
    _grow(tree, tree.root, 1)
    return tree


def _part(tree: Tree, start: int, end: int, default_type: str = "text/plain") -> Part:
    fields, body = _fields(tree, start, end)
    part = Part(fields, start, body, end, default_type)
    if (value := part.first("content-type")) is not None:
        kind, part.parameters = parameters.read(value)
        slash = kind.count("/") == 1 and not kind.startswith("/") and not kind.endswith("/")
        if slash and " " not in kind:
            part.content_type = kind
        else:
            # RFC 2045 §5.2: what can't be read counts as plain text.
            part.content_type = "text/plain"
            tree.note("an unreadable Content-Type")
    if (value := part.first("content-disposition")) is not None:
        part.disposition, part.disposition_parameters = parameters.read(value)
    if (value := part.first("content-transfer-encoding")) is not None:
        written = header_words.text_of(value).partition(";")[0]
        part.encoding = parameters.without_comments(written).lower()
        if part.encoding not in _KNOWN_ENCODINGS:
            tree.note("an unknown Content-Transfer-Encoding")
    return part


def _fields(tree: Tree, start: int, end: int) -> tuple[list[tuple[str, bytes]], int]:
    """Return the fields from *start* on, unfolded (RFC 5322 §2.2.3), and where the body begins."""
    source = tree.source
    if source.startswith((b"\r\n", b"\n"), start, end):
        return [], source.index(b"\n", start) + 1
    limit = min(end, start + LONGEST_HEADER_BYTES)
    blank = [at for mark in (b"\n\r\n", b"\n\n") if (at := source.find(mark, start, limit)) >= 0]
    stop = min(blank) + 1 if blank else limit
    gathered: list[tuple[str, list[bytes]]] = []
    place = start
    for line in source[start:stop].split(b"\n"):
        if line[:1] in _CONTINUES:
            if gathered:
                gathered[-1][1].append(line.rstrip(b"\r"))
        elif match := _FIELD.match(line):
            if len(gathered) == MOST_FIELDS:
                tree.note(f"more than {MOST_FIELDS:,} header fields")
                break
            gathered.append((match[1].decode("ascii").lower(), [line[match.end() :].rstrip(b"\r")]))
        elif line.strip() and not line.startswith(_MBOX_LINES):
            tree.note("a line in the header that is no field")
            if not gathered or not blank:
                stop = place  # as readers do: what is no header is shown as text
                break
        place += len(line) + 1
    else:
        if blank:
            stop = source.index(b"\n", stop) + 1
    return [(name, b"".join(lines)) for name, lines in gathered], stop


def _grow(tree: Tree, part: Part, level: int) -> None:
    if part.content_type.startswith("multipart/"):
        boundary = part.parameters.get("boundary", "").rstrip()
        if level >= DEEPEST:
            tree.is_cut = True
            part.content_type = "application/octet-stream"
            return
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        for start, end in _between(tree, boundary, part.start, part.end):
            if not _add(tree, part, level, start, end, default):
                return
        if not part.children:
            tree.note("a multipart without its boundary")
            part.content_type = "text/plain"
    elif part.content_type in MESSAGE_TYPES and part.encoding in _AS_IT_IS:
        if level >= DEEPEST:
            tree.is_cut = True
        else:
            _add(tree, part, level, part.start, part.end, "text/plain")


def _add(tree: Tree, parent: Part, level: int, start: int, end: int, default_type: str) -> bool:
    """Read a child of *parent*; return False when there are too many."""
    if tree.parts >= MOST_PARTS:
        tree.is_cut = True
        return False
    tree.parts += 1
    child = _part(tree, start, end, default_type)
    parent.children.append(child)
    _grow(tree, child, level + 1)
    return True


def _between(tree: Tree, boundary: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the parts between the lines of *boundary* lie (RFC 2046 §5.1.1)."""
    if not boundary:
        return
    source = tree.source
    marker = b"--" + boundary.encode("utf-8", "surrogatepass")
    begin = -1
    at = source.find(marker, start, end)
    while at >= 0:
        after = at + len(marker)
        # First whether it begins a line, since finding each line's end anew may cost the square.
        if at == start or source[at - 1] == _LF:
            newline = source.find(b"\n", after, end)
            line_end = end if newline < 0 else newline + 1
            tail = source[after : min(line_end, after + _LONGEST_TAIL)].strip()
            if tail in (b"", b"--"):
                if begin >= 0:
                    yield begin, _without_line_end(source, begin, at)
                if tail:
                    return
                begin = after = line_end
        at = source.find(marker, after, end)
    if begin >= 0:
        tree.note("a multipart that is not closed")
        yield begin, end


def _without_line_end(source: bytes, begin: int, at: int) -> int:
    # The line end before a boundary belongs to the boundary.
    for line_end in (b"\r\n", b"\n"):
        if source.endswith(line_end, begin, at):
            return at - len(line_end)
    return at
