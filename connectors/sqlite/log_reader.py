"""Looking back in the log's file, from any process: for audit, replay and rebuilding."""

from collections.abc import AsyncGenerator, Mapping
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
            offset = 0
            if offsets is not None:
                offset = offsets[partition]
            elif since is not None:
                offset = await first_after(self._log, topic, partition, end, since)
            while offset < end:
                records = await self._log.read(topic, partition, offset, AT_ONCE)
                for record in records:
                    if (
                        record.offset < end
                        and (since is None or record.appended_at >= since)
                        and key in (None, record.key)
                    ):
                        yield record
                offset = records[-1].offset + 1 if records else end


async def first_after(log: SqliteLog, topic: str, partition: int, end: int, at: datetime) -> int:
    """Return an offset before which nothing up to *end* was appended at *at* or later.

    As clocks have it, which may have been set back by ``SET_BACK``: what was appended earlier may
    lie behind it.
    """
    at -= SET_BACK
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
