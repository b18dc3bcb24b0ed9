"""A program as a container would run it: process 1, without rights, nearly everything read-only."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lacking import lacking

UID = 10_001


class Isolated:
    """One that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log

    def number_inside(self) -> str:
        """Return its process number as it sees it itself."""
        status = Path(f"/proc/{self._child()}/status").read_text()
        [number] = re.findall(r"NSpid:\t\d+\t(\d+)", status)
        return str(number)

    def terminate(self, within_s: float) -> int:
        """End it as Kubernetes does, and return its exit status."""
        os.kill(self._child(), signal.SIGTERM)
        return self._process.wait(within_s)

    def told(self) -> str:
        """Return the end of what it wrote."""
        return self._log.read_text(errors="replace")[-3_000:]

    def _child(self) -> int:
        pid = self._process.pid
        [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(child)


@contextmanager
def isolated(
    command: Sequence[str], environment: Mapping[str, str], data: Path
) -> Generator[Isolated]:
    """Run *command* until the context ends; it may write to *data* and to /tmp alone.

    The network stays that of the machine. Skipped where one may not make namespaces, except in CI.
    """
    python, home = data.parent / "python", Path.home()
    python.mkdir(exist_ok=True)
    # Whoever has no rights can't look into the home of who built it, where Python may lie.
    reachable = (
        f"mount --bind {sys.base_prefix} {python}; mount -t tmpfs -o mode=755 tmpfs {home};"
        f" mkdir -p {sys.base_prefix}; mount --bind {python} {sys.base_prefix};"
        if Path(sys.base_prefix).is_relative_to(home)
        else ""
    )
    begin = (
        f"{reachable} mount --bind {data} {data}; mount -o remount,bind,ro /;"
        f" mount -t tmpfs tmpfs /tmp; exec setpriv --reuid={UID} --regid={UID} --clear-groups"
        ' --inh-caps=-all --bounding-set=-all --no-new-privs "$@"'
    )
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    can = subprocess.run([*apart, "true"], capture_output=True, text=True)
    if can.returncode != 0:
        lacking(f"needs the right to make namespaces: {can.stderr.strip()}")
    log = data.parent / f"{data.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*apart, "sh", "-ec", begin, "sh", *command],
            env=dict(environment),
            stdout=output,
            stderr=output,
            cwd="/",
        )
    try:
        yield Isolated(process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
