"""Reads one document, PDF or DOCX, and writes its text; run as a program by ``reader``.

Reads the document from standard input. Writes UTF-8 to standard output, page by page, so that
what was read before a limit struck is kept; ends with status 0 if it read all it may. Imports
nothing of ours, so that it starts fast; takes limits from the system for itself.
"""

import io
import resource
import sys
import zipfile
from collections.abc import Iterator
from xml.parsers import expat

MEMORY_BYTES = 1024**3
MOST_PAGES = 500
MOST_PARTS = 40  # of a DOCX: its main text, and notes, headers and footers
MOST_XML_BYTES = 32 * 1024**2  # unpacked, all parts together
PIECE_BYTES = 64 * 1024

_MAIN = "word/document.xml"
_OTHERS = ("word/footnotes", "word/endnotes", "word/header", "word/footer", "word/comments")
# ECMA-376 Part 1 §17.3: what parts words. Its prefix is `w:` in all that Word writes.
_GAPS = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_ENDS = {"p": "\n", "tc": " ", "tr": "\n"}


def of_pdf(content: bytes) -> Iterator[str]:
    """Yield the text of each page of a PDF."""
    import pypdf  # here, since one of the two is needed

    reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        return
    for number in range(min(len(reader.pages), MOST_PAGES)):
        try:
            yield reader.pages[number].extract_text() + "\n"
        except Exception:  # noqa: BLE001, S112  whatever is wrong with it, the next may be fine
            continue


def of_docx(content: bytes) -> Iterator[str]:
    """Yield the text of a DOCX, piece by piece: its main part first."""
    left = MOST_XML_BYTES
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        others = [name for name in archive.namelist() if name.startswith(_OTHERS)]
        for name in [_MAIN, *others[: MOST_PARTS - 1]]:
            reading = _Reading()
            with archive.open(name) as file:
                # A size that is written in an archive is not trusted: what counts is what comes.
                while left > 0 and (piece := file.read(min(PIECE_BYTES, left))):
                    left -= len(piece)
                    yield reading.read(piece)
            yield "\n"


class _Reading:
    """The text of one part, without what its author took out."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._is_text = False
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._begins
        parser.EndElementHandler = self._ends
        parser.CharacterDataHandler = self._says
        # Without a DTD nothing is declared, so nothing expands and nothing is fetched.
        parser.StartDoctypeDeclHandler = _refused
        parser.EntityDeclHandler = _refused
        self._parser = parser

    def read(self, piece: bytes) -> str:
        """Take the next *piece*; return the text that it brought."""
        self._parser.Parse(piece, False)
        texts, self._texts = self._texts, []
        return "".join(texts)

    def _begins(self, name: str, attributes: object) -> None:
        del attributes
        local = name.rpartition(":")[2]
        self._is_text = local == "t"
        if local in _GAPS:
            self._texts.append(_GAPS[local])

    def _ends(self, name: str) -> None:
        self._is_text = False
        end = _ENDS.get(name.rpartition(":")[2])
        if end:
            self._texts.append(end)

    def _says(self, text: str) -> None:
        if self._is_text:
            self._texts.append(text)


def _refused(*_: object) -> None:
    raise ValueError("it has a DTD, which no document needs")


def main() -> None:
    """Write the text of what standard input holds.

    Arguments: ``pdf`` or ``docx``, how many bytes may be written, how many seconds of CPU may be
    used.
    """
    kind, left, cpu_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    content = sys.stdin.buffer.read()
    for text in {"pdf": of_pdf, "docx": of_docx}[kind](content):
        packed = text.encode("utf-8", "replace")[:left]
        sys.stdout.buffer.write(packed)
        sys.stdout.buffer.flush()
        left -= len(packed)
        if left <= 0:
            break


if __name__ == "__main__":
    main()
