"""The engines that these tests stop and kill: those that `servers/` started, and no others."""

import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from tests.lacking import lacking
from tests.live.own_engine import SERVERS

NAMES = ("kafka", "cassandra", "elasticsearch", "redis", "s3", "clamd")


def check() -> None:
    """End a test unless all engines run, and are those that the settings name."""
    status = _run("status", *NAMES)
    if status.returncode != 0:
        lacking(f"needs the engines of `servers/up`:\n{status.stdout}")
    told = dict(
        line.removeprefix("export ").split("=", 1) for line in _run("env").stdout.splitlines()
    )
    others = [name for name, value in told.items() if os.environ.get(name) != value.strip("'\"")]
    if others:
        lacking(f'needs eval "$(servers/env)": {", ".join(others)} name other engines')


def call(command: str, *names: str) -> None:
    """Run one of the commands of `servers/`."""
    done = _run(command, *names)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def away(name: str, *, how: str = "down") -> Generator[None]:
    """Have an engine stopped (or killed: ``kill``) meanwhile."""
    call(how, name)
    try:
        yield
    finally:
        call("up", name)


@contextmanager
def hanging(name: str) -> Generator[None]:
    """Have an engine hang meanwhile: connections stay, and nothing is answered."""
    folder = Path(os.environ.get("RILLMAIL_SERVERS_DATA") or SERVERS.parent / "data" / "servers")
    pid = int((folder / name / "pid").read_text().split()[0])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def empty_redis() -> None:
    """Have Redis lose all that it holds."""
    with Redis.from_url(os.environ["RILLMAIL_REDIS_URL"]) as redis:
        redis.flushall()


def _run(command: str, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SERVERS / command, *names], capture_output=True, text=True, check=False)
