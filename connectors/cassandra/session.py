"""One session with a Cassandra (or ScyllaDB) cluster: what all its connectors stand on.

Bridges the driver, which answers in a thread of its own, to asyncio. Statements are texts,
prepared when first used. Writes and reads are at LOCAL_QUORUM, so that what was acknowledged
is seen by whoever reads next, whichever node is down. All statements may be repeated.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from connectors.access import Access
from connectors.cassandra import driver
from topologies.errors import Misconfigured, Poison, Retryable

Row = tuple[Any, ...]
Parameters = Sequence[Any]
Statement = tuple[str, Parameters]
T = TypeVar("T")

TIMEOUT_S = 10.0  # of one request
CONNECT_TIMEOUT_S = 5
AT_ONCE = 64  # requests that one call of `execute_all` has in flight


@dataclass(frozen=True, slots=True)
class RowPage:
    """A stretch of rows, and where the next one begins; None at the end."""

    rows: list[Row]
    paging_state: bytes | None


class CassandraSession:
    """A session on one keyspace. Used from the event loop that opened it."""

    def __init__(self, connected: driver.Connected, *, timeout_s: float = TIMEOUT_S) -> None:
        """Use *connected*, which is closed by whoever opened it."""
        self._connected = connected
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._prepared = connected.prepared
        self._preparing: dict[str, asyncio.Task[driver.Prepared]] = {}
        self._answered: deque[tuple[asyncio.Future[driver.Answer], driver.Answer]] = deque()
        self._lock = threading.Lock()
        self._is_woken = False

    @property
    def keyspace(self) -> str:
        """The keyspace that tables without one are in."""
        return self._connected.keyspace

    async def execute(self, statement: str, parameters: Parameters = ()) -> list[Row]:
        """Run *statement* and return its rows, all of them.

        Args:
            statement: CQL with `?` for each parameter.
            parameters: Values in their order.

        Raises:
            Retryable: It was not answered in time; a write may or may not have happened.
                ``outage`` if no node could be asked at all.
        """
        page = await self.page(statement, parameters)
        rows = page.rows
        while page.paging_state is not None:
            page = await self.page(statement, parameters, paging_state=page.paging_state)
            rows += page.rows
        return rows

    async def page(
        self,
        statement: str,
        parameters: Parameters = (),
        size: int = 5_000,
        paging_state: bytes | None = None,
    ) -> RowPage:
        """Run *statement* and return up to *size* rows from *paging_state* on.

        Raises:
            Retryable: As ``execute``.
        """
        prepared = self._prepared.get(statement) or await self._prepare(statement)
        answer = await self._ask(
            self._connected.bound(prepared, parameters, size), paging_state=paging_state
        )
        return RowPage(answer.rows, answer.paging_state)

    async def execute_all(
        self, statements: Sequence[Statement], *, at_once: int = AT_ONCE
    ) -> list[list[Row]]:
        """Run *statements* beside each other, *at_once* in flight, and return their rows in order.

        Raises:
            Retryable: One failed, as ``execute``; of the others any may have happened.
        """
        if len(statements) == 1:
            return [await self.execute(*statements[0])]
        return await gather([self.execute(*each) for each in statements], at_once=at_once)

    async def batch(self, statements: Sequence[Statement], *, logged: bool = False) -> None:
        """Run writes as one batch: all in one request.

        Those of one partition happen all or none, and at once. Those of several: with
        *logged* all of them sooner or later, without it maybe some only.

        Raises:
            Retryable: As ``execute``.
        """
        if len(statements) == 1:
            await self.execute(*statements[0])
            return
        prepared = [
            (self._prepared.get(text) or await self._prepare(text), parameters)
            for text, parameters in statements
        ]
        await self._ask(self._connected.batch(prepared, is_logged=logged))

    async def define(self, statement: str) -> None:
        """Run a statement that defines keyspaces or tables: as it is, with no parameters.

        Raises:
            Retryable: As ``execute``.
            Misconfigured: The cluster refuses it.
        """
        await self._ask(self._connected.plain(statement), timeout_s=4 * self._timeout_s)

    async def _prepare(self, statement: str) -> driver.Prepared:
        # One task for all who wait, so that a new connector does not prepare a text 64 times.
        task = self._preparing.get(statement)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._connected.prepare, statement))
            self._preparing[statement] = task
        try:
            prepared = await asyncio.shield(task)
        except driver.FOREIGN as error:
            raise translated(error) from error
        finally:
            if task.done():
                self._preparing.pop(statement, None)
        return prepared

    async def _ask(
        self,
        request: driver.Request,
        *,
        paging_state: bytes | None = None,
        timeout_s: float | None = None,
    ) -> driver.Answer:
        future: asyncio.Future[driver.Answer] = self._loop.create_future()

        def settle(answer: driver.Answer) -> None:
            self._tell(future, answer)

        try:
            self._connected.send(request, paging_state, timeout_s or self._timeout_s, settle)
        except driver.FOREIGN as error:
            raise translated(error) from error
        answer = await future
        if answer.error is not None:
            raise translated(answer.error) from answer.error
        return answer

    def _tell(self, future: asyncio.Future[driver.Answer], answer: driver.Answer) -> None:
        """Hand over an answer, in the driver's thread; one wake-up serves all that came."""
        with self._lock:
            self._answered.append((future, answer))
            is_woken, self._is_woken = self._is_woken, True
        if is_woken:
            return
        try:
            self._loop.call_soon_threadsafe(self._settle)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    def _settle(self) -> None:
        with self._lock:
            self._is_woken = False
            answered, self._answered = self._answered, deque()
        for future, answer in answered:
            if not future.done():  # else whoever asked was cancelled
                future.set_result(answer)


@asynccontextmanager
async def open_session(
    hosts: Sequence[str],
    keyspace: str,
    *,
    replication: int = 1,
    timeout_s: float = TIMEOUT_S,
    create: bool = False,
    is_tunnel: bool = False,
    access: Access | None = None,
) -> AsyncGenerator[CassandraSession]:
    """Connect, and disconnect at the end.

    Args:
        hosts: ``host:port`` of some nodes; the others are found by asking these.
        keyspace: Where the tables lie.
        replication: Copies of each row, if the keyspace is created.
        timeout_s: How long one request may take.
        create: Create the keyspace if it is not there.
        is_tunnel: The one host leads to the one node, which calls itself otherwise.
        access: How the nodes are spoken to; None: in clear, and as nobody.

    Raises:
        Retryable: No node answers; ``outage`` is set.
        Misconfigured: The addresses or the keyspace are wrong, or we are not let in; says how.
    """
    if not driver.IDENTIFIER.fullmatch(keyspace):
        raise Misconfigured(f"cassandra_keyspace: {keyspace!r} is no name of a keyspace")
    addresses = [address_of(host) for host in hosts]
    if not addresses:
        raise Misconfigured("cassandra_hosts: names no host")
    access = access or Access(engine="cassandra")
    await access.check(addresses)
    try:
        connected = await asyncio.to_thread(
            driver.connect,
            addresses,
            keyspace,
            replication if create else None,
            CONNECT_TIMEOUT_S,
            is_tunnel,
            access.tls(),
            access.user,
            access.password,
        )
    except driver.NoKeyspace as error:
        raise Misconfigured(
            f"Cassandra has no keyspace {keyspace}: run `rillmail schema apply`"
        ) from error
    except driver.FOREIGN as error:
        if driver.kind_of(error) == "unknown":
            raise access.refused(driver.reason_of(error)) from error
        failure = translated(error)
        if not isinstance(failure, Misconfigured):
            failure = await access.wants_tls(addresses)
        if failure is not None:
            raise failure from error
        raise Retryable(
            f"no Cassandra node answers at {', '.join(hosts)} (cassandra_hosts)", outage=True
        ) from error
    try:
        yield CassandraSession(connected, timeout_s=timeout_s)
    finally:
        await asyncio.to_thread(connected.close)


async def gather(work: Sequence[Coroutine[Any, Any, T]], *, at_once: int = AT_ONCE) -> list[T]:
    """Await *work*, *at_once* beside each other, and return the results in order.

    All have ended when this returns or raises, so that nothing is written behind one's back.
    """
    if len(work) == 1:
        return [await work[0]]
    tasks = work
    if len(work) > at_once:
        free = asyncio.Semaphore(at_once)

        async def one(each: Coroutine[Any, Any, T]) -> T:
            async with free:
                return await each

        tasks = [one(each) for each in work]
    try:
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for each in work:
            each.close()  # those that a cancellation kept from beginning
    results: list[T] = []
    for result in ended:
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    return results


def translated(error: BaseException) -> Exception:
    """Return what an error of the driver means to us."""
    kind, words = driver.kind_of(error), driver.words_of(error)
    if kind == "unknown":
        return Misconfigured(f"Cassandra does not let us in: look at cassandra_user: {words}")
    if kind == "forbidden":
        return Misconfigured(f"Cassandra does not let cassandra_user do that: {words}")
    if kind == "refused":
        return Misconfigured(f"Cassandra refuses (see `rillmail schema`): {words}")
    if kind == "unfit":
        return Poison(f"Cassandra can't take that: {words}")
    return Retryable(f"Cassandra: {words}", outage=kind == "away")


def address_of(host: str) -> tuple[str, int]:
    """Return host and port of ``host:port``.

    Raises:
        Misconfigured: It is no such thing.
    """
    name, colon, port = host.rpartition(":")
    if not colon:
        return host, 9042
    if not name or not port.isdecimal():
        raise Misconfigured(f"cassandra_hosts: {host!r} is not host:port")
    return name.strip("[]"), int(port)
