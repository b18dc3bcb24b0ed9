"""The workers of a cluster, each started again when it ends, as a supervisor would."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.process import eventually

ROLES = ("smtp", "api", "inbound", "mailbox", "outbound", "feedback")
AGAIN_S = 1.0  # before a worker that ended is started again
START_WITHIN_S = 180.0
STOP_WITHIN_S = 60.0  # with the engines away, and a machine that others use


class Worker:
    """One `rillmail worker ROLE`."""

    def __init__(self, role: str, name: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.role = role
        self.name = name
        self.endings: list[int] = []  # exit statuses of processes that nobody told to end
        self.health: list[tuple[float, bool, str]] = []  # when asked, whether ready, why not
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._http_url = ""  # empty while none serves
        self._is_over = threading.Event()
        self._running = threading.Thread(target=self._run)
        self._watching = threading.Thread(target=self._watch)
        self._running.start()
        self._watching.start()

    @property
    def is_ready(self) -> bool:
        return bool(self.health) and self.health[-1][1]

    def await_ready(self, timeout_s: float = START_WITHIN_S) -> None:
        since = time.monotonic()
        eventually(
            lambda: self.health[-1:],
            lambda last: last and last[0][1] and last[0][0] > since,
            timeout_s,
        )

    def lag(self) -> int:
        """Return how many records wait for it."""
        told = httpx.get(f"{self._http_url}/readyz", timeout=30).json()["lag"]
        return sum(told.values())

    def kill(self) -> None:
        """SIGKILL; it is started again."""
        if self._process is not None:
            self._http_url = ""
            self._process.kill()

    def leave(self) -> int:
        """End it in order, for good, and return its exit status."""
        self._is_over.set()
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(STOP_WITHIN_S)
        finally:
            self._process.kill()  # if it hangs, which fails the test
            self.join()

    def die(self) -> None:
        """SIGKILL it, for good."""
        self._is_over.set()
        if self._process is not None:
            self._process.kill()
        self.join()

    def join(self) -> None:
        self._running.join()
        self._watching.join()

    def log(self) -> str:
        """Return the end of what it logged."""
        return self._log.read_text(errors="replace")[-3_000:]

    @property
    def _log(self) -> Path:
        return self._folder / f"{self.name}.log"

    def _run(self) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RILLMAIL_")}
        own = {"RILLMAIL_DATA_DIR": str(self._folder / self.name)}
        while not self._is_over.is_set():
            with self._log.open("a") as log:
                self._process = process = subprocess.Popen(
                    [sys.executable, "-m", "api.cli.main", "worker", self.role, "--json"],
                    env=inherited | dict(self._settings) | own,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    cwd=Path(__file__).parents[2],
                )
            with process:
                assert process.stdout is not None
                if line := process.stdout.readline():
                    self._http_url = json.loads(line)["http_url"]
                status = process.wait()
            self._http_url = ""
            if not self._is_over.is_set() and status != -signal.SIGKILL:
                self.endings.append(status)
            self._is_over.wait(AGAIN_S)

    def _watch(self) -> None:
        while not self._is_over.wait(0.5):
            is_ready, reason = False, "no process serves"
            if self._http_url:
                with contextlib.suppress(httpx.HTTPError, ValueError):
                    answer = httpx.get(f"{self._http_url}/readyz", timeout=5)
                    told = answer.json()
                    is_ready, reason = answer.status_code == 200, told["reason"]
            self.health.append((time.monotonic(), is_ready, reason))
