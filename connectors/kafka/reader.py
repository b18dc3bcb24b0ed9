"""Reads what is on the log, up to its end as it was at the start, and asks how far groups are.

For audit, replay and rebuilding: it joins no group and moves no offset of anybody. What is
held at once is bounded, however long the topic is.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from connectors.access import Access
from connectors.kafka.admin import KafkaAdmin
from connectors.kafka.client import LOGGER, connected, translated
from connectors.kafka.positions import GroupPositions
from connectors.kafka.records import partition_of, record_of
from topologies.errors import Retryable
from topologies.ports.log import Record

FETCHED_KIB = 16 * 1024  # by the library, ahead of whoever reads
HANDED_BYTES = 4 * 1024 * 1024  # at once, or one record if it is larger
HANDED_RECORDS = 500
POLL_S = 0.25


class KafkaReader:
    """Reads the topics of one deployment."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        access: Access | None = None,
        prefix: str = "",
        client_id: str = "rillmail-reader",
        answer_within_s: float = 10.0,
    ) -> None:
        """Connect when asked.

        Args:
            servers: host:port each.
            access: How they are spoken to; None: in clear.
            prefix: Before each topic's name.
            client_id: Named in the brokers' logs and metrics.
            answer_within_s: Without a record for so long, the brokers are taken as away.

        Raises:
            Misconfigured: No server is named.
        """
        self._prefix = prefix
        self._answer_within_s = answer_within_s
        self._admin = KafkaAdmin(
            servers, access=access, client_id=client_id, answer_within_s=answer_within_s
        )
        self._positions = GroupPositions(
            connected(servers, client_id, access), answer_within_s=answer_within_s
        )
        self._config = connected(
            servers,
            client_id,
            access,
            group_id=prefix + client_id,  # asked for by the library, joined by nobody
            enable_auto_commit=False,
            enable_partition_eof=True,
            # What retention took while we read is gone: go on with the oldest that is there.
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            queued_max_messages_kbytes=FETCHED_KIB,
            fetch_wait_max_ms=50,
        )

    async def read(
        self,
        topic: str,
        *,
        since: datetime | None = None,
        offsets: Mapping[int, int] | None = None,
        key: str | None = None,
    ) -> AsyncGenerator[Record]:
        """Yield the records of *topic* that are there now, in order within each partition.

        Close it (``contextlib.aclosing``) unless it is read to its end.

        Args:
            topic: One that does not exist holds nothing.
            since: Leave out what was appended before.
            offsets: Of these partitions only, and from these offsets on; instead of *since*.
            key: Only the records with this key, looked for in its partition alone.

        Raises:
            Retryable: The brokers are out of reach.
        """
        name = self._prefix + topic
        ends = await self.ends(topic)
        starts = await self.starts(topic)
        if since is not None:
            wanted = await self._admin.offsets_at(name, since)
        else:
            wanted = starts if offsets is None else offsets
        if key is not None and ends:
            own = partition_of(key, len(ends))
            wanted = {p: offset for p, offset in wanted.items() if p == own}
        starts = {p: max(offset, starts[p]) for p, offset in wanted.items() if p in starts}
        left = {p: ends[p] for p, start in starts.items() if start < ends[p]}
        if not left:
            return
        thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-read")
        loop = asyncio.get_running_loop()
        consumer = Consumer(self._config, logger=LOGGER)
        try:
            consumer.assign([TopicPartition(name, p, starts[p]) for p in left])
            silent_since = loop.time()
            while left:
                messages = await loop.run_in_executor(thread, _some, consumer)
                if messages:
                    silent_since = loop.time()
                elif loop.time() - silent_since > self._answer_within_s:
                    raise Retryable(f"Kafka: no answer while reading {topic}", outage=True)
                for message in messages:
                    record = _taken(message, topic, left)
                    if record is not None and key in (None, record.key):
                        yield record
        finally:
            # Its thread may still be in it, if whoever reads was cancelled.
            thread.submit(consumer.close)
            thread.shutdown(wait=False)

    async def check(self) -> None:
        """Find out whether the brokers let us in; those that are away may come yet.

        Raises:
            Misconfigured: They don't; says why, and which setting to look at.
        """
        await self._admin.check()

    async def close(self) -> None:
        """Let go of the brokers."""
        await self._positions.close()

    async def at(self, topic: str, partition: int, offset: int) -> Record | None:
        """Return the record there, None if there is none any more or yet."""
        reading = self.read(topic, offsets={partition: offset})
        try:
            async for record in reading:
                return record if record.offset == offset else None
        finally:
            await reading.aclose()
        return None

    async def starts(self, topic: str) -> dict[int, int]:
        """Return the oldest offset that each partition of *topic* still has."""
        name = self._prefix + topic
        return (await self._admin.starts([name]))[name]

    async def ends(self, topic: str) -> dict[int, int]:
        """Return the offset that the next record of each partition of *topic* will have."""
        name = self._prefix + topic
        return (await self._admin.ends([name]))[name]

    async def lags(
        self, topics_of: Mapping[str, Sequence[str]]
    ) -> dict[str, dict[str, dict[int, int]]]:
        """Return how many records each group has yet to do, by group, topic and partition.

        A group that was never there has all to do. However many there are, brokers are asked for
        each group's position, and twice besides.

        Args:
            topics_of: What to look at of each group; both without the prefix.

        Raises:
            Retryable: The brokers are out of reach.
        """
        names = {self._prefix + topic for topics in topics_of.values() for topic in topics}
        starts = await self._admin.starts(names)

        done: dict[str, dict[tuple[str, int], int]] = {}
        # One after another: each holds a thread, for seconds while a broker is away.
        for group, topics in topics_of.items():
            mine = [self._prefix + topic for topic in topics]
            places = [(name, p) for name in mine for p in starts[name]]
            done[group] = await self._positions.of(self._prefix + group, places)
        # Last: what is done by then is there.
        ends = await self._admin.ends(names)

        def lag(name: str, done: Mapping[tuple[str, int], int]) -> dict[int, int]:
            # What retention took is not to be done any more: hence not below the start.
            return {
                p: max(0, end - max(starts[name].get(p, 0), done.get((name, p), 0)))
                for p, end in ends[name].items()
            }

        return {
            group: {topic: lag(self._prefix + topic, done[group]) for topic in topics}
            for group, topics in topics_of.items()
        }


def _some(consumer: Consumer) -> list[Message]:
    """Return what is there, as much as may be held at once; maybe nothing."""
    messages: list[Message] = []
    size_bytes = 0
    poll = functools.partial(consumer.poll, POLL_S)
    while len(messages) < HANDED_RECORDS and size_bytes < HANDED_BYTES:
        message = poll()
        if message is None:
            break
        messages.append(message)
        size_bytes += len(message)
        poll = functools.partial(consumer.poll, 0)
    return messages


def _taken(message: Message, topic: str, left: dict[int, int]) -> Record | None:
    """Return the record in *message* if it is to be read, and take what is read off *left*."""
    partition = message.partition() or 0
    error = message.error()
    if error is not None:
        if error.code() == KafkaError._PARTITION_EOF:
            left.pop(partition, None)
            return None
        raise translated(error, f"read {topic}")
    end = left.get(partition, 0)
    offset = message.offset() or 0
    if offset >= end - 1:
        left.pop(partition, None)
    return record_of(message, topic) if offset < end else None
