"""TNEF: what Outlook packs into `winmail.dat` ([MS-OXTNEF] §2.1)."""

from connectors.scanner.bounds import Budget, Unreadable
from connectors.scanner.members import Inside, Member

MAGIC = b"\x78\x9f\x3e\x22"
_TITLE, _DATA, _BEGINS = 0x00018010, 0x0006800F, 0x00069002


def open_tnef(content: bytes, budget: Budget) -> Inside:
    """Yield the attachments in *content*."""
    at, title, data = 6, "", b""
    while at + 9 <= len(content):
        attribute = int.from_bytes(content[at + 1 : at + 5], "little")
        size = int.from_bytes(content[at + 5 : at + 9], "little")
        value = content[at + 9 : at + 9 + size]
        if len(value) < size:
            raise Unreadable("damaged archive")
        if attribute == _BEGINS and data:  # of the next attachment
            yield Member(title, data)
            title, data = "", b""
        elif attribute == _TITLE:
            title = value.rstrip(b"\0").decode("utf-8", "replace")
        elif attribute == _DATA:
            budget.file()
            budget.spend(len(value))
            data = value
        at += 9 + size + 2  # a checksum
    if data:
        yield Member(title, data)
