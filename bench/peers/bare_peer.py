"""The bare HTTP server as a peer: starts and ends its process, and asks it."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Generator

from bench.http_client import HttpClient

TOKEN = "rm_" + "x" * 43  # as long as those that ours is asked with
NAME = "f" * 44  # makes the request about as long


class Bare:
    """The running process of ``bench.peers.bare``, and a kept connection to it."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def ask(self, count: int) -> Callable[[], bytes]:
        """Return what asks for *count* bytes once."""
        request = self._client.prepared("GET", f"/bytes/{count}", named=NAME)
        return lambda: self._client.exchange(request)


@contextlib.contextmanager
def running() -> Generator[Bare]:
    """Run it."""
    command = [sys.executable, "-m", "bench.peers.bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(process.stdout.readline())}"
            with HttpClient(url, TOKEN) as client:
                yield Bare(client)
        finally:
            process.kill()
