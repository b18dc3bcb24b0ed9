"""Moves what waits its time, on Kafka: from `delivery.later.*` and its like to where it is due.

Any number of workers share the partitions. A partition whose next record is not due is paused
where it stands, and its records are not held. Positions move when the brokers have what was
written: after a kill some records are moved again, to the same ids, and none is left out.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.access import Access
from connectors.kafka.client import LOGGER, connected, translated
from connectors.kafka.records import record_of
from topologies.delayed import GROUP, delayed_topics, due_at, moved
from topologies.errors import Retryable
from topologies.ports.clock import Clock
from topologies.ports.log import Entry, Lags

LOOK_EVERY_S = 1.0
MOVED_AT_ONCE = 64
FETCHED_KIB = 4 * 1024  # by the library, ahead of what is moved
SESSION_TIMEOUT_MS = 10_000  # a killed worker's partitions wait that long for another
AGAIN_S = 1.0

_Place = tuple[str, int]  # a topic as Kafka calls it, and a partition

_logger = structlog.get_logger("timer")


class KafkaTimer:
    """Works on all topics with a delay, as long as it runs."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        access: Access | None = None,
        prefix: str,
        write: Callable[[Sequence[Entry]], Awaitable[None]],
        lags: Lags,
        clock: Clock,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """Prepare; nothing is read before ``run``.

        Args:
            servers: host:port each.
            access: How they are spoken to; None: in clear.
            prefix: Before the names of topics and of the group.
            write: Returns when what it is given is durable.
            lags: How far groups are behind.
            clock: Tells whether the time of a record has come.
            look_every_s: How often the clock is asked.

        Raises:
            Misconfigured: No server is named.
        """
        self._prefix = prefix
        self._write = write
        self._lags = lags
        self._clock = clock
        self._look_every_s = look_every_s
        self._names = [topic.name for topic in delayed_topics()]
        self._waiting: dict[_Place, datetime] = {}  # paused, until then
        self._stood_at: dict[_Place, int] = {}  # of what was paused: it goes on there
        self._is_stopping = False
        self._config = connected(
            servers,
            "rillmail-timer",
            access,
            group_id=prefix + GROUP,
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            queued_max_messages_kbytes=FETCHED_KIB,
        )

    async def run(self) -> None:
        """Move what is due until ``stop``; an outage is waited out."""
        while not self._is_stopping:
            try:
                await self._consume()
            except Retryable as error:
                _logger.warning("timer.away", reason=str(error))
                await asyncio.sleep(AGAIN_S)

    def stop(self) -> None:
        """End ``run``, at the next look."""
        self._is_stopping = True

    async def later(self) -> Mapping[str, int]:
        """Return the number of records that wait for their time, by topic.

        Raises:
            Retryable: The brokers are out of reach.
        """
        behind = (await self._lags({GROUP: self._names}))[GROUP]
        return {topic: sum(partitions.values()) for topic, partitions in behind.items()}

    async def _consume(self) -> None:
        # The library's calls block, and one thread makes them all.
        thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-timer")
        loop = asyncio.get_running_loop()
        consumer = Consumer(self._config, logger=LOGGER)
        in_thread = functools.partial(loop.run_in_executor, thread)
        self._assigned()
        try:
            names = [self._prefix + name for name in self._names]
            await in_thread(functools.partial(consumer.subscribe, names, on_assign=self._assigned))
            while not self._is_stopping:
                messages = await in_thread(self._next, consumer)
                due = await in_thread(self._due, consumer, messages)
                if due:
                    await self._write([moved(self._record(message)) for message in due])
                    await in_thread(self._done, consumer, due)
        except KafkaException as error:
            raise translated(error, "read what waits") from error
        finally:
            # Its thread may still be in it, if we were cancelled.
            thread.submit(consumer.close)
            thread.shutdown(wait=False)

    def _assigned(self, *_: Any) -> None:
        # Paused partitions come back running, from their position, whoever had them.
        self._waiting.clear()
        self._stood_at.clear()

    def _next(self, consumer: Consumer) -> list[Message]:
        """Let go on what is due now, and return what comes, within one look."""
        now = self._clock.now()
        for place, until in list(self._waiting.items()):
            if until <= now:
                del self._waiting[place]
                consumer.resume([TopicPartition(*place)])
        messages: list[Message] = []
        message = consumer.poll(self._look_every_s)
        while message is not None:
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() != KafkaError._PARTITION_EOF:
                raise translated(error, "read what waits")
            if len(messages) >= MOVED_AT_ONCE:
                break
            message = consumer.poll(0)
        return messages

    def _due(self, consumer: Consumer, messages: Sequence[Message]) -> list[Message]:
        """Return those of *messages* that are due; at the first that is not, a partition stands."""
        now = self._clock.now()
        due: list[Message] = []
        for message in messages:
            place = _place_of(message)
            if place in self._waiting:
                continue  # read before it stood: it comes again
            offset = message.offset() or 0
            if self._stood_at.pop(place, offset) < offset:
                raise Retryable(f"{place[0]}/{place[1]} went on too far", outage=True)
            until = due_at(self._record(message))
            if until <= now:
                due.append(message)
                continue
            self._waiting[place] = until
            self._stood_at[place] = offset
            here = TopicPartition(*place, offset)
            consumer.pause([here])
            consumer.seek(here)
        return due

    def _done(self, consumer: Consumer, due: Sequence[Message]) -> None:
        """Commit the positions after *due*, which are in order within each partition."""
        after = {_place_of(message): (message.offset() or 0) + 1 for message in due}
        offsets = [TopicPartition(*place, offset) for place, offset in after.items()]
        try:
            consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # Another has the partition by now, and moves them again, to the same ids.
            _logger.info("timer.not-committed", reason=str(error))

    def _record(self, message: Message) -> Any:
        return record_of(message, (message.topic() or "").removeprefix(self._prefix))


def _place_of(message: Message) -> _Place:
    return message.topic() or "", message.partition() or 0
