"""Documents as people attach them, and hostile ones, built when they are needed."""

import io
import zipfile
import zlib
from collections.abc import Sequence

from tests.contracts.hostile_files import stream

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def a_pdf(*pages: str) -> bytes:
    """Return a PDF with a page for each text, as a printer makes it."""
    shown = [stream(b"", b"BT /F1 12 Tf 72 720 Td (%s) Tj ET" % t.encode()) for t in pages]
    return drawn(*shown)


def drawn(*contents: bytes) -> bytes:
    """Return a PDF whose pages are drawn by *contents*."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * n) for n in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(contents):
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * number),
            content,
        ]
    return file_of(objects)


def file_of(objects: Sequence[bytes]) -> bytes:
    """Return the PDF that has *objects*, of which the first is its catalog."""
    file = b"%PDF-1.7\n"
    places: list[int] = []
    for number, each in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return (
        b"%sxref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Root 1 0 R /Size %d >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (file, count, table, count, len(file))
    )


def a_slow_pdf() -> bytes:
    """Return a small PDF whose page takes minutes: millions of commands, packed well."""
    return drawn(stream(b"", b"BT /F1 12 Tf " + b"(a) Tj 1 0 0 1 0 0 cm " * 1_000_000 + b"ET"))


def a_pdf_bomb() -> bytes:
    """Return a PDF whose page unpacks to far more than it is, twice packed."""
    packed = zlib.compress(zlib.compress(bytes(100 * 1024**2), 1), 1)
    head = b"<< /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n" % len(packed)
    return drawn(head + packed + b"\nendstream")


def a_docx(*paragraphs: str, footnote: str = "") -> bytes:
    """Return a DOCX with *paragraphs*, each cut into two runs as Word does."""
    body = "".join(
        f"<w:p><w:r><w:t>{text[:3]}</w:t></w:r><w:r><w:t>{text[3:]}</w:t></w:r></w:p>"
        for text in paragraphs
    )
    taken_out = "<w:p><w:del><w:r><w:delText>regretted</w:delText></w:r></w:del></w:p>"
    parts = {
        "word/document.xml": f"<w:body>{body}{taken_out}</w:body>",
        "word/footnotes.xml": f"<w:p><w:r><w:t>{footnote}</w:t></w:r></w:p>",
    }
    return zipped(
        {name: f'<w:document xmlns:w="{W}">{part}</w:document>' for name, part in parts.items()}
    )


def zipped(parts: dict[str, str]) -> bytes:
    """Return a DOCX of these *parts*."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


def an_endless_docx() -> bytes:
    """Return a small DOCX whose text unpacks to much more than is read."""
    paragraph = "<w:p><w:r><w:t>over and over </w:t></w:r></w:p>"
    return zipped({"word/document.xml": f'<w:document xmlns:w="{W}">{paragraph * 1_000_000}'})


def laughing_docx() -> bytes:
    """Return a DOCX whose entities stand for each other a billion times."""
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    )
    text = f'<!DOCTYPE d [{entities}]><w:document xmlns:w="{W}"><w:t>&a9;</w:t></w:document>'
    return zipped({"word/document.xml": text})
