"""Setting a consumer group of the log's file back, while no service runs on it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing
from datetime import datetime

from connectors.sqlite.log import SqliteLog
from connectors.sqlite.log_reader import records_of
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
            now = await self._next(topic, partition, offsets, was, since)
            if now < was:
                moves.append(Rewound(partition, was, now))
        return moves

    async def _next(
        self,
        topic: str,
        partition: int,
        offsets: Mapping[int, int] | None,
        end: int,
        since: datetime | None,
    ) -> int:
        """Return the offset of the first record that is to be read again, or *end*."""
        first = 0 if offsets is None else offsets[partition]
        wanted = records_of(self._log, topic, partition, first=first, end=end, since=since)
        async with aclosing(wanted) as records:
            async for record in records:
                return record.offset
        return end
