"""Header fields as they are written: folded lines, encoded words, quoted names.

Takes texts without control characters and addresses that are valid; decides where a line ends
and what is encoded. Standards: RFC 5322 §2.2.3 and §3.4, RFC 2047, RFC 6532 for addresses
beyond ASCII.
"""

import base64
import re
from collections.abc import Iterator, Sequence

from topologies.events import Address

LINE_CHARACTERS = 76  # RFC 2047 §2, of a line with encoded words; RFC 5322 would like 78
LONGEST_WORD = 300  # what can't be folded and is longer is encoded: a line has 998 at most
_ENCODED_BYTES = 39  # in base64 with its frame 64 characters, beside `Subject: ` too

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_WORD = re.compile(r" *[^ ]+")
_SPECIAL = re.compile(r'["\\]')


def text_field(name: str, text: str) -> str:
    """Return a field of free text, such as Subject, with its line end."""
    if not _is_plain(text):
        return f"{name}: " + "\r\n ".join(_encoded(text)) + "\r\n"
    lines: list[str] = []
    line = f"{name}:"
    for word in _WORD.findall(f" {text}"):
        # The space that a line is broken at begins the next, so none is lost (§2.2.3).
        if len(line) + len(word) > LINE_CHARACTERS and line != f"{name}:":
            lines.append(line)
            line = ""
        line += word
    return "\r\n".join([*lines, line]) + "\r\n"


def address_field(name: str, addresses: Sequence[Address]) -> str:
    """Return a field of addresses, such as To, one a line."""
    return f"{name}: " + ",\r\n ".join(map(_mailbox, addresses)) + "\r\n"


def id_field(name: str, ids: Sequence[str]) -> str:
    """Return a field of message ids (RFC 5322 §3.6.4, without <>), one a line.

    An id is never broken or encoded, however long: nobody would find what it refers to.
    """
    return f"{name}: " + "\r\n ".join(f"<{each}>" for each in ids) + "\r\n"


def _mailbox(address: Address) -> str:
    if not address.name:
        # In brackets where a reader might take a quoted local part for a name.
        is_quoted = address.address.startswith('"')
        return f"<{address.address}>" if is_quoted else address.address
    if not _is_plain(address.name) or len(address.name) > LONGEST_WORD:
        shown = "\r\n ".join(_encoded(address.name))
    elif _ATOMS.fullmatch(address.name):
        shown = address.name
    else:
        shown = '"' + _SPECIAL.sub(r"\\\g<0>", address.name) + '"'
    last = len(shown) - (shown.rfind("\n") + 1)
    fits = last + len(address.address) + len("Cc:  <>,") <= LINE_CHARACTERS
    return f"{shown} <{address.address}>" if fits else f"{shown}\r\n <{address.address}>"


def _is_plain(text: str) -> bool:
    """Tell whether *text* is read again as it is: no encoded word, real or in appearance."""
    return (
        text.isascii()
        and "=?" not in text
        and text == text.strip(" ")
        and max(map(len, text.split(" "))) <= LONGEST_WORD
    )


def _encoded(text: str) -> Iterator[str]:
    """Yield *text* as encoded words, which a reader joins again."""
    # RFC 2047 §5: each holds whole characters.
    part = b""
    for character in text:
        octets = character.encode()
        if len(part) + len(octets) > _ENCODED_BYTES:
            yield _encoded_word(part)
            part = b""
        part += octets
    yield _encoded_word(part)


def _encoded_word(octets: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(octets).decode()}?="
