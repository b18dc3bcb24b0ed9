"""Several scanners as one: each has a say, the worst verdict counts."""

from topologies.events.inbound import VirusVerdict
from topologies.ports.antivirus import Antivirus

CLEAN = VirusVerdict(result="clean")


class AllScanners:
    """Asks one after the other, so name the cheap ones first: an infection ends it."""

    def __init__(self, *scanners: Antivirus) -> None:
        self._scanners = scanners

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        worst = CLEAN
        for scanner in self._scanners:
            verdict = await scanner.scan(content, file_name=file_name)
            if verdict.result == "infected":
                return verdict
            if verdict.result == "unscannable" and worst.result == "clean":
                worst = verdict
        return worst
