"""What is told of those who take mail, as Prometheus figures, each by the process."""

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from connectors.smtp_in.processes import SmtpProcesses
from connectors.smtp_in.server import SmtpIn

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class SmtpFigures(Collector):
    """Sessions, and for processes beside the service what the service tells of itself."""

    def __init__(self, doors: SmtpIn | SmtpProcesses) -> None:
        self._doors = doors

    def collect(self) -> Iterator[Metric]:
        """Yield the figures as they are now."""
        sessions = GaugeMetricFamily(
            "rillmail_smtp_sessions", "Clients that are connected", labels=("process",)
        )
        if isinstance(self._doors, SmtpIn):
            sessions.add_metric(("0",), self._doors.sessions)
            yield sessions
            return
        restarts = CounterMetricFamily(
            "rillmail_smtp_process_restarts",
            "How often a process that takes mail was started again",
            labels=("process",),
        )
        cpu_s = CounterMetricFamily(
            "rillmail_smtp_process_cpu_seconds", "CPU seconds of its life", labels=("process",)
        )
        resident_bytes = GaugeMetricFamily(
            "rillmail_smtp_process_resident_memory_bytes",
            "Memory that it holds",
            labels=("process",),
        )
        for each in self._doors.processes:
            label = (str(each.number),)
            sessions.add_metric(label, each.sessions)
            restarts.add_metric(label, each.restarts)
            if (used := _used(each.pid)) is not None:
                cpu_s.add_metric(label, used[0])
                resident_bytes.add_metric(label, used[1])
        yield from (sessions, restarts, cpu_s, resident_bytes)


def _used(pid: int) -> tuple[float, int] | None:
    """Return the CPU seconds and the bytes in memory of a process; None where nobody tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # utime, stime and rss: numbers 14, 15 and 24 in proc(5)
    return (int(fields[11]) + int(fields[12])) * _TICK_S, int(fields[21]) * _PAGE_BYTES
