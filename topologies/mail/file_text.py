"""Files that come with mails: of which kind they are, and the text of the plain ones.

Pure. Decides by the type a sender declared, and by the name where that says nothing (RFC 2046
§4.5.1: ``application/octet-stream``). What needs a library to be read is not read here.
"""

import codecs
from typing import Literal

from topologies.mail import charsets, plain_text

Kind = Literal["plain", "html", "pdf", "docx"]

_KINDS: dict[str, Kind] = {
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/xhtml+xml": "html",
    "application/json": "plain",
    "application/xml": "plain",
    "text/html": "html",
}
_BY_NAME: dict[str, Kind] = {
    "pdf": "pdf",
    "docx": "docx",
    "html": "html",
    "htm": "html",
    "txt": "plain",
    "text": "plain",
    "md": "plain",
    "csv": "plain",
    "tsv": "plain",
    "log": "plain",
}
_UNTOLD = ("application/octet-stream", "application/x-download", "application/download")
_UNREAD = ("text/rtf", "text/richtext", "text/enriched")  # commands stand between their words
# RFC 2781 §3.2, and what Notepad writes before UTF-8.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def kind_of(content_type: str, file_name: str) -> Kind | None:
    """Return how a file is read; None: its text is not read.

    Args:
        content_type: As declared, in lower case.
        file_name: Counts only where the type says nothing.
    """
    if content_type in _UNTOLD:
        return _BY_NAME.get(file_name.rpartition(".")[2].lower())
    known = _KINDS.get(content_type)
    if known is None and content_type.startswith("text/") and content_type not in _UNREAD:
        return "plain"
    return known


def of_plain(content: bytes) -> str:
    """Return *content*, which is text in whatever charset: its label is not known any more."""
    for mark, label in _MARKS:
        if content.startswith(mark):
            return charsets.decode(content, label)[0].removeprefix("\ufeff")
    return charsets.decode(content, "")[0]


def of_html(content: bytes) -> str:
    """Return the visible text of *content*."""
    return plain_text.of_html(of_plain(content))


def cut(text: str, size_bytes: int) -> str:
    """Return the beginning of *text* that has at most *size_bytes* in UTF-8."""
    if len(text) * 4 <= size_bytes:
        return text
    return text.encode("utf-8", "replace")[:size_bytes].decode("utf-8", "ignore")
