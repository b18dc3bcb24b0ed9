"""What senders wish to be told about delivery: the parameters of RFC 3461, read and checked.

Reads values of RET, ENVID, NOTIFY and ORCPT; carries them out nowhere.
"""

import re
from collections.abc import Sequence
from typing import Literal

ENVID_CHARACTERS = 100  # RFC 3461 §4.4
ORCPT_CHARACTERS = 500  # §4.2

Notify = Literal["NEVER", "SUCCESS", "FAILURE", "DELAY"]
Returned = Literal["FULL", "HDRS"]

_NOTIFY: dict[str, Notify] = {
    "NEVER": "NEVER",
    "SUCCESS": "SUCCESS",
    "FAILURE": "FAILURE",
    "DELAY": "DELAY",
}
_RET: dict[str, Returned] = {"FULL": "FULL", "HDRS": "HDRS"}
# §4: any character but "+" and "=", or "+" and two hexadecimal digits in upper case.
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX = re.compile(r"\+([0-9A-F]{2})")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


def ret(value: str) -> Returned:
    """Return how much of the mail is to come back.

    Raises:
        ValueError: It is neither FULL nor HDRS.
    """
    try:
        return _RET[value.upper()]
    except KeyError:
        raise ValueError("RET") from None


def envid(value: str) -> str:
    """Return the sender's own name for this mail.

    Raises:
        ValueError: It is too long or no xtext, or decodes to what is not printable.
    """
    if not 0 < len(value) <= ENVID_CHARACTERS:
        raise ValueError("ENVID")
    return _decoded(value)


def notify(value: str) -> Sequence[Notify]:
    """Return on which occasions the sender is to be told.

    Raises:
        ValueError: One is unknown, given twice, or stands beside NEVER (§4.1).
    """
    try:
        wished: list[Notify] = [_NOTIFY[word] for word in value.upper().split(",")]
    except KeyError:
        raise ValueError("NOTIFY") from None
    if len(set(wished)) != len(wished) or ("NEVER" in wished and len(wished) > 1):
        raise ValueError("NOTIFY")
    return wished


def orcpt(value: str) -> str:
    """Return the address that the sender wrote to, with its type, decoded: ``rfc822;bo@x.example``.

    Raises:
        ValueError: It is too long, has no type, or is no xtext.
    """
    kind, semicolon, address = value.partition(";")
    if len(value) > ORCPT_CHARACTERS or not semicolon or not address:
        raise ValueError("ORCPT")
    if not _ADDRESS_TYPE.fullmatch(kind):
        raise ValueError("ORCPT")
    if kind.lower() == "utf-8":  # RFC 6533 §3: its own encoding, kept as it is
        return f"{kind};{address}"
    return f"{kind};{_decoded(address)}"


def _decoded(xtext: str) -> str:
    if not _XTEXT.fullmatch(xtext):
        raise ValueError("xtext")
    text = _HEX.sub(lambda found: chr(int(found[1], 16)), xtext)
    # §4.2, §4.4: what is encoded are printable ASCII characters.
    if not text.isascii() or not text.isprintable():
        raise ValueError("xtext")
    return text
