"""Kafka as the log that the ways in, the engine and replays write to.

Writes to any topic, and returns when all in-sync replicas have it. A thread of its own
takes the brokers' answers; all who wait for those that came together are woken at once.
What waits for an answer is bounded: beyond that, senders are told to come back.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.access import Access
from connectors.kafka.client import LARGEST_RECORD_BYTES, LOGGER, connected, translated
from connectors.kafka.records import entry_of, headers_of
from topologies.errors import MailError, Poison, Retryable
from topologies.events.base import Event
from topologies.ports.clock import Clock
from topologies.ports.log import Entry

POLL_S = 0.2  # how soon the thread sees that the log is closed; each look costs 50 µs
REPLACED_AFTER_S = 1.0  # a producer that broke for good, so that one that can't work costs little
RECORD_OVERHEAD_BYTES = 512  # of a record that waits, beside its key and value


class KafkaLog:
    """Appends to the topics of one deployment.

    Idempotent: the library's own retries neither double nor reorder. A write that is given
    up after ``answer_within_s`` may be on the log all the same, and of several entries some
    may be: nothing is promised, the sender tries again, and what is there twice is known by
    its ids. Transactions would make it all or none, but one at a time for each process and
    at several times the latency.
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        clock: Clock,
        access: Access | None = None,
        prefix: str = "",
        client_id: str = "rillmail",
        answer_within_s: float = 5.0,
        linger_s: float = 0.001,
        max_waiting_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        """Connect in the background; the brokers need not be there.

        Args:
            servers: host:port each.
            clock: Tells when a record was appended.
            access: How they are spoken to; None: in clear.
            prefix: Before each topic's name.
            client_id: Named in the brokers' logs and metrics.
            answer_within_s: After that, a write is given up as an outage.
            linger_s: How long a record waits for others to share a batch with.
            max_waiting_bytes: Held at once; what would go beyond it is refused.

        Raises:
            Misconfigured: No server is named.
        """
        self._clock = clock
        self._prefix = prefix
        self._answer_within_s = answer_within_s
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting_bytes = 0
        self._config = connected(
            servers,
            client_id,
            access,
            enable_idempotence=True,
            acks="all",
            delivery_timeout_ms=int(answer_within_s * 1000),
            linger_ms=linger_s * 1000,
            # As Java's clients and aiokafka hash: a key has one partition, whoever writes it.
            partitioner="murmur2_random",
            message_max_bytes=LARGEST_RECORD_BYTES,
            # The bound is ours, before any entry of a write is taken; the library's is beyond.
            queue_buffering_max_messages=0,
            queue_buffering_max_kbytes=2 * (max_waiting_bytes + LARGEST_RECORD_BYTES) // 1024,
            # A topic that was just made is not known to all brokers at once.
            topic_metadata_propagation_max_ms=int(answer_within_s * 500),
        )
        self._producer = self._made()
        self._lock = threading.Lock()  # over the counts of all writes
        self._settled: deque[_Write] = deque()
        self._is_broken = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-answers", daemon=True)
        self._thread.start()

    async def append(self, events: Sequence[Event]) -> None:
        at = self._clock.now()
        await self.write([entry_of(event, at) for event in events])

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write *entries* in order; return when all are durable.

        Raises:
            Poison: One is larger than the log takes; nothing was written.
            Retryable: The log is out of reach, or too much waits for it; nothing is promised.
        """
        if not entries:
            return
        if self._closing.is_set():
            raise Retryable("the log is closed", outage=True)
        sizes_bytes = [len(e.value) + len(e.key) + RECORD_OVERHEAD_BYTES for e in entries]
        if max(sizes_bytes) > LARGEST_RECORD_BYTES:
            raise Poison(f"a record may have {LARGEST_RECORD_BYTES:,} bytes at most")
        size_bytes = sum(sizes_bytes)
        if self._waiting_bytes and self._waiting_bytes + size_bytes > self._max_waiting_bytes:
            raise Retryable(
                f"{self._waiting_bytes:,} bytes wait for Kafka already: it is slow or away",
                outage=True,
            )
        write = _Write(self, asyncio.get_running_loop(), len(entries), size_bytes)
        self._waiting_bytes += size_bytes
        self._hand_over(entries, write)
        await write.future
        if write.error is not None:
            raise write.error

    async def close(self) -> None:
        """Wait for the answers that are out, then end. Calling it twice is no error."""
        self._closing.set()
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self, entries: Sequence[Entry], write: "_Write") -> None:
        at_ms = int(self._clock.now().timestamp() * 1000)
        for number, entry in enumerate(entries):
            try:
                self._producer.produce(
                    self._prefix + entry.topic,
                    value=entry.value,
                    key=entry.key.encode(),
                    on_delivery=write.answered,
                    timestamp=at_ms,
                    headers=headers_of(entry),
                )
            except KafkaException as error:
                # What is before it is under way; what is after it is not even tried.
                write.ended(len(entries) - number, translated(error, f"write to {entry.topic}"))
                return
            except BufferError:
                write.ended(len(entries) - number, Retryable("Kafka is too slow", outage=True))
                return

    def ended(self, write: "_Write", count: int, error: MailError | None) -> None:
        """Take note that *count* entries of *write* ended, in this or the answers' thread."""
        with self._lock:
            write.error = write.error or error
            write.left -= count
            is_settled = write.left == 0
        if is_settled:
            self._settled.append(write)

    def release(self, size_bytes: int) -> None:
        """Take note that so much waits no more."""
        self._waiting_bytes -= size_bytes

    def _made(self) -> Producer:
        return Producer(self._config, logger=LOGGER, error_cb=self._failed)

    def _failed(self, error: KafkaError) -> None:
        self._is_broken = self._is_broken or error.fatal()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_S)
            self._wake()
            if self._is_broken:
                self._replace()
        self._producer.flush(self._answer_within_s + 1)
        self._wake()
        self._producer.close()

    def _replace(self) -> None:
        # It can't keep its promise of order any more, so it fails all that it has and takes
        # nothing more; another starts anew. What failed was told as an outage.
        LOGGER.warning("the producer can't go on and is replaced")
        broken, self._is_broken = self._producer, False
        self._closing.wait(REPLACED_AFTER_S)
        self._producer = self._made()
        broken.purge()  # each record that waits is answered now, by calls that flush makes
        broken.flush(self._answer_within_s + 1)
        self._wake()

    def _wake(self) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Write]] = {}
        while self._settled:
            write = self._settled.popleft()
            by_loop.setdefault(write.loop, []).append(write)
        for loop, writes in by_loop.items():
            try:
                loop.call_soon_threadsafe(_settle, writes)
            except RuntimeError:
                continue  # that loop is closed: nobody waits there any more


class _Write:
    """Entries that are handed over together, and who waits for them."""

    __slots__ = ("error", "future", "left", "log", "loop", "size_bytes")

    def __init__(
        self, log: KafkaLog, loop: asyncio.AbstractEventLoop, count: int, size_bytes: int
    ) -> None:
        self.log = log
        self.loop = loop
        self.left = count
        self.size_bytes = size_bytes
        self.error: MailError | None = None
        self.future: asyncio.Future[None] = loop.create_future()

    def answered(self, error: KafkaError | None, message: Message) -> None:
        """Take the brokers' answer for one entry: a callback of the library's."""
        failed = translated(error, f"write to {message.topic()}") if error is not None else None
        self.log.ended(self, 1, failed)

    def ended(self, count: int, error: MailError) -> None:
        """Take note that *count* entries were refused."""
        self.log.ended(self, count, error)


def _settle(writes: Sequence[_Write]) -> None:
    for write in writes:
        write.log.release(write.size_bytes)
        if not write.future.done():  # else who asked was cancelled; what was written stays
            write.future.set_result(None)
