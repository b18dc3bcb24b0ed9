"""Whether bytes are malware."""

from typing import Protocol

from topologies.events.inbound import VirusVerdict


class Antivirus(Protocol):
    """Scans what a mail contains. May block for seconds; order does not matter."""

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        """Return the verdict on *content*, a whole raw message or one decoded part.

        ``findings`` names all that was found, also what infects nobody, such as a program;
        ``topologies.mail.malware`` says what it comes to. Archives are looked into within
        bounds; beyond them the verdict is ``unscannable``, never ``clean``. What follows
        from it (``action``) is not the scanner's to say.

        Args:
            content: Is not kept.
            file_name: As people see it; empty for messages and their texts.

        Raises:
            Retryable: The scanner is down. A mail is never passed unscanned.
        """
        ...

    async def close(self) -> None:
        """Give up what is held open meanwhile. Calling it twice is no error."""
        ...
