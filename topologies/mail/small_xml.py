"""XML of strangers, read with bounds: no DTD, no entities, no element that is deep or huge.

A document is handed on element by element, none is kept; prefixes of namespaces are left out.
"""

from collections.abc import Callable
from xml.parsers import expat

DEEPEST = 32
MOST_ELEMENTS = 400_000
TEXT_CHARACTERS = 1_000  # of one element; what is beyond is left out
TOKEN_BYTES = 64 * 1024  # a tag or comment that is longer is refused
_PIECE_BYTES = 16 * 1024

Told = Callable[[tuple[str, ...], str], None]


def read(content: bytes, told: Told) -> None:
    """Read a document.

    Args:
        content: All of it.
        told: Called at the end of each element: with the names that lead to it, and its text.

    Raises:
        ValueError: It is no XML, or none that is read here; or *told* raised it.
    """
    reading = _Reading(told)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.ordered_attributes = True  # as a list: nobody looks at them
    parser.StartElementHandler = reading.begins
    parser.EndElementHandler = reading.ends
    parser.CharacterDataHandler = reading.says
    # Without a DTD nothing is declared, so nothing expands and nothing is fetched.
    parser.StartDoctypeDeclHandler = _refused
    parser.EntityDeclHandler = _refused
    try:
        for at in range(0, len(content), _PIECE_BYTES):
            piece = content[at : at + _PIECE_BYTES]
            parser.Parse(piece, False)
            # What is begun is read anew with each piece, and held whole.
            if at + len(piece) - parser.CurrentByteIndex > TOKEN_BYTES:
                raise ValueError("a tag is too long")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ValueError(f"it is no XML: {error}") from error
    except LookupError as error:
        raise ValueError(f"its encoding is not known: {error}") from error


class _Reading:
    """Where a parser stands, and what it heard."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._names: list[str] = []
        self._texts: list[str] = []
        self._elements = 0

    def begins(self, name: str, attributes: object) -> None:
        del attributes
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise ValueError(f"it has more than {MOST_ELEMENTS} elements")
        if len(self._names) >= DEEPEST:
            raise ValueError(f"it is more than {DEEPEST} elements deep")
        self._names.append(name.rpartition(":")[2][:TEXT_CHARACTERS])
        self._texts.append("")

    def ends(self, name: str) -> None:
        del name
        path = tuple(self._names)
        self._names.pop()
        self._told(path, self._texts.pop().strip())

    def says(self, text: str) -> None:
        if self._texts and len(self._texts[-1]) < TEXT_CHARACTERS:
            self._texts[-1] += text[:TEXT_CHARACTERS]


def _refused(*_: object) -> None:
    raise ValueError("it has a DTD, which no report needs")
