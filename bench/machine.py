"""What the figures depend on: processor, Python, and what a durable write costs here."""

import os
import platform
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.figures import percentile

SYNCS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it was measured."""

    cores: int  # this process may use
    cpu: str
    memory_gib: float
    system: str
    python: str
    sqlite: str
    fsync_ms: float  # median of writing 4 KiB and fsync, in the folder used
    load_before: float  # mean number of running processes in the minute before

    def as_dict(self) -> dict[str, object]:
        """Return it for a report."""
        return asdict(self)


def describe(folder: Path) -> Machine:
    """Look at this machine; *folder* is where the data will lie."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        cpu=_cpu_model(),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        sqlite=sqlite3.sqlite_version,
        fsync_ms=round(_fsync_s(folder) * 1000, 3),
        load_before=round(os.getloadavg()[0], 2),
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _fsync_s(folder: Path) -> float:
    path = folder / "fsync.probe"
    took: list[float] = []
    with path.open("wb") as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    path.unlink()
    return percentile(took, 50)
