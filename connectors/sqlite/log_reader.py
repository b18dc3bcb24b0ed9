"""Looking back in the log's file, from any process: for audit, replay and rebuilding."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta

from connectors.sqlite.log import SqliteLog
from connectors.sqlite.log_writer import partition_of
from topologies.ports.log import Record

AT_ONCE = 256  # records held
SET_BACK = timedelta(minutes=10)  # by so much a clock may have been, while records were appended


class SqliteLogReader:
    """Reads the topics of one log."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log

    async def read(
        self,
        topic: str,
        *,
        since: datetime | None = None,
        offsets: Mapping[int, int] | None = None,
        key: str | None = None,
    ) -> AsyncGenerator[Record]:
        partitions = range(self._log.partitions(topic))
        if key is not None:
            partitions = [partition_of(key, len(partitions))]
        if offsets is not None:
            partitions = [partition for partition in partitions if partition in offsets]
        # All of them before the first is read: that is what "now" means.
        ends = {partition: await self._log.end(topic, partition) for partition in partitions}
        for partition, end in ends.items():
            first = 0 if offsets is None else offsets[partition]
            async with aclosing(
                records_of(self._log, topic, partition, first=first, end=end, since=since)
            ) as records:
                async for record in records:
                    if key in (None, record.key):
                        yield record


async def records_of(
    log: SqliteLog,
    topic: str,
    partition: int,
    *,
    first: int,
    end: int,
    since: datetime | None = None,
) -> AsyncGenerator[Record]:
    """Yield the records of a partition from offset *first* on, before *end*, and of *since* on."""
    offset = first
    if since is not None:
        offset = max(first, await _first_after(log, topic, partition, end, since - SET_BACK))
    while offset < end:
        records = await log.read(topic, partition, offset, AT_ONCE)
        for record in records:
            if record.offset < end and (since is None or record.appended_at >= since):
                yield record
        offset = records[-1].offset + 1 if records else end


async def _first_after(log: SqliteLog, topic: str, partition: int, end: int, at: datetime) -> int:
    """Return an offset before which nothing was appended at *at* or later."""
    low, high = 0, end
    while low < high:  # what was forgotten is older than what is there
        middle = (low + high) // 2
        there = await log.read(topic, partition, middle, 1)
        if not there:
            high = middle
        elif there[0].appended_at < at:
            low = there[0].offset + 1
        else:
            high = middle
    return low
