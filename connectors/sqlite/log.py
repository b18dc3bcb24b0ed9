"""The partitioned log in one SQLite file.

Writes and reads `log.db`. An offset is taken inside the transaction that writes it, so
other processes may append as well. One sync of the disk serves all who append at the
same time (``connectors.sqlite.log_writer``).
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.sqlite.database import Database
from connectors.sqlite.log_positions import position_of, standings_of
from connectors.sqlite.log_writer import Ends, LogWriter, Place
from topologies.errors import NoSpace, Retryable
from topologies.events.base import Event
from topologies.mail.ids import new_id
from topologies.ports.clock import Clock
from topologies.ports.log import Entry, Position, Record, Standing
from topologies.ports.tracer import trace_headers
from topologies.topics import BY_NAME, DEAD_SUFFIX, topic_of

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
    """
    CREATE TABLE settled (
        topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
        state TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID
    """,
)
PAGE_BYTES = 16 * 1024  # a large record is a few pages to write, rather than a chain of many
POLL_S = 0.5  # how soon what another process appended is seen
TRIMMED_AT_ONCE = 2_000  # records of one transaction, so that nobody waits for long
CHECK_SPACE_EVERY_S = 0.05  # how stale the answer may be; the reserve is far larger
EARLY_FROM = 0.5  # of the limit: what was read is forgotten before its time from here on


def _nobody() -> None: ...


async def _at_once() -> None: ...


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
        retention: timedelta = timedelta(days=7),
        on_append: Callable[[], None] = _nobody,
        before_position: Callable[[], Awaitable[object]] = _at_once,
    ) -> None:
        """Use *database*, which was opened with ``MIGRATIONS`` and is closed by its opener.

        *on_append* is called when something that was appended here is durable: for other
        processes, which then may ``look``. *before_position* is awaited before a position is
        written: what the stages did elsewhere is durable when it returns.
        """
        self._database = database
        self._clock = clock
        self._partitions = partitions
        self._max_bytes = max_bytes
        self._disk_reserve_bytes = disk_reserve_bytes
        self._disk_free = disk_free
        self._retention = retention
        self._on_append = on_append
        self._before_position = before_position
        self._writer = LogWriter(database, partitions, self._written)
        self._appended: dict[Place, asyncio.Event] = {}
        self._waiting = 0
        self._next_look: asyncio.TimerHandle | None = None
        self._looks_in: asyncio.AbstractEventLoop | None = None
        self._known_ends: dict[Place, int] = {}  # nothing of ours is beyond; of others maybe
        self._space_checked_at = -math.inf

    def partitions(self, topic: str) -> int:  # noqa: ARG002  all have as many
        return self._partitions

    async def append(self, events: Sequence[Event]) -> None:
        self._check_space()
        at, headers = self._clock.now(), trace_headers()
        entries = [
            Entry(
                topic=topic_of(type(event)).name,
                key=event.key,
                value=msgspec.json.encode(event),
                event_id=event.own_id or new_id(at),
                headers=headers,
            )
            for event in events
        ]
        await self.commit(entries, [])

    async def write(self, entries: Sequence[Entry]) -> None:
        self._check_space()
        await self.commit(entries, [])

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        if offset >= self._known_ends.get((topic, partition), math.inf):
            return ()  # ``wait`` looks whether others have appended
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
        return self._database.read_now(lambda c: position_of(c, group, topic, partition))

    async def standings(self, read: Collection[tuple[str, str]]) -> Sequence[Standing]:
        found = self._database.read_now(lambda c: standings_of(c, read, self._partitions))
        for each in found:
            self._seen((each.position.topic, each.position.partition), each.end)
        return found

    async def end(self, topic: str, partition: int) -> int:
        row = self._database.read_now(
            lambda c: c.execute(
                "SELECT next FROM ends WHERE topic = ? AND partition = ?", (topic, partition)
            ).fetchone()
        )
        end = row[0] if row else 0
        self._seen((topic, partition), end)
        return end

    async def commit(self, entries: Sequence[Entry], positions: Sequence[Position]) -> None:
        if positions:
            await self._before_position()
        await self._writer.write(entries, positions, self._now_ms())

    def _written(self, ends: Ends) -> None:
        for place, end in ends.items():
            self._seen(place, end)
        if ends:
            self._on_append()

    def used_bytes(self) -> int:
        """Return how much the log holds."""
        return self._database.read_now(_used_bytes)

    def look(self) -> None:
        """Find out what other processes appended, sooner than ``wait`` would."""
        try:
            ends = self._database.read_now(
                lambda c: c.execute("SELECT topic, partition, next FROM ends").fetchall()
            )
        except Retryable:
            return  # ``wait`` looks again
        for topic, partition, end in ends:
            self._seen((topic, partition), end)

    async def wait(self, topic: str, partition: int, offset: int, timeout_s: float) -> None:
        place = (topic, partition)
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                while offset >= self._known_ends.get(place, -1):
                    self._look_soon()
                    await self._appended.setdefault(place, asyncio.Event()).wait()
        except TimeoutError:
            return
        finally:
            self._waiting -= 1

    def _look_soon(self) -> None:
        """Look in a while, once for all who wait, and again for as long as anybody does."""
        loop = asyncio.get_running_loop()
        if self._next_look is None or self._looks_in is not loop:
            self._looks_in = loop
            self._next_look = loop.call_later(POLL_S, self._look_again)

    def _look_again(self) -> None:
        self._next_look = None
        if self._waiting:
            self.look()
            self._look_soon()

    def _seen(self, place: Place, end: int) -> None:
        """Take note that the partition *place* ends at *end*, and wake whoever waits for it."""
        if end > self._known_ends.get(place, 0):
            self._known_ends[place] = end
            if (appended := self._appended.pop(place, None)) is not None:
                appended.set()

    async def trim(self, readers: Mapping[str, Sequence[str]]) -> int:
        places = self._database.read_now(
            lambda c: c.execute("SELECT topic, partition, next FROM ends").fetchall()
        )
        is_early = self._database.read_now(_used_bytes) >= self._max_bytes * EARLY_FROM
        trimmed = 0
        for topic, partition, end in places:
            limit = end
            for group in readers.get(topic, ()):
                limit = min(limit, (await self.position(group, topic, partition)).offset)
            is_early_here = is_early and topic in readers
            before = self._now_ms() if is_early_here else self._oldest_ms(topic)
            while count := await self._trim_some(topic, partition, limit, before):
                trimmed += count
        return trimmed

    async def _trim_some(self, topic: str, partition: int, limit: int, before: int) -> int:
        # Only settled dead letters may go; other topics have nothing to be settled.
        is_free = "AND (topic, partition, offset) IN (SELECT topic, partition, offset FROM settled)"
        rule = is_free if topic.endswith(DEAD_SUFFIX) else ""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "DELETE FROM records WHERE rowid IN (SELECT rowid FROM records WHERE topic = ?"  # noqa: S608  no input in it
                f" AND partition = ? AND offset < ? AND appended_at <= ? {rule}"
                " ORDER BY offset LIMIT ?)",
                (topic, partition, limit, before, TRIMMED_AT_ONCE),
            ).rowcount

        return await self._database.write(work)

    def _oldest_ms(self, topic: str) -> int:
        declared = BY_NAME[topic].retention if topic in BY_NAME else None
        kept = max(declared, self._retention) if declared else self._retention
        return self._now_ms() - int(kept.total_seconds() * 1000)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _check_space(self) -> None:
        now = time.monotonic()
        if now - self._space_checked_at < CHECK_SPACE_EVERY_S:
            return
        if self._disk_free() < self._disk_reserve_bytes:
            raise NoSpace("the disk is nearly full")
        used = self._database.read_now(_used_bytes)
        if used >= self._max_bytes:
            raise NoSpace(f"the log holds {used:,} bytes, which is its limit")
        self._space_checked_at = now


def _used_bytes(connection: sqlite3.Connection) -> int:
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    [free] = connection.execute("PRAGMA freelist_count").fetchone()
    [size] = connection.execute("PRAGMA page_size").fetchone()
    return (pages - free) * size
