"""What the stages did, as Prometheus counts and as log lines: one for each record and stage.

Reads what the engine tells; writes to a registry of its own, and to the log. The figures are
those of ``connectors.metric_list``, and docs/metrics.md lists them.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from connectors import metric_list as listed
from connectors.memory.clock import SystemClock
from connectors.metric_families import counter, gauge, histogram
from connectors.peer_names import PeerNames
from topologies.events import (
    SENT,
    DeliveryAttempted,
    MailboxChanged,
    MailScored,
    MailUndeliverable,
)
from topologies.events.base import Event
from topologies.ports.clock import Clock
from topologies.ports.observer import Result

_logger = structlog.get_logger("stage")


class Metrics:
    """Counts of one process; an ``Observer`` of the engine."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Begin with nothing counted; *clock* is the system's unless another is given."""
        self._clock = clock or SystemClock()
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._records = counter(listed.STAGE_RECORDS, registry)
        self._seconds = histogram(listed.STAGE_SECONDS, registry)
        self._buried = counter(listed.BURIED, registry)
        self._mails = counter(listed.MAILS, registry)
        self._undeliverable = counter(listed.UNDELIVERABLE, registry)
        self._end_to_end = histogram(listed.END_TO_END, registry)
        self._deliveries = counter(listed.DELIVERIES, registry)
        self._answers = counter(listed.PEER_ANSWERS, registry)
        self._http = histogram(listed.HTTP_SECONDS, registry)
        self._dependency_s = histogram(listed.DEPENDENCY_SECONDS, registry)
        self._gauges = {
            figure.name: gauge(figure, registry)
            for figure in (
                *(listed.LAG_RECORDS, listed.LAG_SECONDS, listed.OLDEST_SECONDS, listed.DEAD),
                *(listed.WAITING, listed.LATER, listed.QUEUE, listed.READY),
                *(listed.DEPENDENCY_UP, listed.LOG_BYTES, listed.LOG_LIMIT),
                *(listed.DISK_FREE, listed.DISK_RESERVE),
            )
        }
        self._peers = PeerNames()
        # Their children are looked up once, since that costs more than counting.
        self._count = cache(self._records.labels)
        self._time = cache(self._seconds.labels)
        self._until = cache(self._end_to_end.labels)
        self._asked = cache(self._http.labels)

    def handled(
        self,
        stage: str,
        result: Result,
        *,
        key: str,
        event_id: str,
        seconds: float,
        attempt: int,
        read: Event | None = None,
        written: Sequence[Event] = (),
        reason: str = "",
    ) -> None:
        """Count and log one try; see ``Observer``."""
        self._count(stage, result).inc()
        self._time(stage).observe(seconds)
        for event in written:
            self._written(event)
        if isinstance(read, MailboxChanged):
            self._there(read, "notified" if stage == "notify" else "")
        about = _about(read)
        if result == "done":
            _logger.info("done", stage=stage, key=key, event_id=event_id, ms=_ms(seconds), **about)
            return
        if result != "again":
            self._buried.labels(stage, result).inc()
        log = _logger.warning if result == "again" else _logger.error
        log(
            result,
            stage=stage,
            key=key,
            event_id=event_id,
            ms=_ms(seconds),
            attempt=attempt,
            reason=reason,
            **about,
        )

    def stands(
        self,
        *,
        lag: Mapping[str, int],
        dead: Mapping[str, int],
        waiting: int,
        later: Mapping[str, int] | None = None,
        lag_s: Mapping[str, float] | None = None,
        oldest_s: Mapping[str, float] | None = None,
        is_ready: bool = True,
    ) -> None:
        """Take note of how things stand.

        Args:
            lag: Records by group.
            dead: Dead letters by path.
            waiting: Records that are tried again.
            later: Records by topic.
            lag_s: Age of the oldest of *lag*, by group.
            oldest_s: Since when the oldest of *waiting* is tried, by stage.
            is_ready: As ``/readyz`` tells.
        """
        self.tell(listed.WAITING, waiting)
        self.tell(listed.READY, int(is_ready))
        self.tell_all(listed.LAG_RECORDS, lag)
        self.tell_all(listed.LAG_SECONDS, dict.fromkeys(lag, 0.0) | dict(lag_s or {}))
        self.tell_all(listed.OLDEST_SECONDS, oldest_s or {})
        self.tell_all(listed.DEAD, dead)
        self.tell_all(listed.LATER, later or {})

    def tell(self, figure: listed.Figure, value: float) -> None:
        """Let a gauge without labels tell *value*."""
        self._gauges[figure.name].set(value)

    def tell_all(self, figure: listed.Figure, values: Mapping[str, float]) -> None:
        """Let a gauge with one label tell *values* and no others."""
        told = self._gauges[figure.name]
        told.clear()  # what is settled is not told for ever
        for label, value in values.items():
            told.labels(label).set(value)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Take note of a request; *route* is its path's template, empty where it has none."""
        method = method if method in listed.METHODS else listed.OTHER
        child: Any = self._asked(method, route or listed.OTHER, listed.code_class(status))
        child.observe(seconds)

    def looked(self, dependency: str, *, is_up: bool, seconds: float) -> None:
        """Take note that an engine was looked for, and answered within *seconds* or did not."""
        self._gauges[listed.DEPENDENCY_UP.name].labels(dependency).set(int(is_up))
        self._dependency_s.labels(dependency).observe(seconds)

    def also(self, collector: Collector) -> None:
        """Tell what *collector* knows as well."""
        self._registry.register(collector)

    def tries(self) -> dict[tuple[str, str], float]:
        """Return how often each stage was tried so far, by stage and result."""
        return {
            (sample.labels["stage"], sample.labels["result"]): sample.value
            for family in self._records.collect()
            for sample in family.samples
            if sample.name == listed.STAGE_RECORDS.name
        }

    def exposition(self) -> tuple[bytes, str]:
        """Return all figures as text, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def _written(self, event: Event) -> None:
        if isinstance(event, MailScored):
            self._mails.labels(_verdict(event)).inc()
        elif isinstance(event, MailboxChanged):
            self._there(event, "stored")
        elif isinstance(event, MailUndeliverable):
            self._undeliverable.inc()
        elif isinstance(event, DeliveryAttempted) and not event.is_late:
            for each in event.results:
                self._deliveries.labels(each.status).inc()
                peer = self._peers.name_of(event.destination)
                answer = listed.code_class(each.code) if each.code else "none"
                self._answers.labels(peer, answer).inc()

    def _there(self, change: MailboxChanged, until: str) -> None:
        # What was read before it came is of an old archive, and has the dates of that.
        is_new = change.kind == "email.added" and (not change.is_read or change.folder_id == SENT)
        if is_new and until:
            # A copy's change is of the moment at which its mail was accepted.
            seconds = (self._clock.now() - change.changed_at).total_seconds()
            self._until(until).observe(max(0.0, seconds))


def _about(read: Event | None) -> dict[str, str]:
    """Return which mail *read* is about, as far as it says so."""
    about: dict[str, str] = {}
    for name in ("mail_id", "email_id"):
        if value := getattr(read, name, ""):
            about[name] = value
    return about


def _verdict(mail: MailScored) -> str:
    if mail.virus.result != "clean":
        return mail.virus.result
    return "spam" if mail.spam.is_spam else "ham"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
