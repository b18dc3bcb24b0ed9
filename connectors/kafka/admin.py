"""Questions to the brokers and changes of topics: the border to the library's untyped part.

Each call waits for the brokers' answer in the library's own threads, for a bounded time, and
raises our errors.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeArgument=false
# pyright: reportUnknownParameterType=false, reportPrivateImportUsage=false
# pyright: reportArgumentType=false, reportUnknownLambdaType=false

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

from connectors.access import Access, Place
from connectors.kafka.client import (
    LOGGER,
    REQUEST_TIMEOUT_S,
    connected,
    is_momentary,
    is_refusal,
    places_of,
    translated,
)

ASK_AGAIN_S = 0.1
CHECK_WITHIN_S = 3.0
COUNTS_HOLD_S = 120.0  # a cluster tells of all its topics at once, which are many; few ever grow

_SILENT = logging.getLogger("rillmail.kafka.check")  # what it finds is told in our own words
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class KafkaAdmin:
    """One connection for questions; topics have their full names here."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        access: Access | None = None,
        client_id: str = "rillmail-admin",
        answer_within_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        """Connect in the background; without *access* in clear.

        Raises:
            Misconfigured: No server is named.
        """
        self._config = connected(servers, client_id, access)
        self._servers = servers
        self._access = access or Access(engine="kafka")
        self._client = self._made()
        self._within_s = answer_within_s
        self._timeouts = {"request_timeout": answer_within_s, "operation_timeout": answer_within_s}
        self._counts: dict[str, int] = {}  # partitions of each topic
        self._counted_at = -COUNTS_HOLD_S

    async def check(self) -> None:
        """Find out whether the brokers let us in; those that are away may come yet.

        Raises:
            Misconfigured: They don't; says why, and which setting to look at.
        """
        if not self._access.is_tls:
            return
        await self._access.check(places_of(self._servers))
        refusal, told = await asyncio.to_thread(self._refusal)
        if refusal:
            raise self._access.refused(refusal)
        # By the names that the brokers tell of themselves they are reached from now on.
        await self._access.check(told)

    async def partitions(self) -> dict[str, tuple[int, int]]:
        """Return of each topic how many partitions it has, and copies of each.

        Raises:
            Retryable: The brokers are out of reach.
            Misconfigured: They speak TLS, and we don't.
        """
        try:
            found = await asyncio.to_thread(self._client.list_topics, timeout=self._within_s)
        except KafkaException as error:
            failure = await self._access.wants_tls(places_of(self._servers))
            raise failure or translated(error, "list topics") from error
        known = {
            name: (len(topic.partitions), len(topic.partitions[0].replicas))
            for name, topic in found.topics.items()
            if topic.error is None and topic.partitions
        }
        self._counts = {name: count for name, (count, _) in known.items()}
        self._counted_at = time.monotonic()
        return known

    async def configs(self, topics: Collection[str]) -> dict[str, dict[str, str]]:
        """Return of each of *topics*, which must exist, every option and its value."""
        if not topics:
            return {}
        asked = [ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in topics]
        answers = await self._answers(
            lambda client: client.describe_configs(asked, request_timeout=self._within_s),
            "read the options of topics",
        )
        return {
            resource.name: {name: str(entry.value) for name, entry in options.items()}
            for resource, options in answers.items()
        }

    async def create(
        self, topic: str, partitions: int, replication: int, configs: Mapping[str, str]
    ) -> None:
        """Make *topic*; return when the brokers have it."""
        new = NewTopic(topic, partitions, replication, config=dict(configs))
        await self._answers(
            lambda client: client.create_topics([new], **self._timeouts), f"create {topic}"
        )

    async def add_partitions(self, topic: str, partitions: int) -> None:
        """Let *topic* have as many partitions, which must be more than it has."""
        new = NewPartitions(topic, partitions)
        await self._answers(
            lambda client: client.create_partitions([new], **self._timeouts),
            f"add partitions to {topic}",
        )

    async def alter(self, topic: str, configs: Mapping[str, str]) -> None:
        """Set options of *topic*; the others stay as they are."""
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in configs.items()
        ]
        change = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        await self._answers(
            lambda client: client.incremental_alter_configs(
                [change], request_timeout=self._within_s
            ),
            f"set options of {topic}",
        )

    async def delete(self, topics: Sequence[str]) -> None:
        """Delete topics and all that is in them. Only tests do."""
        await self._answers(
            lambda client: client.delete_topics(list(topics), **self._timeouts), "delete topics"
        )

    async def starts(self, topics: Collection[str]) -> dict[str, dict[int, int]]:
        """Return the oldest offset that each partition of *topics* still has."""
        return await self._offsets(topics, OffsetSpec.earliest())

    async def ends(self, topics: Collection[str]) -> dict[str, dict[int, int]]:
        """Return the offset that the next record of each partition of *topics* will have.

        A topic that does not exist has no partitions; those it got since are seen within
        ``COUNTS_HOLD_S``.
        """
        return await self._offsets(topics, OffsetSpec.latest())

    async def offsets_at(self, topic: str, at: datetime) -> dict[int, int]:
        """Return the first offset appended at *at* or later; partitions without are left out."""
        found = await self._offsets([topic], OffsetSpec.for_timestamp(int(at.timestamp() * 1000)))
        return {partition: offset for partition, offset in found[topic].items() if offset >= 0}

    async def _offsets(
        self, topics: Collection[str], which: OffsetSpec
    ) -> dict[str, dict[int, int]]:
        is_known = all(topic in self._counts for topic in topics)
        if not is_known or time.monotonic() - self._counted_at > COUNTS_HOLD_S:
            await self.partitions()
        found = {topic: dict[int, int]() for topic in topics}
        # One question, however many topics: a broker has far more work with each than with each
        # partition that it names.
        asked = {
            TopicPartition(topic, partition): which
            for topic in topics
            for partition in range(self._counts.get(topic, 0))
        }
        if not asked:
            return found
        answers = await self._answers(
            lambda client: client.list_offsets(
                asked,
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=self._within_s,
            ),
            f"ask for the offsets of {_first_of(topics)}",
        )
        for place, answer in answers.items():
            found[place.topic][place.partition] = answer.offset
        return found

    async def _answers(
        self, ask: Callable[[AdminClient], Mapping[Any, "Future[Any]"]], doing: str
    ) -> dict[Any, Any]:
        """Return what *ask* comes to; it is asked again while leaders are being chosen."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._within_s
        while True:
            # Held, since with a client that nobody holds go the answers that are still to come.
            client = self._client
            try:
                return {key: await asyncio.wrap_future(f) for key, f in ask(client).items()}
            except KafkaException as error:
                if not is_momentary(error) or loop.time() > deadline:
                    # One that asked a group's coordinator while a broker was away may never
                    # reach it again, though the broker is back.
                    await asyncio.to_thread(self._renew)
                    raise translated(error, doing) from error
            await asyncio.sleep(ASK_AGAIN_S)

    def _refusal(self) -> tuple[str, list[Place]]:
        """Return why the brokers don't let us in, or where they say that they are. Blocks.

        Neither if none answers.
        """
        errors: list[KafkaError] = []
        client = AdminClient(self._config | {"error_cb": errors.append}, logger=_SILENT)
        deadline = time.monotonic() + min(self._within_s, CHECK_WITHIN_S)
        while time.monotonic() < deadline:
            try:
                found = client.list_topics(timeout=CHECK_WITHIN_S / 6)
            except KafkaException:
                client.poll(0)  # why, comes by the callback
            else:
                return "", [(str(each.host), int(each.port)) for each in found.brokers.values()]
            # One of several may refuse while another is starting: not before each was tried.
            if sum(map(is_refusal, errors)) >= len(self._servers):
                break
        return next((_told(error) for error in errors if is_refusal(error)), ""), []

    def _renew(self) -> None:
        self._client = self._made()

    def _made(self) -> AdminClient:
        return AdminClient(self._config, logger=LOGGER)


def _first_of(topics: Collection[str]) -> str:
    """Return the first of *topics*, and how many others there are."""
    first, others = next(iter(topics)), len(topics) - 1
    return f"{first} and {others} more" if others else first


def _told(error: KafkaError) -> str:
    """Return what a broker said, without the library's own words around it."""
    said = error.str().removeprefix("sasl_ssl://").replace("/bootstrap", "")
    return said.partition(" (after ")[0]
