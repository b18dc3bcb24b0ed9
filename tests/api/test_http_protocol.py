"""What the HTTP server makes of bytes: requests are bounded, answers go out in one piece."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from api.http_protocol import MOST_HELD_BYTES, HttpProtocol
from api.server import KEEP_ALIVE_S, HttpServer

GET = b"GET / HTTP/1.1\r\nHost: here\r\n"
POST = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
TIMEOUT_S = 20
REFUSED = ("400 ", "closed")  # what says why may be lost, as more was sent than was read


async def test_a_head_that_is_just_short_enough_is_read() -> None:
    fields = b"X-Long: " + b"x" * (MOST_HELD_BYTES - len(GET) - 12) + b"\r\n\r\n"
    assert await answered(GET, fields, b"") == "200 0 bytes"


@pytest.mark.parametrize(
    "endless",
    [
        (GET, b"X-Long: ", b"x" * 1_000),
        (GET, b"", b"X-Many: x\r\n" * 100),
        (b"GET /", b"", b"x" * 1_000),
        (POST, b"1\r\nx\r\n0\r\n", b"X-Late: x\r\n" * 100),
        (POST, b"1\r\nx\r\n0\r\nX-Late: ", b"x" * 1_000),
    ],
    ids=["a field", "fields", "a path", "fields after the content", "a field after the content"],
)
async def test_what_does_not_end_is_refused(endless: tuple[bytes, bytes, bytes]) -> None:
    begin, more, again = endless
    rest = again * (MOST_HELD_BYTES // len(again))
    assert (await answered(begin + more, *[rest] * 20)).startswith(REFUSED)


async def test_a_content_may_be_longer_than_a_head() -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    assert await answered(POST, *[chunk] * 20, b"0\r\n\r\n") == f"200 {20 * 0x4000} bytes"


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",  # RFC 9112 §6.1
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length : 4\r\n",  # RFC 9112 §5.1
        b"X-Split: a\rb\r\n",
    ],
)
async def test_a_length_that_can_be_read_in_two_ways_is_refused(fields: bytes) -> None:
    sent = b"POST / HTTP/1.1\r\nHost: here\r\n" + fields + b"\r\nabcd"
    assert (await answered(sent)).startswith("400 ")


async def test_requests_that_are_sent_together_are_answered_in_order() -> None:
    async with connected() as (reader, writer):
        writer.write(GET + b"\r\n" + POST + b"3\r\nabc\r\n0\r\n\r\n" + GET + b"\r\n")
        told = [await answer(reader) for _ in range(3)]
        assert told == ["200 0 bytes", "200 3 bytes", "200 0 bytes"]


async def test_head_and_content_of_an_answer_are_written_together() -> None:
    protocol, transport = connection()
    protocol.data_received(GET + b"\r\n")
    written = await transport.next()
    assert written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert written.endswith(b"\r\n\r\n0 bytes")


async def test_a_head_without_content_is_not_held_back() -> None:
    protocol, transport = connection()
    protocol.data_received(GET.replace(b"GET /", b"GET /later") + b"\r\n")
    assert (await transport.next()).endswith(b"\r\n\r\n")
    transport.may_go_on.set()
    assert b"now" in await transport.next()


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self._written: asyncio.Queue[bytes] = asyncio.Queue()
        self.may_go_on = asyncio.Event()

    def write(self, data: bytes) -> None:
        self._written.put_nowait(data)

    async def next(self) -> bytes:
        """Return the next piece that is written."""
        return await asyncio.wait_for(self._written.get(), TIMEOUT_S)

    def is_closing(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return self._nothing

    def _nothing(self, *_: object) -> None: ...


def connection() -> tuple[HttpProtocol, Transport]:
    """Return a connection whose other end is a list."""
    transport = Transport()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/later":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await transport.may_go_on.wait()
            await send({"type": "http.response.body", "body": b"now"})
        else:
            await counting(scope, receive, send)

    config = Config(app, log_config=None, lifespan="off", interface="asgi3")
    protocol = HttpProtocol(config, ServerState(), {})
    protocol.connection_made(transport)  # type: ignore[arg-type]
    return protocol, transport


async def counting(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} bytes")(scope, receive, send)


@pytest.mark.parametrize(
    "begun",
    [b"", GET, GET + b"X-Begun: ", POST, POST + b"4\r\nab", GET + b"\r\n" + GET],
    ids=["nothing", "a head", "a field", "no content", "a chunk", "a second request"],
)
async def test_who_falls_silent_in_the_middle_of_a_request_is_hung_up_on(begun: bytes) -> None:
    async with connected(silent_s=1) as (reader, writer):
        writer.write(begun)
        if begun.startswith(GET + b"\r\n"):
            assert await answer(reader) == "200 0 bytes"
        async with asyncio.timeout(5):
            assert await reader.read() == b""


async def test_who_is_slow_and_not_silent_is_read_to_the_end() -> None:
    async with connected(silent_s=1) as (reader, writer):
        for piece in (POST[:20], POST[20:], b"2\r\n", b"ab\r\n", b"0\r\n\r\n"):
            writer.write(piece)
            await asyncio.sleep(0.6)
        assert await answer(reader) == "200 2 bytes"


async def test_an_answer_may_take_longer_than_a_client_may_be_silent() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(1.5)  # while what was sent waits to be read
        await counting(scope, receive, send)

    size = 1_000_000
    async with connected(slow, silent_s=1) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % size)
        writer.write(b"x" * size)
        assert await answer(reader) == f"200 {size} bytes"


async def answered(*pieces: bytes) -> str:
    """Send *pieces* and return status and content of the one answer."""
    async with connected() as (reader, writer):
        sending = asyncio.create_task(_sent(writer, pieces))
        try:
            return await answer(reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            return "closed"
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _sent(writer: asyncio.StreamWriter, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()


async def answer(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(TIMEOUT_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        [length] = [
            int(line.split(":")[1])
            for line in head.splitlines()
            if line.lower().startswith("content-length:")
        ]
        content = await reader.readexactly(length)
    return f"{head.split()[1]} {content.decode()}"


@asynccontextmanager
async def connected(
    app: ASGIApp = counting, *, silent_s: int = KEEP_ALIVE_S
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = HttpServer(app, "127.0.0.1", 0, silent_s=silent_s)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await server.close()
