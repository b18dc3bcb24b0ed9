"""The least that takes mail durably: aiosmtpd, and a Maildir with one fsynced file a mail.

No index, no counts, no checks: what Python and a disk cost before anything is done with a
mail. Run as a process of its own: ``python -m bench.peers.minimal FOLDER`` prints its port.
"""

import asyncio
import os
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Maildir:
    """Writes each mail to a folder of each recipient, and answers when the disk has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store one mail (aiosmtpd calls this by its name)."""
        content = envelope.content
        for recipient in envelope.rcpt_tos:
            self._keep(recipient, content if isinstance(content, bytes) else b"")
        return "250 kept"

    def _keep(self, recipient: str, content: bytes) -> None:
        new = self._folder / recipient / "new"
        new.mkdir(parents=True, exist_ok=True)
        self._count += 1
        part = self._folder / f"{self._count}.part"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(new / f"{self._count}")
        descriptor = os.open(new, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


async def serve(folder: Path) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    maildir = Maildir(folder)
    server = await loop.create_server(
        lambda: SMTP(maildir, hostname="minimal.example", loop=loop), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
