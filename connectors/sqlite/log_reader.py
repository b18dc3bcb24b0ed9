"""Looking back in the log's file, from any process: for audit, replay and rebuilding."""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime

from connectors.sqlite.log import SqliteLog
from topologies.ports.log import Record

AT_ONCE = 256  # records held


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
    ) -> AsyncGenerator[Record]:
        partitions = range(self._log.partitions(topic))
        if offsets is not None:
            partitions = [partition for partition in partitions if partition in offsets]
        # All of them before the first is read: that is what "now" means.
        ends = {partition: await self._log.end(topic, partition) for partition in partitions}
        for partition, end in ends.items():
            offset = offsets[partition] if offsets is not None else 0
            while offset < end:
                records = await self._log.read(topic, partition, offset, AT_ONCE)
                for record in records:
                    if record.offset < end and (since is None or record.appended_at >= since):
                        yield record
                offset = records[-1].offset + 1 if records else end
