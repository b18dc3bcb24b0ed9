"""Content-Type and Content-Disposition: a value and its parameters.

Reads RFC 2045 §5.1 and RFC 2183, with the continuations and charsets of RFC 2231; takes what
people write besides: unquoted names with spaces, encoded words in quotes.
"""

import re
from urllib.parse import unquote_to_bytes

from topologies.mail import charsets, header_words

LONGEST_BYTES = 16 * 1024  # of one field; the rest is not read
MOST = 200  # parameters of one field

_PARAMETER = re.compile(r';\s*([^\s=;"]{1,100})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_COMMENT = re.compile(r"\([^()]*\)")
_COMMENT_BEHIND = re.compile(r"\s+\([^()]*\)\s*$")
_NAMES = ("name", "filename")  # where people write what looks like a comment: report (2).pdf


def read(value: bytes) -> tuple[str, dict[str, str]]:
    """Return the value in lower case, and its parameters by name in lower case."""
    text = header_words.raw_text_of(value[:LONGEST_BYTES])
    head, semicolon, _ = text.partition(";")
    head = without_comments(head).lower()
    if not semicolon:
        return head, {}
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for count, match in enumerate(_PARAMETER.finditer(text)):
        if count == MOST:
            break
        name, written = match[1].lower(), match[2]
        if not written.startswith('"') and name not in _NAMES:
            written = _COMMENT_BEHIND.sub("", written)  # RFC 2045 §5.1
        given = _unquoted(written)
        parts = _SECTION.fullmatch(name)
        if parts is None or (parts[2] is None and parts[3] is None):
            plain.setdefault(name, given)
        else:
            number = int(parts[2] or 0)
            sections.setdefault(parts[1], {}).setdefault(number, (given, parts[3] is not None))
    # RFC 2231 says more than the plain form, which is there for old readers.
    return head, plain | {name: _joined(found) for name, found in sections.items()}


def without_comments(text: str) -> str:
    """Return *text*, the value of a structured field, without comments (RFC 5322 §3.2.2)."""
    return _COMMENT.sub("", text).strip()


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text.strip('"')


def _joined(found: dict[int, tuple[str, bool]]) -> str:
    charset, pieces = "", list[bytes]()
    for place, number in enumerate(sorted(found)):
        given, is_encoded = found[number]
        if is_encoded and place == 0 and given.count("'") >= 2:
            charset, _, given = given.split("'", 2)
        pieces.append(unquote_to_bytes(given) if is_encoded else given.encode("utf-8", "replace"))
    return charsets.decode(b"".join(pieces), charset)[0]
