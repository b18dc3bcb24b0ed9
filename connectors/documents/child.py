"""Reads documents, PDF and DOCX, each in a process of its own; run as a program by ``process``.

Standard input is a socket. With each request comes a socket to the one who asks: a process is
forked that reads the document from it and writes UTF-8 to it, page by page, so that what was read
before a limit struck is kept. Forked, since starting Python and a reader of PDF takes thirty times
as long; this process never sees a document itself. Imports nothing of ours, so that it starts
fast; ends with the one who started it, or when nobody asks for a while.
"""

import contextlib
import gc
import io
import os
import resource
import signal
import socket
import sys
import zipfile
from collections.abc import Iterator
from xml.parsers import expat

import pypdf

LONGEST_REQUEST_BYTES = 64
TAKEN = b"\x01"  # before the text: a process has begun
MEMORY_BYTES = 1024**3
MOST_PAGES = 500
MOST_PARTS = 40  # of a DOCX: its main text, and notes, headers and footers
MOST_XML_BYTES = 32 * 1024**2  # unpacked, all parts together
PIECE_BYTES = 64 * 1024

# A page with a word in the usual font; its table of places is left to be found, as readers do.
_SOME_PDF = (
    b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
    b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources"
    b" << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>\nendobj\n"
    b"4 0 obj\n<< /Length 37 >>\nstream\nBT /F1 12 Tf 72 720 Td (word) Tj ET \nendstream\nendobj\n"
    b"trailer\n<< /Root 1 0 R /Size 5 >>\nstartxref\n0\n%%EOF\n"
)
_MAIN = "word/document.xml"
_OTHERS = ("word/footnotes", "word/endnotes", "word/header", "word/footer", "word/comments")
# ECMA-376 Part 1 §17.3: what parts words. Its prefix is `w:` in all that Word writes.
_GAPS = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_ENDS = {"p": "\n", "tc": " ", "tr": "\n"}


def of_pdf(content: bytes) -> Iterator[str]:
    """Yield the text of each page of a PDF."""
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
    """Fork for each request, until there are none.

    Argument: how many seconds to wait for one. A request is ``pdf`` or ``docx``, how many bytes
    may be written, how many seconds of CPU, and how many by the clock may be used; by spaces.
    """
    asked = socket.socket(fileno=os.dup(0))
    asked.settimeout(float(sys.argv[1]))
    signal.signal(signal.SIGCHLD, _reap)
    list(of_pdf(_SOME_PDF))  # what is imported and made at the first look need not be by each fork
    gc.freeze()  # what all share is not written to
    while True:
        try:
            request, [*to], _, _ = socket.recv_fds(asked, LONGEST_REQUEST_BYTES, 1)
        except TimeoutError:
            return
        if not request:
            return
        if os.fork() == 0:
            with contextlib.suppress(Exception):
                _answer(request.decode(), socket.socket(fileno=to[0]))
            os._exit(0)  # what is above is not this process's to end
        os.close(to[0])


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):  # there are no others
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(request: str, asker: socket.socket) -> None:
    kind, *limits = request.split()
    left, cpu_s, longest_s = map(int, limits)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    signal.alarm(longest_s)  # which ends this process
    asker.sendall(TAKEN)
    with asker.makefile("rb") as file:
        content = file.read()
    for text in {"pdf": of_pdf, "docx": of_docx}[kind](content):
        packed = text.encode("utf-8", "replace")[:left]
        asker.sendall(packed)
        left -= len(packed)
        if left <= 0:
            break


if __name__ == "__main__":
    main()
