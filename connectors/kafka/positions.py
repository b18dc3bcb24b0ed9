"""How far consumer groups are, asked and set by a consumer that joins none of them.

Not by the library's client for administration, which dies of a null pointer, and the process with
it, when a group's coordinator moves or is still loading (librdkafka issue 5040).
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.client import LOGGER, Config, is_momentary, is_of_a_member, translated
from topologies.errors import Misconfigured

T = TypeVar("T")

ASK_AGAIN_S = 0.1
Place = tuple[str, int]  # topic, and the partition's number


class GroupPositions:
    """The positions of groups at one deployment's brokers."""

    def __init__(self, config: Config, *, answer_within_s: float) -> None:
        """Connect when asked.

        Args:
            config: How to connect, as ``connected`` returns it.
            answer_within_s: Without an answer for so long, the brokers are taken as away.
        """
        self._config = config | {"enable.auto.commit": False}
        self._within_s = answer_within_s
        self._consumers: dict[str, Consumer] = {}  # kept: each has to find its coordinator first

    async def of(self, group: str, places: Collection[Place]) -> dict[Place, int]:
        """Return how far *group* is in *places*: all before that offset is done.

        Where it never was is left out.

        Raises:
            Retryable: The brokers are out of reach.
        """
        if not places:
            return {}
        return await self._answer(
            f"ask for the position of {group}", lambda: self._ask(group, places)
        )

    async def move(self, group: str, offsets: Mapping[Place, int]) -> None:
        """Let *group*, in which nobody is at work, read on from these *offsets*.

        Raises:
            Misconfigured: Somebody is at work in it: nothing was moved.
            Retryable: The brokers are out of reach.
        """
        wanted = [TopicPartition(topic, place, at) for (topic, place), at in offsets.items()]
        await self._answer(f"set {group} back", lambda: self._commit(group, wanted))

    async def close(self) -> None:
        """Let go of the brokers: each group that was asked for has connections and threads."""
        consumers = list(self._consumers.values())
        self._consumers.clear()
        await asyncio.gather(*(asyncio.to_thread(each.close) for each in consumers))

    async def _answer(self, doing: str, ask: Callable[[], T]) -> T:
        """Return what *ask* comes to, which blocks; it is asked again while leaders are chosen."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._within_s
        while True:
            try:
                return await asyncio.to_thread(ask)
            except KafkaException as error:
                if not is_momentary(error) or loop.time() > deadline:
                    raise translated(error, doing) from error
            await asyncio.sleep(ASK_AGAIN_S)

    def _commit(self, group: str, offsets: list[TopicPartition]) -> None:
        try:
            done = self._consumer(group).commit(offsets=offsets, asynchronous=False)
            if failed := next((place.error for place in done or () if place.error), None):
                raise KafkaException(failed)
        except KafkaException as error:
            if not is_of_a_member(error):
                raise
            raise Misconfigured(
                f"workers of {group} are running: stop them first (one that was killed is"
                " forgotten after its session, within a minute)"
            ) from error

    def _ask(self, group: str, places: Collection[Place]) -> dict[Place, int]:
        asked = [TopicPartition(topic, partition) for topic, partition in places]
        found = self._consumer(group).committed(asked, timeout=self._within_s)
        if failed := next((place.error for place in found if place.error), None):
            raise KafkaException(failed)
        return {(p.topic, p.partition): p.offset for p in found if p.offset >= 0}

    def _consumer(self, group: str) -> Consumer:
        consumer = self._consumers.get(group)
        if consumer is None:
            consumer = Consumer(self._config | {"group.id": group}, logger=LOGGER)
            self._consumers[group] = consumer
        return consumer
