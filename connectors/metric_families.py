"""The figures of the list, as the client library has them: the only place where they are made."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from connectors.metric_list import FIGURES, Figure


def counter(figure: Figure, registry: CollectorRegistry) -> Counter:
    """Return the counter that *figure* says."""
    _check(figure, "counter")
    return Counter(figure.name, figure.help, tuple(figure.labels), registry=registry)


def gauge(figure: Figure, registry: CollectorRegistry) -> Gauge:
    """Return the gauge that *figure* says."""
    _check(figure, "gauge")
    return Gauge(figure.name, figure.help, tuple(figure.labels), registry=registry)


def histogram(figure: Figure, registry: CollectorRegistry) -> Histogram:
    """Return the histogram that *figure* says."""
    _check(figure, "histogram")
    return Histogram(
        figure.name, figure.help, tuple(figure.labels), buckets=figure.buckets, registry=registry
    )


def counters(figure: Figure) -> CounterMetricFamily:
    """Return *figure* for a collector, which adds its values."""
    _check(figure, "counter")
    name = figure.name.removesuffix("_total")
    return CounterMetricFamily(name, figure.help, labels=tuple(figure.labels))


def gauges(figure: Figure) -> GaugeMetricFamily:
    """Return *figure* for a collector, which adds its values."""
    _check(figure, "gauge")
    return GaugeMetricFamily(figure.name, figure.help, labels=tuple(figure.labels))


def _check(figure: Figure, kind: str) -> None:
    if figure not in FIGURES or figure.kind != kind:
        raise ValueError(f"{figure.name} is no {kind} of the list")
