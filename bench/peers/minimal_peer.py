"""The minimal server as a peer: starts and ends its process."""

import contextlib
import importlib.util
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path


class MinimalPeer:
    """The running process of ``bench.peers.minimal``."""

    name = "minimal"
    meaning = "aiosmtpd and one fsynced Maildir file a mail: no index, no checks"

    def __init__(self, folder: Path, pid: int, smtp_port: int) -> None:
        self._folder = folder
        self.pids = [pid]
        self.smtp_port = smtp_port

    def stored(self) -> int:
        """Return how many files there are."""
        return sum(1 for _ in self._folder.glob("*/new/*"))

    def found(self, recipients: Sequence[str], word: str) -> int | None:
        """Return None: nothing is indexed."""
        del recipients, word
        return None


def why_not() -> str:
    """Return why it can't run here; empty if it can."""
    if importlib.util.find_spec("aiosmtpd"):
        return ""
    return "minimal: not measured, as aiosmtpd is not installed (uv pip install aiosmtpd)"


@contextlib.contextmanager
def running(folder: Path) -> Generator[MinimalPeer]:
    """Run it with its mail in *folder*, which must exist."""
    command = [sys.executable, "-m", "bench.peers.minimal", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield MinimalPeer(folder, process.pid, int(process.stdout.readline()))
        finally:
            process.kill()
