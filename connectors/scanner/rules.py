"""A malware scanner that needs no daemon: a few rules that are sure, in all that can be unpacked.

Finds the EICAR test file and programs that pretend to be documents. It knows no signatures of
real malware: a deployment that needs those uses ClamAV. What can't be looked into is
`unscannable`, never `clean`.
"""

import asyncio
import unicodedata
from pathlib import PurePosixPath

from connectors.scanner import archives
from connectors.scanner.bounds import DEEPEST, Budget, TooMuch, Unreadable
from topologies.events.inbound import VirusVerdict

IN_THREAD_BYTES = 64 * 1024  # larger contents are scanned beside the event loop
LONGEST_PART_NAME = 200  # characters

CLEAN = VirusVerdict(result="clean")
TOO_MUCH = VirusVerdict(result="unscannable", name="archive bomb")

# In two pieces, so that no scanner takes this file for the test file.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

_PROGRAMS = frozenset(
    {".exe", ".scr", ".com", ".pif", ".cpl", ".bat", ".cmd", ".vbs", ".js", ".hta", ".msi"}
)
_DOCUMENTS = frozenset(
    {".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".rtf", ".odt", ".ods", ".txt"}
    | {".csv", ".jpg", ".jpeg", ".png", ".gif", ".mp3", ".mp4", ".html", ".htm", ".xml", ".eml"}
)


class RulesScanner:
    """Scans by rules. Has no state: the same content has the same verdict."""

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        is_archive = archives.opener(content, file_name) is not None
        if is_archive or len(content) > IN_THREAD_BYTES:
            return await asyncio.to_thread(_scan, content, file_name)
        return _rules(content, file_name)


def _scan(content: bytes, file_name: str) -> VirusVerdict:
    verdict = _inside(content, file_name, Budget(), 0)
    if not verdict.part:
        return verdict
    part = "".join("?" if unicodedata.category(c)[0] == "C" else c for c in verdict.part)
    return VirusVerdict(result=verdict.result, name=verdict.name, part=part[:LONGEST_PART_NAME])


def _inside(content: bytes, file_name: str, budget: Budget, depth: int) -> VirusVerdict:
    """Return the verdict on *content* and all that is in it; ``part`` is a path within."""
    verdict = _rules(content, file_name)
    opened = archives.opener(content, file_name)
    if verdict.result != "clean" or opened is None:
        return verdict
    if depth >= DEEPEST:
        return TOO_MUCH
    try:
        for name, inner in opened(content, budget):
            # A packed file has the name of its archive without the last suffix.
            name_inside = (
                name or str(PurePosixPath(file_name).with_suffix("")) if file_name else name
            )
            found = _inside(inner, name_inside, budget, depth + 1)
            if found.result == "infected":
                return _within(found, name)
            if found.result == "unscannable" and verdict.result == "clean":
                verdict = _within(found, name)
    except TooMuch:
        return TOO_MUCH
    except Unreadable as error:
        return VirusVerdict(result="unscannable", name=str(error))
    return verdict


def _within(found: VirusVerdict, name: str) -> VirusVerdict:
    part = "/".join(filter(None, (name, found.part)))
    return VirusVerdict(result=found.result, name=found.name, part=part)


def _rules(content: bytes, file_name: str) -> VirusVerdict:
    if EICAR in content:
        return VirusVerdict(result="infected", name="Eicar-Test-Signature")
    if content.startswith(b"MZ") and _is_disguised(file_name):
        return VirusVerdict(result="infected", name="Program-Disguised-As-Document")
    return CLEAN


def _is_disguised(file_name: str) -> bool:
    """Return whether a program's name is made to be read as that of a document."""
    suffixes = [suffix.strip().lower() for suffix in PurePosixPath(file_name).suffixes[-2:]]
    if not suffixes or suffixes[-1] not in _PROGRAMS:
        return False
    # U+202E shows what follows it from right to left, so that a name seems to end in .pdf.
    return "\u202e" in file_name or (len(suffixes) == 2 and suffixes[0] in _DOCUMENTS)
