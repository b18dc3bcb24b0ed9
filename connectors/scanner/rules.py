"""A malware scanner that needs no daemon: what a file is, whatever it is called, and what it does.

Finds programs and scripts, macros, files that are made to deceive, and what can't be looked into,
in all that can be unpacked; and what the deployment's own YARA rules say. It knows no signatures
of real malware: a deployment that needs those uses ClamAV.
"""

import asyncio
import functools
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from connectors.scanner import archives, names
from connectors.scanner.bounds import DEEPEST, Budget, TooMuch, Unreadable
from connectors.scanner.members import Member
from connectors.scanner.yara import YaraRules
from topologies.events.inbound import Finding, VirusVerdict
from topologies.mail import malware

IN_THREAD_BYTES = 64 * 1024  # larger contents are scanned beside the event loop
LONGEST_PART_NAME = 200  # characters
MOST_FINDINGS = 200  # of one content; there are no more kinds than a few

# Their own, so that archives that take long hold up other archives alone.
_threads = ThreadPoolExecutor(4, thread_name_prefix="scan")

# In two pieces, so that no scanner takes this file for the test file.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@functools.cache
def _our_rules() -> YaraRules:
    return YaraRules()  # compiled once, which costs 0.1 s


class RulesScanner:
    """Scans by rules. Has no state: the same content has the same verdict."""

    def __init__(self, yara_folder: str = "") -> None:
        """Compile the rules.

        Args:
            yara_folder: Holds rules of the deployment; empty: ours alone.

        Raises:
            Misconfigured: They are none; says what is wrong with them.
        """
        self._yara = YaraRules(yara_folder) if yara_folder else _our_rules()

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        is_archive = archives.opener(content, file_name) is not None
        if is_archive or len(content) > IN_THREAD_BYTES:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(_threads, self._scan, content, file_name)
        return self._scan(content, file_name)

    async def close(self) -> None: ...  # holds nothing

    def _scan(self, content: bytes, file_name: str) -> VirusVerdict:
        found: list[Finding] = []
        budget = Budget(size_bytes=len(content))
        for finding in self._inside(Member(file_name, content), budget, 0):
            found.append(_within(finding, ""))
            if finding.kind == "malware" or len(found) >= MOST_FINDINGS:
                break
        return malware.verdict_of(found)

    def _inside(self, member: Member, budget: Budget, depth: int) -> Iterator[Finding]:
        """Yield what is found in *member* and all that is in it; ``part`` is a path within."""
        yield from names.of_member(member)
        content = member.content
        if content is None:
            yield Finding(kind=member.kind, name=member.reason)
            return
        yield from self._yara.findings(content, names.last_of(member.name))
        opened = archives.opener(content, member.name)
        if opened is None:
            return
        if depth >= DEEPEST:
            yield Finding(kind="bomb", name="archives in archives in archives")
            return
        try:
            for inner in opened(content, budget):
                if isinstance(inner, Finding):
                    yield inner
                    continue
                for finding in self._inside(_named(inner, member.name), budget, depth + 1):
                    yield _within(finding, inner.name)
        except TooMuch as error:
            yield Finding(kind=error.kind, name=str(error))
        except Unreadable as error:
            yield Finding(kind="unscannable", name=str(error))


def _named(inner: Member, outer: str) -> Member:
    if inner.name or not outer:
        return inner
    # A packed file has the name of its archive without the last suffix.
    name = str(PurePosixPath(names.last_of(outer) or "-").with_suffix(""))
    return Member(name, inner.content, inner.kind, inner.reason)


def _within(finding: Finding, name: str) -> Finding:
    part = "/".join(filter(None, (name, finding.part)))
    part = "".join("?" if unicodedata.category(c)[0] == "C" else c for c in part)
    return Finding(kind=finding.kind, name=finding.name, part=part[:LONGEST_PART_NAME])
