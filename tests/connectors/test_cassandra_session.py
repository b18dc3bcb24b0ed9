"""The session with Cassandra: rows come back, and every failure says what to do about it."""

import asyncio
import secrets
import time
from contextlib import suppress

import pytest
from click.testing import CliRunner

from api.cli.schema import schema
from connectors.cassandra import migrations
from connectors.cassandra.driver import Connected
from connectors.cassandra.session import CassandraSession, address_of, gather, open_session
from connectors.settings import load
from topologies.errors import Misconfigured, Poison, Retryable

PUT = "INSERT INTO commands (user_id, command_id, events) VALUES (?, ?, ?)"
GET = "SELECT events FROM commands WHERE user_id = ? AND command_id = ?"
PUT_CHANGE = "INSERT INTO changes (user_id, stretch, last_seq, events) VALUES (?, ?, ?, ?)"
CHANGES = "SELECT last_seq FROM changes WHERE user_id = ? AND stretch = ?"


@pytest.fixture
def user() -> str:
    return secrets.token_hex(8)


# --- without any engine -------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "address"),
    [("a:1", ("a", 1)), ("[::1]:9042", ("::1", 9042)), ("a.example", ("a.example", 9042))],
)
def test_a_host_may_name_its_port(host: str, address: tuple[str, int]) -> None:
    assert address_of(host) == address


@pytest.mark.parametrize("host", [":1", "a:b"])
def test_what_is_no_address_is_told(host: str) -> None:
    with pytest.raises(Misconfigured, match="cassandra_hosts"):
        address_of(host)


async def test_no_node_is_an_outage_that_says_where_was_asked() -> None:
    with pytest.raises(Retryable, match=r"127\.0\.0\.1:1 \(cassandra_hosts\)") as found:
        async with open_session(["127.0.0.1:1"], "rillmail"):
            pass
    assert found.value.outage


@pytest.mark.parametrize("keyspace", ["", "a b", "x; DROP", "Upper"])
async def test_a_keyspace_has_a_plain_name(keyspace: str) -> None:
    with pytest.raises(Misconfigured, match="cassandra_keyspace"):
        async with open_session(["127.0.0.1:1"], keyspace):
            pass


async def test_work_side_by_side_ends_before_a_failure_is_told() -> None:
    ended: list[int] = []

    async def one(number: int) -> int:
        await asyncio.sleep(0)
        if number == 0:
            raise Retryable("the first fails")
        await asyncio.sleep(0)
        ended.append(number)
        return number

    with pytest.raises(Retryable):
        await gather([one(number) for number in range(10)], at_once=3)
    assert sorted(ended) == list(range(1, 10))
    assert await gather([one(number) for number in range(1, 9)], at_once=3) == list(range(1, 9))


# --- with the engine ----------------------------------------------------------------


@pytest.mark.live
async def test_rows_come_back_in_pages_and_whole(cassandra: Connected, user: str) -> None:
    session = CassandraSession(cassandra)
    written = [(PUT_CHANGE, (user, 0, number, b"")) for number in range(25)]
    await session.execute_all(written, at_once=7)
    assert await session.execute(CHANGES, (user, 0)) == [(number,) for number in range(25)]
    first = await session.page(CHANGES, (user, 0), size=10)
    assert len(first.rows) == 10
    second = await session.page(CHANGES, (user, 0), size=20, paging_state=first.paging_state)
    assert [row[0] for row in first.rows + second.rows] == list(range(25))
    assert second.paging_state is None


@pytest.mark.live
async def test_a_batch_writes_all(cassandra: Connected, user: str) -> None:
    session = CassandraSession(cassandra)
    for logged in (True, False):
        name = f"logged {logged}"
        await session.batch(
            [(PUT, (user, f"{name} {number}", b"x")) for number in range(5)], logged=logged
        )
        for number in range(5):
            assert await session.execute(GET, (user, f"{name} {number}")) == [(b"x",)]


@pytest.mark.live
async def test_a_large_request_does_not_wait_for_acknowledgements_of_its_pieces(
    cassandra: Connected, user: str
) -> None:
    session = CassandraSession(cassandra)
    took_s: list[float] = []
    for number in range(60):  # of a fresh connection, the first are acknowledged at once
        began = time.perf_counter()
        await session.execute(PUT, (user, f"{number}", bytes(9_000)))
        took_s.append(time.perf_counter() - began)
    assert min(took_s[30:]) < 0.035  # with Nagle's algorithm each takes 40 ms and more


@pytest.mark.live
async def test_who_stops_waiting_disturbs_nobody(cassandra: Connected, user: str) -> None:
    session = CassandraSession(cassandra)
    for number in range(20):
        task = asyncio.create_task(session.execute(PUT, (user, f"{number}", b"x")))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await session.execute(PUT, (user, "last", b"y"))
    assert await session.execute(GET, (user, "last")) == [(b"y",)]


@pytest.mark.live
async def test_a_missing_table_stops_the_worker_and_says_what_to_run(
    cassandra: Connected,
) -> None:
    with pytest.raises(Misconfigured, match="rillmail schema"):
        await CassandraSession(cassandra).execute("SELECT a FROM nothing_here")


@pytest.mark.live
async def test_what_the_server_can_never_take_is_poison(cassandra: Connected, user: str) -> None:
    with pytest.raises(Poison):  # a part of a key has at most 64 KiB
        await CassandraSession(cassandra).execute(GET, (user, "x" * 100_000))


@pytest.mark.live
async def test_a_missing_keyspace_says_what_to_run() -> None:
    with pytest.raises(Misconfigured, match="rillmail schema apply"):
        async with open_session(load().cassandra_hosts, f"no_{secrets.token_hex(4)}"):
            pass


@pytest.mark.live
async def test_a_cut_connection_is_an_outage_and_heals_by_itself(
    cassandra: Connected, user: str
) -> None:
    async with (
        _Wire() as wire,
        open_session([wire.address], cassandra.keyspace, is_tunnel=True) as session,
    ):
        await session.execute(PUT, (user, "before", b"x"))
        await wire.cut()
        for _ in range(2):
            with pytest.raises(Retryable) as found:
                await session.execute(PUT, (user, "during", b"x"))
            assert found.value.outage
        await wire.mend()
        async with asyncio.timeout(30):
            while True:
                with suppress(Retryable):
                    await session.execute(PUT, (user, "after", b"x"))
                    break
                await asyncio.sleep(0.05)
        assert await session.execute(GET, (user, "after")) == [(b"x",)]


@pytest.mark.live
async def test_a_node_on_another_port_is_asked_there_and_nowhere_else(
    cassandra: Connected, user: str
) -> None:
    # Nodes tell their addresses and no ports: one at the usual port may be another cluster's.
    async with _Wire() as wire, open_session([wire.address], cassandra.keyspace) as session:
        await session.execute(PUT, (user, "before", b"x"))
        await wire.cut()
        with pytest.raises(Retryable):
            await session.execute(PUT, (user, "during", b"x"))


@pytest.mark.live
async def test_a_server_that_does_not_answer_is_waited_for_so_long_and_no_longer(
    cassandra: Connected, user: str
) -> None:
    async with (
        _Wire() as wire,
        open_session([wire.address], cassandra.keyspace, timeout_s=0.3, is_tunnel=True) as session,
    ):
        await session.execute(PUT, (user, "before", b"x"))
        wire.hold()
        with pytest.raises(Retryable, match="OperationTimedOut") as found:
            await session.execute(PUT, (user, "during", b"x"))
        assert found.value.outage


@pytest.mark.live
def test_the_schema_is_applied_once_by_whoever_comes_first() -> None:
    keyspace = f"rillmail_test_{secrets.token_hex(4)}"
    environment = {"RILLMAIL_PROFILE": "cluster", "RILLMAIL_CASSANDRA_KEYSPACE": keyspace}

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(schema, words, env=environment)
        return result.exit_code, result.output

    async def both() -> list[list[str]]:
        async with open_session(load().cassandra_hosts, keyspace, create=True) as session:
            try:
                return list(
                    await asyncio.gather(migrations.apply(session), migrations.apply(session))
                )
            finally:
                await migrations.check(session)

    async def drop() -> None:
        async with open_session(load().cassandra_hosts, keyspace) as session:
            await session.define(f"DROP KEYSPACE {keyspace}")

    try:
        code, output = run("status")
        assert (code, "rillmail schema apply" in output) == (1, True)
        applied = asyncio.run(both())
        assert applied[0] == applied[1]
        assert "mailboxes 1" in applied[0]
        assert run("apply") == (0, "Nothing is missing.\n")
        assert run("status", "--json")[0] == 0
    finally:
        asyncio.run(drop())


class _Wire:
    """A wire to the engine that can be cut, held and mended."""

    def __init__(self) -> None:
        self._target = address_of(load().cassandra_hosts[0])
        self._port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def __aenter__(self) -> "_Wire":
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    async def mend(self) -> None:
        """Take connections."""
        self._flows.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Drop all connections and take none."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self) -> None:
        """Keep the connections and let nothing through."""
        self._flows.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            up, down = await asyncio.open_connection(*self._target)
            try:
                await asyncio.gather(self._pass(reader, down), self._pass(up, writer))
            finally:
                down.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
