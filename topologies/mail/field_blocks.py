"""Blocks of fields with blank lines between: what reports for machines are written in.

Reads bytes of any quality (RFC 3464 §2.1.1, RFC 5965 §3); bounded in time and memory.
"""

import re
from collections.abc import Iterator, Mapping

from topologies.mail import header_words

Fields = Mapping[str, tuple[str, ...]]  # by name in lower case

MOST_BYTES = 512 * 1024
MOST_BLOCKS = 1_001
MOST_VALUES = 200  # of one block
LONGEST_VALUE = 2_000

_BLANK_LINE = re.compile(rb"\n[ \t]*\n")
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:(.*)", re.DOTALL)


def blocks_in(content: bytes) -> Iterator[Fields]:
    """Yield the blocks of *content*, those without any field left out."""
    text = content[:MOST_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(b"\n")
    blocks = _BLANK_LINE.split(text, maxsplit=MOST_BLOCKS)
    for block in blocks[:MOST_BLOCKS]:
        fields: dict[str, tuple[str, ...]] = {}
        count = 0
        for line in _unfolded(block):
            match = _FIELD.fullmatch(line)
            if match and count < MOST_VALUES:
                count += 1
                name = match[1].decode().lower()
                value = header_words.text_of(match[2][:LONGEST_VALUE])
                fields[name] = (*fields.get(name, ()), value)
        if fields:
            yield fields


def _unfolded(block: bytes) -> Iterator[bytes]:
    line = b""
    for each in block.split(b"\n"):
        if each[:1] in (b" ", b"\t") and line:
            if len(line) < LONGEST_VALUE:
                line += each
        else:
            if line:
                yield line
            line = each
    if line:
        yield line
