"""Setting a consumer group of the log's file back, while no service runs on it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from connectors.sqlite.log import SqliteLog
from connectors.sqlite.log_reader import AT_ONCE, first_after
from topologies.ports.log import Position, Rewound


class SqliteRewinder:
    """Sets groups of one log back."""

    def __init__(self, log: SqliteLog, alone: Callable[[], AbstractContextManager[None]]) -> None:
        """Use *log*; within ``alone()``, which raises if it can't be, no service runs on it."""
        self._log = log
        self._alone = alone

    async def rewind(
        self,
        group: str,
        topic: str,
        *,
        since: datetime | None = None,
        offsets: Mapping[int, int] | None = None,
        only_look: bool = False,
    ) -> Sequence[Rewound]:
        if only_look:
            return await self._moves(group, topic, since, offsets)
        with self._alone():
            moves = await self._moves(group, topic, since, offsets)
            positions = [
                Position(group=group, topic=topic, partition=move.partition, offset=move.now)
                for move in moves
            ]
            if positions:
                await self._log.commit([], positions)
        return moves

    async def _moves(
        self, group: str, topic: str, since: datetime | None, offsets: Mapping[int, int] | None
    ) -> Sequence[Rewound]:
        moves: list[Rewound] = []
        for partition in range(self._log.partitions(topic)):
            if offsets is not None and partition not in offsets:
                continue
            was = (await self._log.position(group, topic, partition)).offset
            wanted = offsets[partition] if offsets is not None else 0
            now = await self._next(topic, partition, wanted, was, since)
            if now < was:
                moves.append(Rewound(partition, was, now))
        return moves

    async def _next(
        self, topic: str, partition: int, offset: int, end: int, since: datetime | None
    ) -> int:
        """Return the offset of the first record from *offset* on, and of *since*, or *end*."""
        if since is not None:
            offset = await first_after(self._log, topic, partition, end, since)
        while offset < end and (
            records := await self._log.read(topic, partition, offset, AT_ONCE if since else 1)
        ):
            for record in records:
                if record.offset >= end:
                    return end
                if since is None or record.appended_at >= since:
                    return record.offset
            offset = records[-1].offset + 1
        return end
