"""Faust's consumer, which loses no record when partitions come to it.

What is fetched of a partition that does not flow counts as read and is not handed on: it would
wait, and all positions behind it, until the next worker comes. Faust lets that happen twice. It
lets a partition flow, and only then goes back to what was committed; here partitions that stages
read flow once that is done. And while nothing flows, as between the end of a table's recovery and
that, its client takes "of none" as "of all"; here none are none.

When there is no room for a record it waits for it, where Faust sleeps a second.

A reader without records sleeps: there is one for each group, and what Faust and its client look
after several times a second in each of them would keep a worker busy that has nothing to do.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportPrivateUsage=false

import asyncio
from collections.abc import Container, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.sensors import Monitor
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from mode import Service

LONGER = 5  # than Faust waits for records before it asks again for the same
FETCHER_LOOKS_EVERY_S = 1.0  # at what it can fetch, unless something wakes it; the client's is 0.2
# What a broker did not answer. The client's is 0.1: some forty readers that try so often take two
# thirds of a processor while all brokers are away.
TRY_AGAIN_S = 0.5


class SeekingFirst(Consumer):
    """One consumer of a group."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin; see Faust's."""
        super().__init__(*args, **kwargs)
        self._held: set[Any] = set()

    def resume_partitions(self, tps: Iterable[Any]) -> None:
        """Let changelogs flow, which are read now; the rest waits for ``resume_flow``."""
        at_once = {place for place in tps if self._is_changelog_tp(place)}
        self._held |= set(tps) - at_once
        if at_once:
            super().resume_partitions(at_once)

    def resume_flow(self) -> None:
        """Let all flow: Faust has gone back to the committed positions by now."""
        super().resume_flow()
        held, self._held = self._held, set()
        if held:
            super().resume_partitions(held)

    def on_buffer_full(self, tp: Any) -> None:
        """Go on with *tp*: who hands records on waits for room, and not a second at a time."""

    def stop_flow(self) -> None:
        """Let nothing flow: partitions are shared out anew."""
        self._held.clear()
        super().stop_flow()

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109  Faust's
        flowing: Any = Flowing(active_partitions)
        return await super()._getmany(flowing, timeout * LONGER)

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return ReaderThread(self, loop=self.loop, beacon=self.beacon)

    @Service.task
    async def _commit_handler(self) -> None:
        """Commit at intervals what was done since."""
        while not self.should_stop:
            await asyncio.sleep(self.commit_interval)
            if any(self._acked.values()):
                await self.commit()

    @Service.task
    async def _commit_livelock_detector(self) -> None:
        """Look for nothing: the engine itself ends a worker whose reader does not move."""


class ReaderThread(AIOKafkaConsumerThread):
    """The thread of a consumer, asleep until something comes.

    Faust wakes it and its parent once a second, lest they miss what the other hands over; both
    hand over by ``call_soon_threadsafe``, which wakes by itself.
    """

    def close(self) -> None:
        """Close nothing when partitions are shared out while we stop: that is under way, in order.

        Faust closes the client here, from another thread, under who is leaving the group: the
        others would not be told, and our partitions wait until our session has timed out.
        """

    @Service.task
    async def _thread_keepalive(self) -> None:
        """Keep nothing alive."""

    async def _keepalive2(self) -> None:
        """Keep nothing alive."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Its options `consumer_timeout_ms` and `retry_backoff_ms`, which Faust has no settings for.
        consumer._consumer_timeout = FETCHER_LOOKS_EVERY_S
        consumer._retry_backoff_ms = round(TRY_AGAIN_S * 1_000)
        consumer._client._retry_backoff = TRY_AGAIN_S
        return consumer


class QuietMonitor(Monitor):
    """Faust's statistics without averages a second, which nobody reads here."""

    @Service.task
    async def _sampler(self) -> None:
        """Sample nothing."""


class Flowing:
    """The partitions that flow, as they are at each look; true also when there are none."""

    def __init__(self, tps: Container[Any]) -> None:
        """Look at *tps*, which others change meanwhile."""
        self._tps = tps

    def __contains__(self, tp: object) -> bool:
        """Return whether *tp* flows now."""
        return tp in self._tps
