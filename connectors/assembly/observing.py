"""How things stand, as both profiles tell it: ages, room, certificates, the queue."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from connectors import metric_list as listed
from connectors.metric_families import gauges
from connectors.metrics import Metrics
from connectors.settings import Settings
from topologies.engines.chain import Waiting
from topologies.errors import MailError
from topologies.ports.deliveries import Deliveries, QueueFilter
from topologies.ports.figures import StageFigures
from topologies.queue import chosen

QUEUE_EVERY_S = 60.0
MOST_IN_QUEUE = 5_000  # deliveries that are counted; of more, the oldest

_logger = structlog.get_logger("service")


def oldest_s(waiting: Collection[Waiting], now: datetime) -> dict[str, float]:
    """Return by stage for how long the oldest of *waiting* has been tried, in seconds."""
    found: dict[str, float] = {}
    for each in waiting:
        age_s = max(0.0, (now - each.since).total_seconds())
        found[each.stage] = max(age_s, found.get(each.stage, 0.0))
    return found


def figures_of(
    rates: Mapping[tuple[str, str], float],
    waiting: Collection[Waiting],
    now: datetime,
    lag_s: Mapping[str, float],
) -> dict[str, StageFigures]:
    """Return how each stage does in this process.

    Args:
        rates: Tries a second, by stage and result.
        waiting: What is tried again.
        now: When that is.
        lag_s: Of each group that is run here the age of the oldest record before it, in seconds.
    """
    oldest = oldest_s(waiting, now)
    many = Counter(each.stage for each in waiting)
    names = {*(stage for stage, _ in rates), *many, *lag_s}

    def rate(name: str, *results: str) -> float:
        return sum(rates.get((name, result), 0.0) for result in results)

    return {
        name: StageFigures(
            done_per_s=rate(name, "done"),
            again_per_s=rate(name, "again"),
            buried_per_s=rate(name, "poison", "exhausted", "bug"),
            waiting=many[name],
            oldest_s=oldest.get(name, 0.0),
            lag_s=lag_s.get(name),
        )
        for name in names
    }


def tell_room(metrics: Metrics, settings: Settings) -> None:
    """Tell how much room the disk of the data folder has."""
    metrics.tell(listed.DISK_RESERVE, settings.disk_reserve_bytes)
    try:
        metrics.tell(listed.DISK_FREE, shutil.disk_usage(settings.data_dir).free)
    except OSError:
        return  # a worker need not have such a folder


async def watch_queue(metrics: Metrics, deliveries: Deliveries) -> None:
    """Tell how many deliveries wait, by destination, every minute for ever."""
    while True:
        try:
            metrics.tell_all(listed.QUEUE, await queue_of(deliveries))
        except MailError as error:
            _logger.warning("queue.unknown", reason=str(error))
        await asyncio.sleep(QUEUE_EVERY_S)


async def queue_of(deliveries: Deliveries) -> dict[str, int]:
    """Return how many deliveries wait: those with most by name, and the others as one."""
    counted = Counter[str]()
    async for delivery in chosen(deliveries, QueueFilter(), most=MOST_IN_QUEUE):
        counted[delivery.destination] += 1
    told = dict(counted.most_common(listed.MOST_DESTINATIONS))
    if others := counted.total() - sum(told.values()):
        told[listed.OTHER] = others
    return told


class CertificateDates(Collector):
    """When the certificates expire that clients are offered, as the files are now."""

    def __init__(self, settings: Settings) -> None:
        self._files = {
            "smtp": settings.tls_certificate,
            "submission": settings.submission_certificate or settings.tls_certificate,
        }

    def collect(self) -> Iterator[Metric]:
        """Yield the figure; of a file that can't be read, nothing."""
        told = gauges(listed.CERTIFICATE_EXPIRY)
        for name, file in self._files.items():
            if file:
                try:
                    found = x509.load_pem_x509_certificate(Path(file).read_bytes())
                except (OSError, ValueError):
                    continue  # half written, perhaps
                told.add_metric((name,), found.not_valid_after_utc.timestamp())
        yield told
