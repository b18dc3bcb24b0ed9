"""What Faust's client fetched is read once its partition flows, and as soon as there is room."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.structs import TopicPartition
from faust.types import TP

from topologies.engines.faust_consumer import SeekingFirst

TOPIC, CHANGELOG = "senders.judged", "tallies-senders-changelog"
AT = 7  # the position that was committed


async def test_what_came_between_the_end_of_a_recovery_and_the_flow_is_read(
    fetched: "Fetched",
) -> None:
    consumer = fetched.consumer
    stream, changelog = TP(TOPIC, 0), TP(CHANGELOG, 0)
    consumer.resume_partitions({changelog})
    consumer.resume_flow()
    reading = asyncio.create_task(fetched.read(until=AT + 2))
    await fetched.looked_at()
    # In this order Faust ends a recovery; records come at the worst of times.
    consumer.pause_partitions({changelog})
    consumer.resume_partitions({stream})
    fetched.come(stream)
    await fetched.looked_at()
    assert fetched.position(stream) == AT, "it counts as read, and is not handed on"
    consumer.resume_flow()
    async with asyncio.timeout(5):
        assert await reading == [AT, AT + 1, AT + 2]
    assert fetched.position(stream) == AT + 3


async def test_a_partition_whose_records_found_little_room_is_read_on_at_once(
    fetched: "Fetched",
) -> None:
    stream = TP(TOPIC, 0)
    fetched.consumer.resume_partitions({stream})
    fetched.consumer.resume_flow()
    fetched.consumer.on_buffer_full(stream)
    fetched.come(stream)
    async with asyncio.timeout(5):
        assert await fetched.read(until=AT + 2) == [AT, AT + 1, AT + 2]


async def test_partitions_that_are_shared_out_while_it_stops_close_nothing_under_it(
    fetched: "Fetched",
) -> None:
    app: Any = fetched.consumer.app
    app._stopped.set()
    await app._on_partitions_revoked(set())
    await app._on_partitions_assigned(set())
    await fetched.looked_at()
    assert not fetched.is_closed


class Fetched:
    """A consumer of ours upon the client's own fetcher, to which records come by hand."""

    def __init__(self) -> None:
        app: Any = faust.App("tallies", broker="kafka://127.0.0.1:1", store="memory://")
        app.Table("senders", partitions=1)
        app.transport.Consumer = SeekingFirst
        self.consumer: SeekingFirst = app.consumer
        self._subscriptions = SubscriptionState()
        self._subscriptions.assign_from_user({TopicPartition(t, 0) for t in (TOPIC, CHANGELOG)})
        client: Any = SimpleNamespace(_loop=asyncio.get_running_loop(), _metadata_max_age_ms=1)
        self._fetcher = Fetcher(client, self._subscriptions)
        self._fetcher._fetch_task.cancel()  # nothing is fetched but by hand
        for place in self._assignment.tps:
            self._assignment.state_value(place).seek(AT)
        self.is_closed = False
        thread: Any = self.consumer._thread
        thread.call_thread = called
        thread._consumer = SimpleNamespace(
            _fetcher=self._fetcher,
            _client=SimpleNamespace(close=self._closing),
            _coordinator=SimpleNamespace(close=self._closing),
            _closed=False,
            _max_poll_records=None,
            highwater=lambda _: AT + 3,
        )

    @property
    def _assignment(self) -> Any:
        return self._subscriptions.subscription.assignment

    async def _closing(self) -> None:
        self.is_closed = True

    def come(self, place: TP) -> None:
        """Have three records come, as from a broker that was asked for more."""
        aio = TopicPartition(*place)
        self._fetcher._records[aio] = FetchResult(
            aio, assignment=self._assignment, partition_records=Records(place), backoff=0
        )
        for waiter in list(self._fetcher._fetch_waiters):
            waiter.set_result(None)

    async def looked_at(self) -> None:
        """Return when the fetcher looked at what it has: that takes turns of the loop alone."""
        for _ in range(20):
            await asyncio.sleep(0)

    def position(self, place: TP) -> int:
        """Return what would be fetched next."""
        return self._assignment.state_value(TopicPartition(*place)).position

    async def read(self, until: int) -> list[int]:
        """Return the offsets of what is handed on, up to *until*."""
        read: list[int] = []
        while until not in read:
            read += [message.offset async for _, message in self.consumer.getmany(0.01)]
        return read

    async def close(self) -> None:
        """Let go of what Faust opened."""
        self.consumer._thread.thread_loop.close()
        await self._fetcher.close()


class Records:
    """Three records, as the client unpacks them."""

    def __init__(self, place: TP) -> None:
        self.next_fetch_offset = AT
        self._left = deque(range(AT, AT + 3))
        self._place = place

    def __iter__(self) -> "Records":
        return self

    def __next__(self) -> Any:
        if not self._left:
            raise StopIteration
        offset = self._left.popleft()
        self.next_fetch_offset = offset + 1
        names = "timestamp timestamp_type headers key value checksum".split()
        sizes = ["serialized_key_size", "serialized_value_size"]
        return SimpleNamespace(
            topic=self._place.topic,
            partition=self._place.partition,
            offset=offset,
            **dict.fromkeys(names + sizes),
        )


async def called(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call at once what Faust calls in a thread of its own."""
    return await function(*args, **kwargs)


@pytest.fixture
async def fetched() -> AsyncIterator[Fetched]:
    made = Fetched()
    yield made
    await made.close()
