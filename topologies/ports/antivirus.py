"""Whether bytes are malware."""

from typing import Protocol

from topologies.events.inbound import VirusVerdict


class Antivirus(Protocol):
    """Scans what a mail contains. May block for seconds; order does not matter."""

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        """Return the verdict on *content*, a whole raw message or one decoded part.

        Archives are looked into within bounds; beyond them the verdict is
        ``unscannable``, never ``clean``.

        Raises:
            Retryable: The scanner is down. A mail is never passed unscanned.
        """
        ...
