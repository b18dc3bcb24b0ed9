"""A Kafka broker within the test's process, for tests that need no engine.

It comes with the client library: a real listener that speaks the protocol and keeps what is
written in memory. It makes topics when asked for them, and knows nothing of their options.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Producer

PARTITIONS = 4  # of each topic


@contextmanager
def broker_in_process() -> Generator[tuple[str, ...]]:
    """Its address, host:port."""
    # The broker lives as long as the client that is asked to have it.
    owner = Producer({"test.mock.num.brokers": 1}, logger=logging.getLogger("broker"))
    found: Any = owner.list_topics(timeout=10)
    yield tuple(f"{broker.host}:{broker.port}" for broker in found.brokers.values())
    owner.close()
