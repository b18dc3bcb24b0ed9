"""One SQLite file with group commit: what every SQLite connector stands on.

All writes of a file go through one thread. It takes whatever waits, runs it in
one transaction and answers when that is on disk: one sync serves all who wait.
Reads run beside it on connections of their own (WAL), and see what is committed.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from connectors.sqlite.turn import Turn
from topologies.errors import Misconfigured, NoSpace, Retryable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

LARGEST_BATCH = 512  # writes in one transaction
BUSY_TIMEOUT_S = 5.0  # how long to wait for another process that writes (the CLI)
READ_THREADS = 2
CACHE_KIB = 8_192  # page cache of one connection
PAGE_BYTES = 4_096


@dataclass(slots=True)
class _Pending:
    work: Work[Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None


def sync_file(path: Path) -> None:
    """Return when what was written to the log of a database is on the disk.

    Whatever of it was copied back into the database by then was synced by SQLite. The locks are
    on other files, so that closing this one lets go of none.

    Raises:
        OSError: It is not, and nobody knows how much of it.
    """
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        getattr(os, "fdatasync", os.fsync)(opened)  # macOS has the other alone
    finally:
        os.close(opened)


class Database:
    """A file of its own, its schema brought up to date when opened."""

    def __init__(
        self,
        path: Path,
        migrations: Sequence[str],
        *,
        page_bytes: int = PAGE_BYTES,
        is_shared: bool = False,
        is_durable: bool = True,
        is_late: bool = False,
        sync_file: Callable[[Path], None] = sync_file,
    ) -> None:
        """Open or create the file.

        Args:
            path: The file; its folder must exist.
            migrations: SQL scripts; number N takes the schema from version N to N+1.
            page_bytes: Of a new file; one that is there stays as it is.
            is_shared: Several processes write it all the time, and do so in turn.
            is_durable: Else the last writes may be lost with a power cut, and cost few syncs.
            is_late: What is written is seen at once, and durable when ``sync`` returns: for what
                is done again, and with the same result, until whoever asks for it has synced.
            sync_file: How ``sync`` does that to the file it is given.

        Raises:
            Misconfigured: The file can't be opened, or was written by a newer version.
        """
        self.path = path
        self._page_bytes = page_bytes
        # NORMAL: all but the last commits survive a power cut, and none in part. OFF would spare
        # the sync of one commit in hundreds, and let a power cut damage the file.
        self._synchronous = "FULL" if is_durable and not is_late else "NORMAL"
        self._is_late = is_durable and is_late
        self._sync_file = sync_file
        self._commits = self._synced = 0  # how many there were, and how many of them are durable
        self._syncing = threading.Lock()
        self._has_failed = False
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._is_closed = False
        try:
            self._turn = Turn(path.with_name(f"{path.name}-turn")) if is_shared else None
            self._writer = self._connect()
            self._migrate(migrations)
        except (sqlite3.Error, OSError) as error:
            raise Misconfigured(f"{path}: can't be opened as a database: {error}") from error
        self._pool = ThreadPoolExecutor(READ_THREADS, thread_name_prefix=f"read-{path.stem}")
        self._thread = threading.Thread(target=self._run, name=f"write-{path.stem}", daemon=True)
        self._thread.start()

    async def write(self, work: Work[T]) -> T:
        """Run *work* in a transaction and return its result once that is durable.

        *work* runs in another thread, possibly in one transaction with others,
        each undone alone when it raises. It must not commit or keep the connection.

        Raises:
            NoSpace: The disk is full; nothing was written.
            Retryable: The file is locked or can't be written; nothing was written.
        """
        return await self.submit(work)

    def submit(self, work: Work[T]) -> asyncio.Future[T]:
        """Begin what ``write`` does, and return its future result.

        Raises:
            Retryable: The file is closed.
        """
        if self._is_closed:
            raise Retryable(f"{self.path.name} is closed", outage=True)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Pending(work, future, loop))
        return future

    async def sync(self) -> None:
        """Return when all that was written before is durable.

        Raises:
            Misconfigured: The disk failed: what is durable is known again after a restart alone.
        """
        if self._is_late and self._synced < self._commits:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._sync)

    async def read(self, work: Work[T]) -> T:
        """Run *work* on a connection that only reads, in another thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self.read_now, work)

    def read_now(self, work: Work[T]) -> T:
        """Run *work* in this thread: for reads by key, which take microseconds."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = self._connect()
                connection.execute("PRAGMA query_only = ON")
                self._local.connection = connection
                self._readers.append(connection)
            return work(connection)
        except sqlite3.OperationalError as error:
            raise _translated(self.path, error) from error

    def close(self) -> None:
        """Finish what waits, then close. Calling it twice is no error."""
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.put(None)
        self._thread.join()
        self._pool.shutdown()
        try:
            if self._is_late and self._synced < self._commits and not self._has_failed:
                self._sync()
        finally:
            for connection in self._readers:
                connection.close()
            self._writer.close()
            if self._turn is not None:
                self._turn.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA page_size = {self._page_bytes}")  # before all else
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on disk when it returns
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def _sync(self) -> None:
        with self._syncing:
            commits = self._commits
            if self._synced == commits:
                return  # by whoever was before
            try:
                if not self._has_failed:
                    self._sync_file(self.path.with_name(f"{self.path.name}-wal"))
            except OSError:
                self._has_failed = True
            if self._has_failed:
                # Once more would succeed, and say nothing: the kernel forgets what it lost.
                raise Misconfigured(f"{self.path}: the disk failed to keep what was written")
            self._synced = commits

    def _migrate(self, migrations: Sequence[str]) -> None:
        [version] = self._writer.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise Misconfigured(
                f"{self.path}: schema version {version} is newer than this program's"
                f" ({len(migrations)}); run the version that wrote it, or a later one"
            )
        for number, script in enumerate(migrations[version:], start=version + 1):
            self._writer.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
            )

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch: list[_Pending] = []
            first = self._queue.get()
            if first is None:
                return
            batch.append(first)
            # What comes while others have their turn is written with it.
            with self._turn or contextlib.nullcontext():
                while len(batch) < LARGEST_BATCH:
                    try:
                        item = self._queue.get_nowait()
                    except queue.Empty:
                        break
                    if item is None:
                        is_open = False
                        break
                    batch.append(item)
                self._transact(batch)

    def _transact(self, batch: list[_Pending]) -> None:
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            for pending in batch:
                self._try(pending)
            connection.execute("COMMIT")
            self._commits += 1
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for pending in batch:
                pending.error = _translated(self.path, error)
        for loop in {pending.loop for pending in batch}:
            done = [pending for pending in batch if pending.loop is loop]
            try:
                loop.call_soon_threadsafe(_settle, done)
            except RuntimeError:
                continue  # that loop is closed: nobody waits there any more

    def _try(self, pending: _Pending) -> None:
        connection = self._writer
        connection.execute("SAVEPOINT one")
        try:
            result = pending.work(connection)
            if isinstance(result, sqlite3.Cursor):
                # It would end in the asker's thread, in the middle of another's statement.
                raise TypeError("what is written returns no cursor")
            pending.result = result
        except BaseException as error:
            if not connection.in_transaction:
                raise sqlite3.OperationalError(str(error)) from error  # SQLite undid all
            connection.execute("ROLLBACK TO one")
            is_ours = isinstance(error, sqlite3.OperationalError)
            pending.error = _translated(self.path, error) if is_ours else error
        connection.execute("RELEASE one")


def _settle(batch: list[_Pending]) -> None:
    for pending in batch:
        if pending.future.done():
            continue  # who asked was cancelled; what was written stays written
        if pending.error is not None:
            pending.future.set_exception(pending.error)
        else:
            pending.future.set_result(pending.result)


def _translated(path: Path, error: sqlite3.Error) -> Exception:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        return NoSpace(f"{path.name}: the disk is full")
    return Retryable(f"{path.name}: {error}", outage=True)
