"""Header values made text: folding undone, encoded words decoded.

Reads the bytes of an unstructured value (RFC 5322 §2.2.1), writes one line of text. Words that
were cut inside a character are joined before they are decoded (RFC 2047 §5 forbids such
cuts; many programs make them). Header text in raw UTF-8 is taken as such (RFC 6532).
"""

import binascii
import re
from itertools import islice
from string import ascii_letters, digits

from topologies.mail import charsets

LONGEST_VALUE_BYTES = 64 * 1024  # of one field; the rest is not read
# RFC 2045 §6.8, and what stands between the lines
BASE64 = (ascii_letters + digits + "+/= \t\r\n").encode()
MOST_PIECES = 500_000  # of base64; a line for each, of the largest message, are fewer

_WORD = re.compile(r"=\?([^?*\s]{1,64})(?:\*[^?\s]{0,64})?\?([bBqQ])\?([^?]*)\?=")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_PIECE = re.compile(rb"[^=]+=*")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def text_of(value: bytes) -> str:
    """Return *value* as one line of text, runs of white space as one space."""
    text = raw_text_of(value)
    if "=?" in text:
        text = decoded(text)
    return _BLANKS.sub(" ", text).strip()


def raw_text_of(value: bytes) -> str:
    """Return *value* as text, encoded words left as they are."""
    value = value[:LONGEST_VALUE_BYTES]
    if value.isascii():
        return value.decode("ascii").replace("\0", "\ufffd")
    return charsets.decode(value, "")[0]


def decoded(text: str) -> str:
    """Return *text* with its encoded words decoded; what is none stays as it is."""
    pieces: list[str] = []
    held: list[bytes] = []  # of words of one charset that follow each other
    charset = ""
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        is_adjacent = end > 0 and not between.strip()
        if held and (not is_adjacent or match[1].lower() != charset):
            pieces.append(charsets.decode(b"".join(held), charset)[0])
            held = []
        if not is_adjacent:
            pieces.append(between)
        charset = match[1].lower()
        held.append(_content(match[2], match[3]))
        end = match.end()
    if held:
        pieces.append(charsets.decode(b"".join(held), charset)[0])
    pieces.append(text[end:])
    return "".join(pieces)


def from_base64(content: bytes) -> bytes:
    """Return decoded base64; what is no base64 is skipped, a cut end is left out.

    Padding ends it (RFC 2045 §6.8), unless nothing but base64 follows: some programs encode piece
    by piece, and put together what has a padding each.
    """
    rest = content[content.find(b"=") :].lstrip(b"= \t\r\n") if b"=" in content else b""
    if not rest or rest.translate(None, BASE64):
        return _from_piece(content)
    found: list[bytes] = []
    for piece in islice(_PIECE.finditer(content), MOST_PIECES):
        try:
            found.append(binascii.a2b_base64(piece[0]))
        except binascii.Error:
            found.append(_from_piece(piece[0]))
            break
    return b"".join(found)


def _from_piece(content: bytes) -> bytes:
    try:
        return binascii.a2b_base64(content)
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", content)
        whole = len(letters) - (len(letters) % 4 == 1)
        return binascii.a2b_base64(letters[:whole] + b"=" * (-whole % 4))


def _content(encoding: str, text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    if encoding in "bB":
        return from_base64(encoded)
    return binascii.a2b_qp(encoded.replace(b"_", b" "), header=True)
