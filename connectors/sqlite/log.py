"""The partitioned log in one SQLite file.

Writes and reads `log.db`. An offset is taken inside the transaction that writes it, so
other processes may append as well. One sync of the disk serves all who append at the
same time (``connectors.sqlite.database``).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import xxhash

from connectors.sqlite.database import Database
from topologies.errors import NoSpace
from topologies.events.base import Event
from topologies.mail.ids import new_id
from topologies.ports.clock import Clock
from topologies.ports.log import Entry, Position, Record
from topologies.topics import topic_of

MIGRATIONS = (
    """
    CREATE TABLE records (
        topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
        key TEXT NOT NULL, event_id TEXT NOT NULL, appended_at INTEGER NOT NULL,
        headers BLOB NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (topic, partition, offset));
    CREATE TABLE ends (
        topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY (topic, partition)) WITHOUT ROWID;
    CREATE TABLE positions (
        consumers TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
        offset INTEGER NOT NULL, ahead BLOB NOT NULL,
        PRIMARY KEY (consumers, topic, partition)) WITHOUT ROWID
    """,
)
POLL_S = 0.5  # how soon what another process appended is seen


class SqliteLog:
    """The log of one deployment."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        partitions: int,
        max_bytes: int,
        disk_reserve_bytes: int,
        disk_free: Callable[[], int],
    ) -> None:
        """Use *database*, which was opened with ``MIGRATIONS`` and is closed by its opener."""
        self._database = database
        self._clock = clock
        self._partitions = partitions
        self._max_bytes = max_bytes
        self._disk_reserve_bytes = disk_reserve_bytes
        self._disk_free = disk_free
        self._appended = asyncio.Event()

    def partitions(self, topic: str) -> int:  # noqa: ARG002  all have as many
        return self._partitions

    async def append(self, events: Sequence[Event]) -> None:
        self._check_space()
        at = self._clock.now()
        entries = [
            Entry(
                topic=topic_of(type(event)).name,
                key=event.key,
                value=msgspec.json.encode(event),
                event_id=new_id(at),
            )
            for event in events
        ]
        await self.commit(entries, [])

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        rows = self._database.read_now(
            lambda c: c.execute(
                "SELECT offset, key, value, event_id, appended_at, headers FROM records"
                " WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
                (topic, partition, offset, limit),
            ).fetchall()
        )
        return [
            Record(
                topic=topic,
                partition=partition,
                offset=at,
                key=key,
                value=value,
                event_id=event_id,
                appended_at=datetime.fromtimestamp(appended_at / 1000, UTC),
                headers=msgspec.json.decode(headers, type=dict[str, str]),
            )
            for at, key, value, event_id, appended_at, headers in rows
        ]

    async def position(self, group: str, topic: str, partition: int) -> Position:
        def work(connection: sqlite3.Connection) -> tuple[int, bytes]:
            place = (topic, partition)
            row = connection.execute(
                "SELECT offset, ahead FROM positions"
                " WHERE consumers = ? AND topic = ? AND partition = ?",
                (group, *place),
            ).fetchone()
            if row is not None:
                return row
            [oldest] = connection.execute(
                "SELECT min(offset) FROM records WHERE topic = ? AND partition = ?", place
            ).fetchone()
            if oldest is None:
                end = connection.execute(
                    "SELECT next FROM ends WHERE topic = ? AND partition = ?", place
                ).fetchone()
                oldest = end[0] if end else 0
            return oldest, b"[]"

        offset, ahead = self._database.read_now(work)
        return Position(
            group=group,
            topic=topic,
            partition=partition,
            offset=offset,
            ahead=frozenset(msgspec.json.decode(ahead, type=list[int])),
        )

    async def commit(self, entries: Sequence[Entry], positions: Sequence[Position]) -> None:
        at = int(self._clock.now().timestamp() * 1000)
        await self._database.write(lambda c: self._write(c, entries, positions, at))
        if entries:
            self._appended.set()
            self._appended = asyncio.Event()

    async def wait(self, topic: str, partition: int, offset: int, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while (left := deadline - loop.time()) > 0:
            appended = self._appended  # before the look, so that no append is missed
            if await self.read(topic, partition, offset, 1):
                return
            try:
                async with asyncio.timeout(min(left, POLL_S)):
                    await appended.wait()
            except TimeoutError:
                continue

    def _check_space(self) -> None:
        if self._disk_free() < self._disk_reserve_bytes:
            raise NoSpace("the disk is nearly full")
        used = self._database.read_now(_used_bytes)
        if used >= self._max_bytes:
            raise NoSpace(f"the log holds {used:,} bytes, which is its limit")

    def _write(
        self,
        connection: sqlite3.Connection,
        entries: Sequence[Entry],
        positions: Sequence[Position],
        at: int,
    ) -> None:
        for entry in entries:
            partition = xxhash.xxh32_intdigest(entry.key.encode()) % self._partitions
            [offset] = connection.execute(
                "INSERT INTO ends VALUES (?, ?, 1)"
                " ON CONFLICT DO UPDATE SET next = next + 1 RETURNING next - 1",
                (entry.topic, partition),
            ).fetchone()
            headers = msgspec.json.encode(entry.headers)
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.topic,
                    partition,
                    offset,
                    entry.key,
                    entry.event_id,
                    at,
                    headers,
                    entry.value,
                ),
            )
        connection.executemany(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)",
            [
                (p.group, p.topic, p.partition, p.offset, msgspec.json.encode(sorted(p.ahead)))
                for p in positions
            ],
        )


def _used_bytes(connection: sqlite3.Connection) -> int:
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    [free] = connection.execute("PRAGMA freelist_count").fetchone()
    [size] = connection.execute("PRAGMA page_size").fetchone()
    return (pages - free) * size
