"""The header of a message that a mail client hands over: who it names, and Bcc taken out.

Pure. RFC 6409 §6, §8; RFC 5322 §3.6.3 for Bcc.
"""

from collections.abc import Sequence

from topologies.mail import address_list, dkim_canonical

_END = b"\r\n\r\n"


def is_whole(start: bytes) -> bool:
    """Return whether *start*, of a message, holds the end of its header."""
    return _END in start or start.startswith(b"\r\n")


def named(start: bytes, name: str) -> list[tuple[str, ...]]:
    """Return the addresses in each field called *name*, as they are written."""
    header, _ = dkim_canonical.split(start)
    return [
        tuple(each.address for each in address_list.read(field.partition(b":")[2])[0])
        for found, field in dkim_canonical.fields(header)
        if found == name
    ]


def without_bcc(start: bytes) -> tuple[bytes, int]:
    """Return the header without Bcc, its empty line included, and how long it was with it."""
    if start.startswith(b"\r\n"):
        return b"", 0
    header, end, _ = start.partition(_END)
    fields = dkim_canonical.fields(header.removesuffix(b"\r\n"))
    kept = [field for name, field in fields if name not in ("bcc", "resent-bcc")]
    if len(kept) == len(fields):
        return header + end, len(header) + len(end)
    return b"".join(field + b"\r\n" for field in kept) + b"\r\n", len(header) + len(end)


def unseen(start: bytes, recipients: Sequence[str]) -> tuple[str, ...]:
    """Return those of *recipients* whom neither To nor Cc names."""
    shown = {
        address.lower()
        for name in ("to", "cc")
        for addresses in named(start, name)
        for address in addresses
    }
    return tuple(each for each in recipients if each.lower() not in shown)
