"""What a command needs to run stages on the log as it stands: their services, and topics aside."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from connectors.access import access_of
from connectors.assembly.data_folder import locked, usable_folder
from connectors.assembly.stores import Stores, antivirus_of, close_services, services_of
from connectors.memory.notices import MemoryNotices
from connectors.memory.reputations import MemoryReputations
from connectors.settings import Settings
from connectors.sqlite.log import SqliteLog
from connectors.sqlite.log_rewinder import SqliteRewinder
from topologies.engines.handling import Services
from topologies.ports.log import Rewinder
from topologies.ports.reputations import Reputations


@asynccontextmanager
async def services_for(settings: Settings, stores: Stores) -> AsyncGenerator[Services]:
    """Yield an answer for each port that stages name, on *stores*; close what was opened for that.

    What the embedded service knows of senders lives in its process alone: here nothing is known.
    """
    services = services_of(settings, stores, MemoryNotices(), antivirus_of(settings))
    try:
        yield {**services, Reputations: _reputations(settings, stores)}
    finally:
        await close_services(services)


def rewinder_of(settings: Settings, stores: Stores) -> Rewinder:
    """Return who sets consumer groups of this deployment back."""
    if settings.profile == "cluster":
        from connectors.kafka.rewinder import KafkaRewinder

        return KafkaRewinder(
            settings.kafka_servers,
            access=access_of(settings, "kafka"),
            prefix=settings.topic_prefix,
        )
    if not isinstance(stores.log, SqliteLog):
        raise TypeError("the log of one process is a file")
    return SqliteRewinder(stores.log, lambda: locked(usable_folder(settings)))


async def make_topic(settings: Settings, name: str) -> None:
    """Let there be a topic *name* that no stage reads, and whose records are kept as usual.

    Raises:
        Retryable: The brokers are out of reach.
    """
    if settings.profile != "cluster":
        return  # the log of one process makes them as they are written
    from connectors.assembly.reaching import kafka_admin_of
    from connectors.kafka.client import LARGEST_RECORD_BYTES
    from connectors.kafka.topics import ADDED_BYTES

    admin = kafka_admin_of(settings)
    topic = settings.topic_prefix + name
    if topic not in await admin.partitions():
        configs = {
            "max.message.bytes": str(LARGEST_RECORD_BYTES + ADDED_BYTES),
            "retention.ms": str(settings.log_retention_hours * 3_600_000),
        }
        await admin.create(topic, settings.partitions, settings.kafka_replication, configs)


def _reputations(settings: Settings, stores: Stores) -> Reputations:
    if settings.profile != "cluster":
        return MemoryReputations(stores.clock)
    from connectors.assembly.cluster_stores import ClusterStores
    from connectors.redis.reputations import RedisReputations

    if not isinstance(stores, ClusterStores):
        raise TypeError("the stores of a cluster have Redis")
    return RedisReputations(stores.redis, {}, stores.clock)
