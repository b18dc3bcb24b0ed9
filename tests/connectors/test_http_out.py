"""Posting over real connections: whatever answers, or does not, costs bounded time and memory."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from connectors.http_out.lines import (
    MOST_AT_ONCE,
    MOST_WAITING,
    SILENT_FOR_S,
    Full,
    Lines,
)
from connectors.http_out.messenger import HttpMessenger, context_of
from connectors.memory.dns import MemoryDns
from tests.outbound.certificates import made
from tests.process import free_port
from tests.sink import Answer, Sink, listening
from topologies.errors import Misconfigured
from topologies.ports.messenger import NotNow, Reply

BODY = b'{"type": "email.delivered"}'
HEADERS = {"webhook-id": "m", "webhook-signature": "v1,x"}


async def test_what_is_posted_arrives_with_its_headers(sink: Sink) -> None:
    async with messenger() as it:
        reply = await it.post("w", sink.url + "?a=b%20c", HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert reply.status == 204
    [post] = sink.posts
    assert (post.path, post.body) == ("/hook?a=b%20c", BODY)
    wanted = {
        **HEADERS,
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "host": f"127.0.0.1:{sink.port}",
        "user-agent": "rillmail-webhooks",
    }
    assert {name: post.headers[name] for name in wanted} == wanted


async def test_what_kind_of_message_it_is_may_be_said(sink: Sink) -> None:
    own = {"content-type": "application/x-www-form-urlencoded", "user-agent": "another"}
    async with messenger() as it:
        await it.post("w", sink.url, own, b"a=b")
    [post] = sink.posts
    assert {name: post.headers[name] for name in own} == own


async def test_a_connection_serves_one_message_after_another(sink: Sink) -> None:
    async with messenger() as it:
        for _ in range(5):
            await it.post("w", sink.url, HEADERS, BODY)
    assert (len(sink.posts), sink.connections) == (5, 1)


async def test_a_connection_that_was_ended_meanwhile_is_not_used(sink: Sink) -> None:
    async with messenger() as it:
        for count in (1, 2, 3):
            sink.answers = [Answer(204, {"Connection": "close"})]
            reply = await it.post("w", sink.url, HEADERS, BODY)
            assert isinstance(reply, Reply)
            assert (reply.status, sink.connections) == (204, count)


async def test_a_redirect_is_not_followed(sink: Sink) -> None:
    sink.answers = [Answer(302, {"Location": f"http://127.0.0.1:{sink.port}/elsewhere"})]
    async with messenger() as it:
        reply = await it.post("w", sink.url, HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert (reply.status, [post.path for post in sink.posts]) == (302, ["/hook"])


async def test_of_an_answer_the_beginning_is_told_on_one_line(sink: Sink) -> None:
    sink.answers = [Answer(500, body=b"we \x1b[31m are\r\n down " + b"x" * 9_000_000)]
    async with messenger() as it:
        reply = await it.post("w", sink.url, HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert reply.status == 500
    assert reply.text.startswith("we [31m are down xxx")
    assert len(reply.text) == 200


async def test_who_takes_too_long_has_not_answered() -> None:
    async with trickling(b"") as port, messenger(timeout_s=0.3) as it:
        reply = await it.post("w", f"http://127.0.0.1:{port}/", HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.text) == (0, "no answer within 0.3 s")


async def test_what_was_said_counts_though_the_rest_never_comes() -> None:
    begun = b"HTTP/1.1 202 Fine\r\nContent-Length: 99\r\n\r\ntaken"
    async with trickling(begun) as port, messenger(timeout_s=0.5) as it:
        reply = await it.post("w", f"http://127.0.0.1:{port}/", HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.text[:5]) == (202, "taken")


@pytest.mark.parametrize(
    ("given", "asked_s"), [("120", 120), ("soon", 0), ("-1", 0), ("9" * 400, 0), ("1.5", 0)]
)
async def test_who_asks_for_time_says_how_much(sink: Sink, given: str, asked_s: float) -> None:
    sink.answers = [Answer(429, {"Retry-After": given})]
    async with messenger() as it:
        reply = await it.post("w", sink.url, HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.after_s) == (429, asked_s)


@pytest.mark.parametrize("begun", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nX: "])
async def test_who_answers_drop_by_drop_has_not_answered(begun: bytes) -> None:
    async with trickling(begun) as port, messenger(timeout_s=0.5) as it:
        reply = await it.post("w", f"http://127.0.0.1:{port}/", HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert reply.status == 0


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 300_000]
)
async def test_what_is_no_answer_of_http_is_none(said: bytes) -> None:
    async with saying(said) as port, messenger() as it:
        reply = await it.post("w", f"http://127.0.0.1:{port}/", HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert (reply.status, bool(reply.text)) == (0, True)


async def test_where_nobody_listens_nothing_is_answered() -> None:
    async with messenger() as it:
        reply = await it.post("w", f"http://127.0.0.1:{free_port()}/", HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert reply.status == 0


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", "no address of the Internet"),
        ("[::1]", "no address of the Internet"),
        ("hook.example", "no address of the Internet"),
        ("both.example", "no address of the Internet"),
        ("nowhere.example", "has no address"),
        ("away.example", "away.example"),
    ],
)
async def test_addresses_of_our_own_network_are_not_connected_to(
    sink: Sink, host: str, why: str
) -> None:
    async with messenger(is_private_allowed=False) as it:
        reply = await it.post("w", f"http://{host}:{sink.port}/hook", HEADERS, BODY)
    assert isinstance(reply, Reply)
    assert reply.status == 0
    assert why in reply.text
    assert sink.connections == 0


async def test_a_name_that_leads_elsewhere_since_is_looked_up_again(sink: Sink) -> None:
    hook = {"A": ["127.0.0.1"]}
    zones = {"hook.example": hook}
    async with messenger(zones=zones) as it:
        first = await it.post("w", f"http://hook.example:{sink.port}/", HEADERS, BODY)
        sink.answers = [Answer(204, {"Connection": "close"})]
        await it.post("w", f"http://hook.example:{sink.port}/", HEADERS, BODY)
        hook["A"] = []
        last = await it.post("w", f"http://hook.example:{sink.port}/", HEADERS, BODY)
    assert isinstance(first, Reply)
    assert isinstance(last, Reply)
    assert (first.status, last.status) == (204, 0)


async def test_by_tls_the_name_must_be_the_certificate_s(tmp_path: Path) -> None:
    certificate = made(tmp_path, "hook.example")
    zones = {name: {"A": ["127.0.0.1"]} for name in ("hook.example", "other.example")}

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readuntil(b"}")
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()

    server = await asyncio.start_server(answered, "127.0.0.1", 0, ssl=certificate.context())
    port = server.sockets[0].getsockname()[1]
    async with server:
        async with messenger(zones=zones, context=context_of(certificate.pem)) as it:
            good = await it.post("w", f"https://hook.example:{port}/", HEADERS, BODY)
            bad = await it.post("w", f"https://other.example:{port}/", HEADERS, BODY)
        async with messenger(zones=zones) as it:
            unknown = await it.post("w", f"https://hook.example:{port}/", HEADERS, BODY)
    replies = [each for each in (good, bad, unknown) if isinstance(each, Reply)]
    assert [each.status for each in replies] == [204, 0, 0]
    assert all("certificate" in each.text.lower() for each in replies[1:])


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_whatever_ends_in_its_middle_leaves_no_connection_open(scheme: str) -> None:
    is_open: set[int] = set()
    has_left = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_open.add(id(writer))
        with closing(writer):
            while await reader.read(1_000):
                pass
        is_open.discard(id(writer))
        has_left.set()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, messenger(lines=Lines(slow_s=99)) as it:
        for number in range(60):  # cancelled at whatever it is about
            post = asyncio.create_task(it.post(f"{number}", url, HEADERS, BODY))
            for _ in range(number):
                await asyncio.sleep(0)
            post.cancel()
            await asyncio.gather(post, return_exceptions=True)
        async with asyncio.timeout(20):
            while is_open:
                await has_left.wait()
                has_left.clear()


def test_authorities_that_can_t_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="delivery_ca_file"):
        context_of(str(tmp_path / "nothing.pem"))


async def test_a_dead_webhook_keeps_no_other_waiting(sink: Sink) -> None:
    lines = Lines(slow_s=0.1)
    async with trickling(b"") as port, messenger(timeout_s=0.5, lines=lines) as it:
        dead = [
            asyncio.create_task(it.post("dead", f"http://127.0.0.1:{port}/", HEADERS, BODY))
            for _ in range(200)
        ]
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            alive = [await it.post("alive", sink.url, HEADERS, BODY) for _ in range(20)]
        assert {each.status for each in alive if isinstance(each, Reply)} == {204}
        assert len(alive) == 20
        replies = await asyncio.gather(*dead)
        tried = [each for each in replies if isinstance(each, Reply)]
        put_off = [each for each in replies if isinstance(each, NotNow)]
        assert len(tried) == MOST_AT_ONCE
        reasons = {each.reason for each in put_off}
        assert reasons == {
            "it takes no more at once",
            "it was not asked, since lately: no answer within 0.5 s",
        }
        again = await it.post("dead", f"http://127.0.0.1:{port}/", HEADERS, BODY)
        assert isinstance(again, NotNow)


async def test_after_a_pause_one_message_finds_out_for_all() -> None:
    seconds = [0.0]
    lines = Lines(now=lambda: seconds[0])
    async with lines.place("w"):
        lines.fared("w", "it is dead", 10)
    with pytest.raises(Full, match="it is dead"):
        async with lines.place("w"):
            pass
    seconds[0] += SILENT_FOR_S
    async with lines.place("w"):
        with pytest.raises(Full, match="it is dead"):
            async with lines.place("w"):
                pass
        lines.fared("w", "", 0.1)
    async with lines.place("w"):
        pass


async def test_who_fails_at_once_is_asked_again() -> None:
    lines = Lines()
    async with lines.place("w"):
        lines.fared("w", "refused", 0.01)
    async with lines.place("w"):
        pass


async def test_for_one_that_is_slow_nobody_waits() -> None:
    lines, go = Lines(), asyncio.Event()
    async with lines.place("w"):
        lines.fared("w", "", 10)

    async def wait() -> None:
        async with lines.place("w"):
            await go.wait()

    tasks = [asyncio.create_task(wait()) for _ in range(MOST_AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(Full, match="no more at once"):
        async with lines.place("w"):
            pass
    lines.fared("w", "", 0.1)
    go.set()
    async with lines.place("w"):
        pass
    await asyncio.gather(*tasks)


async def test_of_one_webhook_so_many_wait_and_no_more() -> None:
    lines, go = Lines(), asyncio.Event()
    reached: list[int] = []

    async def wait(number: int) -> None:
        async with lines.place("w"):
            reached.append(number)
            await go.wait()

    tasks = [asyncio.create_task(wait(n)) for n in range(MOST_AT_ONCE + MOST_WAITING)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(reached) == MOST_AT_ONCE
    with pytest.raises(Full, match="no more at once"):
        async with lines.place("w"):
            pass
    async with lines.place("another"):
        go.set()
    await asyncio.gather(*tasks)
    assert len(reached) == MOST_AT_ONCE + MOST_WAITING


ZONES: Mapping[str, Mapping[str, Sequence[object]]] = {
    "hook.example": {"A": ["127.0.0.1"]},
    "both.example": {"A": ["10.0.0.1", "169.254.169.254"], "AAAA": ["::1", "fd00::1"]},
}


@asynccontextmanager
async def messenger(
    *,
    zones: Mapping[str, Mapping[str, Sequence[object]]] = ZONES,
    context: ssl.SSLContext | None = None,
    is_private_allowed: bool = True,
    timeout_s: float = 20.0,
    lines: Lines | None = None,
) -> AsyncGenerator[HttpMessenger]:
    made = HttpMessenger(
        MemoryDns(zones, failing=["away.example"]),
        context or context_of(""),
        is_private_allowed=is_private_allowed,
        timeout_s=timeout_s,
        lines=lines,
    )
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def saying(said: bytes) -> AsyncGenerator[int]:
    """Serve what says the same to everybody, and ends; yield its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readuntil(b"}")
            writer.write(said)
            await writer.drain()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def trickling(begun: bytes) -> AsyncGenerator[int]:
    """Serve what begins to answer and never comes to an end; yield its port."""
    is_over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(begun)
            while not is_over.is_set():
                try:
                    async with asyncio.timeout(0.05):
                        await is_over.wait()
                except TimeoutError:
                    if begun:
                        writer.write(b"0")

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        is_over.set()
        server.close()
        await server.wait_closed()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening(Sink()) as opened:
        yield opened
