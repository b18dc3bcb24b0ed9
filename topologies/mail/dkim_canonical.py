"""The form in which a message is signed: canonicalisation of header fields and body.

Pure, and linear in the size of what is given (RFC 6376 §3.4). Lines end with CRLF; a CR or
LF alone is a character like any other.
"""

import re
from typing import Literal

Form = Literal["simple", "relaxed"]
CRLF = b"\r\n"

_UNEVEN_SPACE = re.compile(rb"[ \t]{2,}|\t")  # only what changes, since most spaces do not
# RFC 6376 §3.7: the signature's own value is taken as empty.
_OWN_VALUE = re.compile(rb"((?:^[^;:]*:|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Return the header block, without the empty line, and the body."""
    if raw.startswith(CRLF):
        return b"", raw[2:]
    header, _, body = raw.partition(CRLF + CRLF)
    return header.removesuffix(CRLF), body


def fields(header: bytes) -> list[tuple[str, bytes]]:
    """Return (name in lower case, the whole field without its last CRLF), from top to bottom."""
    found: list[list[bytes]] = []
    for line in header.split(CRLF):
        if line[:1] in (b" ", b"\t") and found:
            found[-1].append(line)
        else:
            found.append([line])
    return [(_name(lines[0]), CRLF.join(lines)) for lines in found]


def _name(line: bytes) -> str:
    return line.partition(b":")[0].strip(b" \t").lower().decode("latin-1")


def field(raw_field: bytes, form: Form) -> bytes:
    """Return one header field in *form*, without CRLF at its end (§3.4.1, §3.4.2)."""
    if form == "simple":
        return raw_field
    name, _, value = raw_field.partition(b":")
    unfolded = _UNEVEN_SPACE.sub(b" ", value.replace(CRLF, b""))
    return name.strip(b" \t").lower() + b":" + unfolded.strip(b" ")


def without_own_value(signature: bytes) -> bytes:
    """Return a DKIM-Signature field as it was when it was signed."""
    return _OWN_VALUE.sub(rb"\1", signature, count=1)


def body(raw_body: bytes, form: Form) -> bytes:
    """Return the body in *form* (§3.4.3, §3.4.4)."""
    text = raw_body
    if form == "relaxed":
        text = _UNEVEN_SPACE.sub(b" ", text).replace(b" \r\n", CRLF)
        if text.endswith(b" "):
            text = text[:-1]
    text = _without_empty_lines_at_end(text)
    if not text:
        return CRLF if form == "simple" else b""
    return text if text.endswith(CRLF) else text + CRLF


def _without_empty_lines_at_end(text: bytes) -> bytes:
    """Return *text* with at most one CRLF at its end, and none if nothing else is left."""
    visible = len(text.rstrip(CRLF))
    tail = text[visible:]
    if len(tail) <= 2:
        return b"" if text == CRLF else text
    # Where the unbroken run of CRLF begins: after the last place that is none.
    start = max(tail.rfind(b"\r\r"), tail.rfind(b"\n\n")) + 1
    if tail.startswith(b"\n", start):
        start += 1
    if tail.endswith(b"\r") or len(tail) - start < 2:
        return text
    kept = text[: visible + start]
    return kept + CRLF if kept else b""
