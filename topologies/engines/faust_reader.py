"""One consumer group on one topic, as a Faust application with one agent.

Hands each record to the lane of its partition, and acknowledges in order only: with an
acknowledgement missing at the start of a partition that it has never committed, Faust would
commit beyond the gap. A rebalance ends the lanes; what they had under way is read again.
"""
# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# Faust is typed in part only.

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faust
import structlog

from topologies.engines.faust_consumer import QuietMonitor, SeekingFirst
from topologies.engines.faust_login import FaustLogin
from topologies.engines.faust_table import FaustTable
from topologies.engines.lane import Lane, Write, written
from topologies.engines.turns import Work, WorkOnSeveral
from topologies.errors import Retryable
from topologies.ports.log import Record
from topologies.topics import EVENT_ID

# A killed worker's partitions wait that long for another (Faust's default is a minute).
SESSION_TIMEOUT_S, HEARTBEAT_S = 10.0, 3.0
COMMIT_EVERY_S = 1.0  # what a kill lets be done again; stages make the same of it
REBALANCE_GRACE_S = 2.0  # for what is under way when a partition is taken away
STOP_GRACE_S = 5.0
LEAVE_WITHIN_S = 4.0  # the group; without brokers nobody can be told, and nobody need wait

_logger = structlog.get_logger("faust")


class FaustReader:
    """Reads one topic for one group."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        login: FaustLogin | None = None,
        group: str,
        topic: str,
        prefix: str,
        folder: Path,
        work: Work,
        write: Write,
        in_flight: int,
        table: FaustTable | None = None,
        partitions: int = 0,
        keeps_order: bool = True,
        work_on_several: WorkOnSeveral | None = None,
    ) -> None:
        """Prepare; nothing is read before ``run``.

        Args:
            servers: Kafka's, host:port each.
            login: How they are spoken to; None: in clear.
            group: Whose position this is, without the prefix.
            topic: What to read, without the prefix.
            prefix: Before the names of topics and groups.
            folder: For what Faust keeps besides Kafka.
            work: Returns what is to be written for a record.
            write: Returns when what it is given is durable.
            in_flight: How many records may be worked on at once.
            table: What the work changes; then records are worked on one after another.
            partitions: Of the topic, for the table.
            keeps_order: Whether records of one key wait for each other.
            work_on_several: Does for records of one key at once what *work* does for each.
        """
        # Faust and its client log what they do under many names; what matters ends in an error.
        # In an outage the client logs an error for each try of each reader.
        for name, level in (("faust", "ERROR"), ("aiokafka", "CRITICAL"), ("mode", "ERROR")):
            logging.getLogger(name).setLevel(level)
        self.group = group
        self.topic = topic
        self.handed_at = time.monotonic()  # when the last record came
        self._work = work
        self._write = write
        self._keeps_order = keeps_order
        self._work_on_several = work_on_several
        self._room = asyncio.Semaphore(in_flight)
        self._lanes: dict[int, Lane] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._is_stopping = False
        self._app = self._made(
            servers, login, prefix, folder, in_flight, is_in_turn=table is not None
        )
        if table is not None:
            table.attach(self._app, partitions)

    async def run(self) -> None:
        """Work until ``stop``.

        Raises:
            Retryable: The reader ended by itself.
            Misconfigured: A stage can't be run as it is wired.
        """
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await self._app.start()
                await self._app.wait_until_stopped()
            finally:
                if not self._app.should_stop:
                    await self._app.stop()
            if not self._is_stopping:
                reason = self._app.crash_reason
                raise Retryable(f"the reader of {self.topic} ended: {reason!r}", outage=True)

    async def stop(self) -> None:
        """Read no more, let what is under way end, and end ``run``."""
        self._is_stopping = True
        # Side by side: in an outage each needs all of its grace.
        await asyncio.gather(*(lane.leave(STOP_GRACE_S) for lane in self._lanes.values()))
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await self._app.stop()
        except TimeoutError:
            _logger.warning("reader.left-untold", group=self.group)

    @property
    def under_way(self) -> int:
        """How many records are worked on, or wait for those before them."""
        return sum(map(len, self._lanes.values()))

    def oldest_at(self) -> datetime | None:
        """Return when the oldest record under way was appended; None: there is none."""
        heads = (lane.oldest_at for lane in self._lanes.values())
        return min((at for at in heads if at is not None), default=None)

    @property
    def is_rebalancing(self) -> bool:
        """Whether the group is sharing out its partitions."""
        return bool(self._app.rebalancing)

    def assigned(self) -> Collection[int]:
        """Return the partitions that are ours now."""
        return [place.partition for place in self._app.consumer.assignment()]

    def _made(
        self,
        servers: Sequence[str],
        login: FaustLogin | None,
        prefix: str,
        folder: Path,
        in_flight: int,
        *,
        is_in_turn: bool,
    ) -> Any:
        folder.mkdir(parents=True, exist_ok=True)
        app: Any = faust.App(
            prefix + self.group,
            broker=[f"aiokafka://{server}" for server in servers],
            autodiscover=False,
            broker_credentials=login.credentials() if login is not None else None,
            broker_commit_interval=COMMIT_EVERY_S,
            broker_heartbeat_interval=HEARTBEAT_S,
            broker_session_timeout=SESSION_TIMEOUT_S,
            consumer_auto_offset_reset="earliest",
            datadir=str(folder / self.group),
            Monitor=QuietMonitor,
            store="memory://",
            stream_buffer_maxsize=in_flight,
            stream_recovery_delay=0.0,
            stream_wait_empty=False,  # an outage would block every rebalance
            topic_allow_declare=False,  # `rillmail topics apply` makes them
            topic_disable_leader=True,
            web_enabled=False,
        )
        app.transport.Consumer = SeekingFirst
        topic = app.topic(
            prefix + self.topic,
            key_serializer="raw",
            key_type=bytes,
            value_serializer="raw",
            value_type=bytes,
        )

        hand = self._in_turn if is_in_turn else self._hand

        async def read(stream: Any) -> None:
            async for event in stream.noack().events():
                await hand(event)

        app.agent(topic, name=self.group)(read)
        # Weakly: the signal is one for all apps, and would hold each reader that ever was.
        app.on_partitions_revoked.connect(self._revoked, weak=True)
        return app

    async def _hand(self, event: Any) -> None:
        message = event.message
        await self._room.acquire()
        # Faust sees to this when it hands an event over; we may have waited since.
        if self._is_stopping or message.generation_id != self._app.consumer_generation_id:
            self._room.release()
            return
        self.handed_at = time.monotonic()
        lane = self._lanes.get(message.partition)
        if lane is None:
            assert self._tasks is not None  # noqa: S101  the agent runs within `run`
            lane = Lane(
                self._work,
                self._write,
                room=self._room,
                tasks=self._tasks,
                keeps_order=self._keeps_order,
                work_on_several=self._work_on_several,
            )
            self._lanes[message.partition] = lane
        lane.take(_record(message, self.topic), event.ack)

    async def _in_turn(self, event: Any) -> None:
        """Work on *event* within the agent: Faust lets a table be changed nowhere else."""
        self.handed_at = time.monotonic()
        await written(self._write, await self._work(_record(event.message, self.topic)))
        event.ack()

    async def _revoked(self, app: Any, revoked: Any, **_: Any) -> None:
        lanes = [self._lanes.pop(p, None) for p in {place.partition for place in revoked}]
        leaving = [lane.leave(REBALANCE_GRACE_S) for lane in lanes if lane is not None]
        if leaving:
            _logger.info("partitions.revoked", group=self.group, count=len(leaving))
            await asyncio.gather(*leaving)
        app.consumer.unacked.clear()  # they are read again


def _record(message: Any, topic: str) -> Record:
    headers = _texts(message.headers)
    return Record(
        topic=topic,
        partition=message.partition,
        offset=message.offset,
        key=_text(message.key),
        value=message.value or b"",
        event_id=headers.pop(EVENT_ID, ""),
        appended_at=datetime.fromtimestamp(message.timestamp, UTC),
        headers=headers,
    )


def _texts(headers: Any) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return {name: _text(value) for name, value in pairs}


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace") if value is not None else ""
