"""The real processes, embedded and of a cluster: started, killed and started again by tests."""

import contextlib
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

T = TypeVar("T")

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 60


class RunningService:
    """One `rillmail run --demo` on a data folder of its own, on free ports."""

    command: tuple[str, ...] = ("run", "--demo")

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.users: list[tuple[str, str]] = []  # (address, password), of the demo domain
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[str] | None = None
        self._clients: list[httpx.Client] = []

    def start(self) -> Self:
        """Start it, and return when it says that it serves."""
        log = (self.folder.parent / f"{self.folder.name}.log").open("a")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RILLMAIL_")}
        doors = ("SMTP", "LMTP", "SUBMISSION", "SUBMISSIONS", "HTTP")
        ports = {f"RILLMAIL_{name}_PORT": "0" for name in doors}
        ports["RILLMAIL_USER_SENDS_PER_HOUR"] = ports["RILLMAIL_USER_SENDS_PER_DAY"] = "0"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.main", *self.command, "--json"],
            env=environment | {"RILLMAIL_DATA_DIR": str(self.folder)} | ports | self._settings,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        log.close()
        assert self._process.stdout is not None
        line = self._process.stdout.readline()  # empty when it ended instead
        if not line:
            self._reap()
        assert line, f"it did not start: {self.errors()}"
        told = json.loads(line)
        self.http_url: str = told["http_url"]
        self.smtp_port = int(told["smtp"].rpartition(":")[2])
        self.lmtp_port = int(told["lmtp"].rpartition(":")[2])
        self.submission_port = int(told.get("submission", "").rpartition(":")[2] or 0)
        self.submissions_port = int(told.get("submissions", "").rpartition(":")[2] or 0)
        self.users = [(address, password) for address, password in told["new_users"]] or self.users
        return self

    @property
    def settings(self) -> dict[str, str]:
        """By which commands find what it works on."""
        return {"RILLMAIL_DATA_DIR": str(self.folder)} | self._settings

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it by SIGKILL; what it started ends by itself."""
        assert self._process is not None
        self._process.kill()
        self._reap()

    def power_cut(self) -> None:
        """End it and what it started by SIGKILL; returns when nobody has its files open."""
        beside = self._children()
        RunningService.kill(self)
        for pid in beside:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: [pid for pid in beside if words_of(pid)], lambda left: not left)

    def smtp_processes(self) -> list[int]:
        """Return the numbers of those beside it that take mail now."""
        return [pid for pid in self._children() if is_smtp_process(pid)]

    def kill_smtp(self) -> int:
        """SIGKILL one of those and return its number; it is started again."""
        [pid, *_] = eventually(self.smtp_processes, bool)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> int:
        """End it in order, and return its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._reap()

    def errors(self) -> str:
        """Return the end of what it logged."""
        log = self.folder.parent / f"{self.folder.name}.log"
        return log.read_text(errors="replace")[-4_000:]

    def send(self, raw: bytes, recipients: Sequence[str], sender: str = "ann@far.example") -> None:
        """Hand a mail over by SMTP; returns when it was accepted for all of *recipients*."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=30) as client:
            refused = client.sendmail(sender, list(recipients), raw)
        assert refused == {}

    def settle(self) -> None:
        """Return when no record of the chains waits to be worked on."""
        url = f"{self.http_url}/readyz"
        eventually(
            lambda: httpx.get(url, timeout=30).json()["lag"].values(), lambda lag: sum(lag) == 0
        )

    def signed_in(self, user: int = 0) -> httpx.Client:
        """Return a client with the token of the *user*-th of the demo users."""
        return self.client_of(*self.users[user])

    def client_of(self, address: str, password: str) -> httpx.Client:
        """Return a client with the token of whoever has that *address*."""
        form = {"username": address, "password": password, "grant_type": "password"}
        client = httpx.Client(base_url=self.http_url, timeout=30)
        self._clients.append(client)
        answer = client.post("/auth/token", data=form)
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children]

    def _reap(self) -> int:
        assert self._process is not None
        status = self._process.wait(STOP_TIMEOUT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return status

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        if self._process is not None:
            self.kill()


def eventually(read: Callable[[], T], is_it: Callable[[T], Any], timeout_s: float = 60) -> T:
    """Return what *read* gives once *is_it* holds of it."""
    deadline = time.monotonic() + timeout_s
    while not is_it(value := read()):
        assert time.monotonic() < deadline, f"still {value!r} after {timeout_s} s"
        time.sleep(0.02)  # between looks, not instead of them
    return value


def emails_of(client: httpx.Client, folder_id: str = "inbox") -> list[dict[str, Any]]:
    """Return all mails of a folder, newest first."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        query = {"limit": 500} | ({"cursor": cursor} if cursor else {})
        answer = client.get(f"/folders/{folder_id}/emails", params=query)
        answer.raise_for_status()
        page = answer.json()
        found += page["emails"]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def words_of(pid: int) -> list[str]:
    """Return by which words a process was started; none: it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    return []


def is_smtp_process(pid: int) -> bool:
    """Return whether the process of that number takes mail beside a service."""
    return any("smtp_process" in word for word in words_of(pid))


class RunningCluster(RunningService):
    """One `rillmail cluster --demo` on the engines that the settings name, in places of its own.

    A worker that ends is started again, on the same ports. Its places in the engines are removed
    by whoever made them: see ``tests.live.engines.cluster_settings``.
    """

    command = ("cluster", "--demo")

    def __init__(
        self, folder: Path, settings: Mapping[str, str], roles: Sequence[str] = ()
    ) -> None:
        ports = {f"RILLMAIL_{name}_PORT": str(free_port()) for name in ("SMTP", "LMTP", "HTTP")}
        super().__init__(folder, {"RILLMAIL_PROFILE": "cluster"} | ports | dict(settings))
        self.command = (*self.command, *roles)

    def workers(self) -> dict[int, str]:
        """Return the role of each worker that runs now, by process number."""
        found: dict[int, str] = {}
        for pid in self._children():
            words = words_of(pid)
            if "worker" in words:
                found[pid] = words[words.index("worker") + 1]
        return found

    def kill_worker(self, role: str) -> int:
        """SIGKILL one worker of *role* and return its number; it is started again."""
        pid = next(pid for pid, each in self.workers().items() if each == role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill(self) -> None:
        """End all of it."""
        self.power_cut()


def free_port() -> int:
    """Return the number of a port that nobody has, at least now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
