"""What is told of those who take mail, as Prometheus figures, each by the process."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from connectors import metric_list as listed
from connectors.metric_families import counters, gauges
from connectors.smtp_in.processes import SmtpProcesses
from connectors.smtp_in.server import SmtpIn

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class SmtpFigures(Collector):
    """Sessions and answers, and for processes beside the service what it tells of them itself."""

    def __init__(self, doors: SmtpIn | SmtpProcesses) -> None:
        self._doors = doors

    def collect(self) -> Iterator[Metric]:
        """Yield the figures as they are now."""
        sessions, answers = gauges(listed.SMTP_SESSIONS), counters(listed.SMTP_REPLIES)
        if isinstance(self._doors, SmtpIn):
            sessions.add_metric(("0",), self._doors.sessions)
            _add(answers, "0", self._doors.answers)
            yield from (sessions, answers)
            return
        restarts, cpu_s = counters(listed.SMTP_RESTARTS), counters(listed.SMTP_CPU)
        resident_bytes = gauges(listed.SMTP_MEMORY)
        for each in self._doors.processes:
            label = (str(each.number),)
            sessions.add_metric(label, each.sessions)
            _add(answers, *label, each.answers)
            restarts.add_metric(label, each.restarts)
            if (used := _used(each.pid)) is not None:
                cpu_s.add_metric(label, used[0])
                resident_bytes.add_metric(label, used[1])
        yield from (sessions, answers, restarts, cpu_s, resident_bytes)


def _add(answers: CounterMetricFamily, process: str, by_codes: Mapping[str, int]) -> None:
    """Add what a process answered, by class and reason."""
    told = Counter[tuple[str, str]]()
    for codes, count in by_codes.items():
        code = int(codes[:3]) if codes[:3].isdecimal() else 500
        told[listed.code_class(code), listed.reason_of(codes)] += count
    for labels, count in sorted(told.items()):
        answers.add_metric((process, *labels), count)


def _used(pid: int) -> tuple[float, int] | None:
    """Return the CPU seconds and the bytes in memory of a process; None where nobody tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # utime, stime and rss: numbers 14, 15 and 24 in proc(5)
    return (int(fields[11]) + int(fields[12])) * _TICK_S, int(fields[21]) * _PAGE_BYTES
