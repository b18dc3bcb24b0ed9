"""Several scanners as one: each has a say, and all that they find counts."""

from topologies.events.inbound import Finding, VirusVerdict
from topologies.mail import malware
from topologies.ports.antivirus import Antivirus


class AllScanners:
    """Asks one after the other, so name the cheap ones first: malware ends it."""

    def __init__(self, *scanners: Antivirus) -> None:
        self._scanners = scanners

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        found: list[Finding] = []
        for scanner in self._scanners:
            verdict = await scanner.scan(content, file_name=file_name)
            found += malware.findings_of(verdict)
            # Nothing is worse; and a bomb shall not go off in the next one as well.
            if any(finding.kind in ("malware", "bomb") for finding in found):
                break
        return malware.verdict_of(found)

    async def close(self) -> None:
        for scanner in self._scanners:
            await scanner.close()
