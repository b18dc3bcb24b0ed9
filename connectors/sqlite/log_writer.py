"""Writes to the log in groups: what is asked for while others are written goes with the next.

A transaction costs a sync, and two threads that take turns cost as much again. So what is asked
for in one moment of the event loop is one piece of work, whose rows go in by one statement.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import xxhash

from connectors.sqlite.database import Database
from topologies.errors import Retryable
from topologies.ports.log import Entry, Position

MOST_UNDER_WAY = 2  # one is written, and the next waits for the file and not for the event loop

Place = tuple[str, int]  # topic, partition
Ends = Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one caller wants to be written, all of it or nothing."""

    entries: Sequence[Entry]
    positions: Sequence[Position]
    at_ms: int


@dataclass(frozen=True, slots=True)
class _Asked:
    wanted: Wanted
    done: asyncio.Future[None]


class LogWriter:
    """Whatever writes to one log, in one process."""

    def __init__(
        self, database: Database, partitions: int, on_written: Callable[[Ends], None]
    ) -> None:
        """Write to *database*; *on_written* is told in which places, and their new ends."""
        self._database = database
        self._partitions = partitions
        self._on_written = on_written
        self._queue: _Queue | None = None

    async def write(
        self, entries: Sequence[Entry], positions: Sequence[Position], at_ms: int
    ) -> None:
        """Write all of it in one transaction; return when that is durable.

        Raises:
            NoSpace: The disk is full; nothing was written.
            Retryable: The file is locked or can't be written; nothing was written.
        """
        loop = asyncio.get_running_loop()
        if self._queue is None or self._queue.loop is not loop:
            # Commands run one loop after the other; what an earlier one left is its own.
            self._queue = _Queue(loop, self._database, self._work, self._on_written)
        done: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Asked(Wanted(entries, positions, at_ms), done))
        await done

    def _work(self, group: Sequence[_Asked], connection: sqlite3.Connection) -> Ends:
        return write_all(connection, [asked.wanted for asked in group], self._partitions)


class _Queue:
    """What waits in one event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        database: Database,
        work: Callable[[Sequence[_Asked], sqlite3.Connection], Ends],
        on_written: Callable[[Ends], None],
    ) -> None:
        self.loop = loop
        self._database = database
        self._work = work
        self._on_written = on_written
        self._waiting: list[_Asked] = []
        self._is_due = False
        self._under_way = 0

    def put(self, asked: _Asked) -> None:
        """Have it written with what else is asked for in this moment, or while others are."""
        self._waiting.append(asked)
        if not self._is_due and self._under_way < MOST_UNDER_WAY:
            self._is_due = True
            self.loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._is_due = False
        group, self._waiting = self._waiting, []
        if group:
            self._submit(group)

    def _submit(self, group: Sequence[_Asked]) -> None:
        try:
            written = self._database.submit(partial(self._work, group))
        except Retryable as error:  # it is closed
            _fail(group, error)
            return
        self._under_way += 1
        written.add_done_callback(partial(self._end, group))

    def _end(self, group: Sequence[_Asked], written: "asyncio.Future[Ends]") -> None:
        self._under_way -= 1
        error = written.exception()
        if error is None:
            self._on_written(written.result())
            for asked in group:
                if not asked.done.done():
                    asked.done.set_result(None)
        elif len(group) > 1 and not isinstance(error, Retryable):
            for asked in group:  # one of them is at fault: the others must not suffer
                self._submit([asked])
        else:
            _fail(group, error)
        if not self._is_due:
            self._begin()


def write_all(connection: sqlite3.Connection, group: Sequence[Wanted], partitions: int) -> Ends:
    """Write all of *group* within a transaction, in order; return the ends it moved."""
    placed = [
        (_place_of(entry, partitions), entry, wanted.at_ms)
        for wanted in group
        for entry in wanted.entries
    ]
    ends: dict[Place, int] = {}
    offsets: dict[Place, int] = {}
    for place, count in Counter(place for place, _, _ in placed).items():
        [ends[place]] = connection.execute(
            "INSERT INTO ends VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET next = next + excluded.next RETURNING next",
            (*place, count),
        ).fetchone()
        offsets[place] = ends[place] - count
    rows: list[tuple[object, ...]] = []
    for place, entry, at_ms in placed:
        headers = msgspec.json.encode(entry.headers)
        offset = offsets[place]
        offsets[place] = offset + 1
        rows.append((*place, offset, entry.key, entry.event_id, at_ms, headers, entry.value))
    if rows:
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    positions = [
        (p.group, p.topic, p.partition, p.offset, msgspec.json.encode(p.ahead))
        for wanted in group
        for p in wanted.positions
    ]
    if positions:
        connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)", positions)
    return ends


def _place_of(entry: Entry, partitions: int) -> Place:
    return entry.topic, partition_of(entry.key, partitions)


def partition_of(key: str, partitions: int) -> int:
    """Return in which of so many *partitions* the records with *key* lie."""
    return xxhash.xxh32_intdigest(key.encode()) % partitions


def _fail(group: Sequence[_Asked], error: BaseException) -> None:
    for asked in group:
        if not asked.done.done():
            asked.done.set_exception(error)
