"""What the name of a file tells: that it would run, or that it is made to be misread."""

import re
from pathlib import PurePosixPath

from connectors.scanner.members import Member
from topologies.events.inbound import Finding

# What systems run or install when it is opened, by the end of its name.
_PROGRAMS = frozenset(
    """
    .exe .scr .com .pif .cpl .msi .msp .mst .msix .msixbundle .appx .appxbundle .application
    .appref-ms .xll .gadget .diagcab .msc .reg .scf .lnk .library-ms .search-ms
    .settingcontent-ms .chm .iso .img .vhd .vhdx .jar .jnlp .apk .dmg .pkg
    """.split()
)
_SCRIPTS = frozenset(
    ".bat .cmd .vbs .vbe .js .jse .mjs .wsf .wsh .wsc .sct .hta .ps1 .psm1 .command".split()
)
_DOCUMENTS = frozenset(
    """
    .pdf .doc .docx .xls .xlsx .ppt .pptx .rtf .odt .ods .txt .csv .jpg .jpeg .png .gif .mp3
    .mp4 .html .htm .xml .eml
    """.split()
)
# They show what follows them from right to left, so that a name seems to end in .pdf.
_TURNING = re.compile("[\u202d\u202e\u2066-\u2068]")


def last_of(name: str) -> str:
    """Return *name* without folders."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2]


def is_program(name: str) -> bool:
    """Return whether a file of this name would run when it is opened."""
    return _suffixes(name)[-1:] != [] and _suffixes(name)[-1] in _PROGRAMS | _SCRIPTS


def findings(name: str, content: bytes | None) -> list[Finding]:
    """Return what the name of a file tells.

    Args:
        name: As people see it.
        content: None: it can't be read.
    """
    suffixes = _suffixes(name)
    if not suffixes:
        return []
    last = suffixes[-1]
    if last == ".com" and content is not None and not _is_binary(content):
        return []  # a text that is called as a site
    if last not in _PROGRAMS | _SCRIPTS:
        return []
    found = [
        Finding(kind="executable", name=f"{'script' if last in _SCRIPTS else 'program'} ({last})")
    ]
    if _TURNING.search(name) or (len(suffixes) == 2 and suffixes[0] in _DOCUMENTS):
        found.append(Finding(kind="suspicious", name="Program-Disguised-As-Document"))
    return found


def of_member(member: Member) -> list[Finding]:
    """Return what the name of a member tells."""
    return findings(last_of(member.name), member.content) if member.is_named_for_people else []


def _suffixes(name: str) -> list[str]:
    # Windows does not see dots and blanks at the end.
    path = PurePosixPath(last_of(name).rstrip(" .") or "-")
    return [suffix.strip().lower() for suffix in path.suffixes[-2:]]


def _is_binary(content: bytes) -> bool:
    return any(byte < 9 for byte in content[:512])
