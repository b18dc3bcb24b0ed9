"""CPU seconds and memory of a process and all that it started, from /proc (Linux).

CPU is user and system time of all threads, ended ones included, and of children, those
that ended and were waited for included: so a difference of two readings misses nothing.
"""

import contextlib
import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
MIB = 1024 * 1024
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What lies in memory, in MiB.

    Attributes:
        rss: All pages, shared ones counted whole.
        pss: Shared pages divided among those who share them.
    """

    rss: float
    pss: float


def family(roots: Iterable[int]) -> set[int]:
    """Return the processes *roots* and all that descend from them, as far as they live."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def cpu_s(roots: Iterable[int]) -> float:
    """Return the CPU seconds spent so far by *roots*, what they started and what that reaped."""
    spent_s = 0.0
    for pid in family(roots):
        # utime, stime, cutime, cstime: numbers 14 to 17 in proc(5)
        own, reaped = (sum(map(int, _stat(pid)[at : at + 2])) * _TICK_S for at in (11, 13))
        # Ticks are rounded down, much for many small processes; the other misses ended threads.
        spent_s += max(own, _scheduled_s(pid)) + reaped
    return spent_s


def own_cpu_s() -> float:
    """Return the CPU seconds of this process: what the load itself costs."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(roots: Iterable[int]) -> Memory:
    """Return what *roots* and what they started hold in memory now."""
    rss = pss = 0
    for pid in family(roots):
        with contextlib.suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name == "Rss":
                    rss += int(rest.split()[0])
                elif name == "Pss":
                    pss += int(rest.split()[0])
    return Memory(rss=rss / 1024, pss=pss / 1024)


def forget_peak(pid: int) -> None:
    """Let the peak of *pid* begin anew with what it holds now (proc(5), clear_refs)."""
    (PROC / str(pid) / "clear_refs").write_text("5")


def peak_rss(pid: int) -> float:
    """Return the most MiB that *pid* held at once since it started, or since ``forget_peak``."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _scheduled_s(pid: int) -> float:
    """Return the exact time that the living threads of *pid* ran; 0 where that is not told."""
    nanoseconds = 0
    with contextlib.suppress(OSError):
        for thread in (PROC / str(pid) / "task").iterdir():
            nanoseconds += int((thread / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def _stat(pid: int) -> list[str]:
    """Return the fields from the state on, without the name, which may hold spaces."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []  # it ended meanwhile
