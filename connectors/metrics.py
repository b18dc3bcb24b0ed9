"""What the stages did, as Prometheus counts and as log lines: one for each record and stage.

Reads what the engine tells; writes to a registry of its own, and to the log. The figures are
listed in docs/operations.md.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from topologies.events import DeliveryAttempted, MailScored, MailUndeliverable
from topologies.events.base import Event
from topologies.ports.observer import Result

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)

_logger = structlog.get_logger("stage")


class Metrics:
    """Counts of one process; an ``Observer`` of the engine."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._records = Counter(
            "rillmail_stage_records_total",
            "Tries of records by stage and result",
            ("stage", "result"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "rillmail_stage_seconds",
            "Seconds of one try by stage",
            ("stage",),
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._mails = Counter(
            "rillmail_mails_total",
            "Received mails by verdict: ham, spam, infected, unscannable",
            ("verdict",),
            registry=self._registry,
        )
        self._undeliverable = Counter(
            "rillmail_undeliverable_total",
            "Recipients who could not be reached",
            registry=self._registry,
        )
        self._lag = Gauge(
            "rillmail_lag_records",
            "Records that a consumer group has before it",
            ("group",),
            registry=self._registry,
        )
        self._dead = Gauge(
            "rillmail_dead_letters",
            "Records that no stage could pass and nobody has settled, by path",
            ("path",),
            registry=self._registry,
        )
        self._waiting = Gauge(
            "rillmail_waiting_records",
            "Records that wait to be tried again",
            registry=self._registry,
        )
        self._later = Gauge(
            "rillmail_later_records",
            "Records that wait for their time, by topic",
            ("topic",),
            registry=self._registry,
        )
        self._deliveries = Counter(
            "rillmail_deliveries_total",
            "Recipients at other systems that were tried, by what came of it",
            ("status",),
            registry=self._registry,
        )
        # Their children are looked up once, since that costs more than counting.
        self._count = cache(self._records.labels)
        self._time = cache(self._seconds.labels)

    def handled(
        self,
        stage: str,
        result: Result,
        *,
        key: str,
        event_id: str,
        seconds: float,
        attempt: int,
        written: Sequence[Event] = (),
        reason: str = "",
    ) -> None:
        """Count and log one try; see ``Observer``."""
        self._count(stage, result).inc()
        self._time(stage).observe(seconds)
        for event in written:
            if isinstance(event, MailScored):
                self._mails.labels(_verdict(event)).inc()
            elif isinstance(event, MailUndeliverable):
                self._undeliverable.inc()
            elif isinstance(event, DeliveryAttempted) and not event.is_late:
                for each in event.results:
                    self._deliveries.labels(each.status).inc()
        if result == "done":
            _logger.info("done", stage=stage, key=key, event_id=event_id, ms=_ms(seconds))
            return
        log = _logger.warning if result == "again" else _logger.error
        log(
            result,
            stage=stage,
            key=key,
            event_id=event_id,
            ms=_ms(seconds),
            attempt=attempt,
            reason=reason,
        )

    def stands(
        self,
        *,
        lag: Mapping[str, int],
        dead: Mapping[str, int],
        waiting: int,
        later: Mapping[str, int] | None = None,
    ) -> None:
        """Take note of how things stand: records by group, dead letters by path, later by topic."""
        self._waiting.set(waiting)
        for gauge, counts in ((self._lag, lag), (self._dead, dead), (self._later, later or {})):
            gauge.clear()  # what is settled is not told for ever
            for label, count in counts.items():
                gauge.labels(label).set(count)

    def also(self, collector: Collector) -> None:
        """Tell what *collector* knows as well."""
        self._registry.register(collector)

    def exposition(self) -> tuple[bytes, str]:
        """Return all figures as text, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


def _verdict(mail: MailScored) -> str:
    if mail.virus.result != "clean":
        return mail.virus.result
    return "spam" if mail.spam.is_spam else "ham"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
