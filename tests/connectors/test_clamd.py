"""The scanner at clamd, held against servers that are slow, break off or talk nonsense."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.clamav.clamd import ClamdAntivirus
from topologies.errors import Misconfigured, Retryable
from topologies.events import Finding, VirusVerdict

CLEAN = VirusVerdict(result="clean")
LARGE = bytes(range(256)) * 4_000

Answer = Callable[[bytes], bytes | Awaitable[bytes | None] | None]  # None: break off


async def test_contents_follow_each_other_in_one_session() -> None:
    async with StandIn() as clamd, scanner(clamd) as antivirus:
        contents = [b"", b"one", LARGE, b"two"]
        assert [await antivirus.scan(content) for content in contents] == [CLEAN] * 4
        assert clamd.heard == contents
        assert clamd.sessions == 1


async def test_no_more_sessions_are_open_than_allowed() -> None:
    async with StandIn() as clamd, scanner(clamd, connections=2) as antivirus:
        contents = [str(number).encode() for number in range(20)]
        verdicts = await asyncio.gather(*(antivirus.scan(content) for content in contents))
        assert verdicts == [CLEAN] * 20
        assert sorted(clamd.heard) == sorted(contents)
        assert clamd.sessions == 2


@pytest.mark.parametrize(
    ("reply", "result", "kind", "name"),
    [
        (b"stream: OK", "clean", None, ""),
        (b"stream: Win.Test.A-1 FOUND", "infected", "malware", "Win.Test.A-1"),
        (
            b"stream: Win.Test.A-1(44d88612fea8a8f36de82e1278abb02f:68) FOUND",
            *("infected", "malware", "Win.Test.A-1"),
        ),
        (
            b"stream: Heuristics.Encrypted.Zip FOUND",
            *("unscannable", "encrypted", "Heuristics.Encrypted.Zip"),
        ),
        (
            b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND",
            *("unscannable", "unscannable", "Heuristics.Limits.Exceeded.MaxRecursion"),
        ),
        (
            b"stream: Heuristics.OLE2.ContainsMacros.VBA FOUND",
            *("clean", "macro", "Heuristics.OLE2.ContainsMacros.VBA"),
        ),
        (
            b"stream: Heuristics.Phishing.Email.SpoofedDomain FOUND",
            *("infected", "suspicious", "Heuristics.Phishing.Email.SpoofedDomain"),
        ),
        (
            b"INSTREAM size limit exceeded. ERROR",
            *("unscannable", "unscannable", "too large"),
        ),
    ],
)
async def test_a_reply_is_understood(reply: bytes, result: Any, kind: Any, name: str) -> None:
    async with StandIn(lambda _: reply) as clamd, scanner(clamd) as antivirus:
        verdict = await antivirus.scan(b"content")
        assert verdict.result == result
        assert verdict.findings == ((Finding(kind=kind, name=name),) if kind else ())


async def test_what_is_too_large_is_unscannable_and_not_sent() -> None:
    async with StandIn() as clamd, scanner(clamd, max_bytes=10) as antivirus:
        assert await antivirus.scan(bytes(10)) == CLEAN
        verdict = await antivirus.scan(bytes(11))
        assert (verdict.result, verdict.name) == ("unscannable", "too large")
        assert clamd.heard == [bytes(10)]


async def test_a_session_that_was_closed_while_it_waited_is_replaced() -> None:
    async with StandIn() as clamd, scanner(clamd) as antivirus:
        assert await antivirus.scan(b"one") == CLEAN
        await clamd.hang_up()
        assert await antivirus.scan(b"two") == CLEAN
        assert clamd.heard == [b"one", b"two"]


async def test_a_session_that_breaks_when_it_is_used_again_is_replaced() -> None:
    def once(content: bytes) -> bytes | None:
        return None if content == b"two" and clamd.heard.count(b"two") == 1 else b"stream: OK"

    async with StandIn(once) as clamd, scanner(clamd) as antivirus:
        assert [await antivirus.scan(content) for content in (b"one", b"two")] == [CLEAN] * 2
        assert clamd.sessions == 2


@pytest.mark.parametrize("content", [b"small", LARGE])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: None, id="it breaks off"),
        pytest.param(lambda: b"stream: Can't write to temporary file ERROR", id="an error"),
        pytest.param(lambda: b"HTTP/1.1 400 Bad Request", id="nonsense"),
        pytest.param(lambda: b"x" * 100_000, id="endless nonsense"),
        pytest.param(lambda: asyncio.sleep(60), id="silence"),
    ],
)
async def test_a_failure_of_one_content_is_retried_and_no_outage(
    answer: Callable[[], Any], content: bytes
) -> None:
    async with (
        StandIn(lambda heard: answer() if heard == content else b"stream: OK") as clamd,
        scanner(clamd, timeout_s=0.2) as antivirus,
    ):
        assert not (await failure_of(antivirus, content)).outage
        assert await antivirus.scan(b"another") == CLEAN


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: None, id="it breaks off"),
        pytest.param(lambda _: b"stream: Can't allocate memory ERROR", id="an error"),
        pytest.param(lambda _: b"220 mail.example ESMTP", id="another service"),
        pytest.param(lambda _: b"", id="an empty reply"),
    ],
)
async def test_a_failure_of_every_content_is_an_outage(answer: Answer) -> None:
    async with StandIn(answer) as clamd, scanner(clamd) as antivirus:
        assert (await failure_of(antivirus, b"content")).outage
        assert (await failure_of(antivirus, b"content")).outage


async def test_a_scanner_that_is_down_is_an_outage_until_it_is_back(unused_port: int) -> None:
    antivirus = ClamdAntivirus(f"127.0.0.1:{unused_port}")
    assert (await failure_of(antivirus, b"content")).outage
    async with StandIn(port=unused_port):
        assert await antivirus.scan(b"content") == CLEAN
    assert (await failure_of(antivirus, b"content")).outage
    await antivirus.close()


async def test_a_socket_that_is_not_there_is_an_outage(tmp_path: Any) -> None:
    failure = await failure_of(ClamdAntivirus(f"{tmp_path}/clamd.sock"), b"content")
    assert failure.outage
    assert "clamd.sock" in str(failure)


async def test_a_content_that_takes_the_scanner_down_does_not_do_so_for_ever() -> None:
    is_up = True

    def answer(content: bytes) -> bytes | None:
        nonlocal is_up
        is_up = is_up and content != b"deadly"
        return b"stream: OK" if is_up else None

    async with StandIn(answer) as clamd, scanner(clamd) as antivirus:
        assert (await failure_of(antivirus, b"deadly")).outage
        assert (await failure_of(antivirus, b"deadly")).outage  # it was not even sent
        assert clamd.heard.count(b"deadly") == 1
        is_up = True
        assert not (await failure_of(antivirus, b"deadly")).outage  # now it is clear who did it
        is_up = True
        assert await antivirus.scan(b"other") == CLEAN


async def test_who_was_there_when_it_went_down_is_scanned_when_it_is_back() -> None:
    is_up = False
    async with (
        StandIn(lambda _: b"stream: OK" if is_up else None) as clamd,
        scanner(clamd) as antivirus,
    ):
        contents = [bytes([number]) for number in range(5)]
        assert [(await failure_of(antivirus, content)).outage for content in contents] == [True] * 5
        is_up = True
        verdicts = await asyncio.gather(*(antivirus.scan(content) for content in contents))
        assert verdicts == [CLEAN] * 5


async def test_waiting_for_others_too_long_is_an_outage() -> None:
    async with (
        StandIn(lambda c: b"stream: OK" if c == b"harmless" else asyncio.sleep(60)) as clamd,
        scanner(clamd, connections=1, timeout_s=0.1) as antivirus,
    ):
        one, other = await asyncio.gather(
            failure_of(antivirus, b"one"), failure_of(antivirus, b"other")
        )
        assert other.outage
        assert "no verdict" in str(one)
        # When the first gives up a moment before it, the other's turn comes too late as well.
        assert any(words in str(other) for words in ("is busy", "no verdict"))


async def test_a_verdict_that_comes_before_all_was_sent_is_none() -> None:
    ended = asyncio.Semaphore(0)

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readexactly(30)
            writer.write(b"1: stream: OK\0")
            await reader.readexactly(len(LARGE))
        writer.transport.abort()
        ended.release()

    server = await asyncio.start_server(hasty, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        antivirus = ClamdAntivirus(f"127.0.0.1:{port}", timeout_s=1)
        await failure_of(antivirus, LARGE * 10)
        await antivirus.close()
        for _ in ("the content", "what is sent to see whether it is up"):
            await ended.acquire()


async def test_a_late_verdict_is_not_taken_for_that_of_the_next() -> None:
    release = asyncio.Event()

    async def late() -> bytes:
        await release.wait()
        return b"stream: OK"

    async with (
        StandIn(lambda c: late() if c == b"slow" else b"stream: Bad-1 FOUND") as clamd,
        scanner(clamd, connections=1) as antivirus,
    ):
        slow = asyncio.create_task(antivirus.scan(b"slow"))
        await clamd.has_heard(b"slow")
        slow.cancel()
        release.set()
        with suppress(asyncio.CancelledError):
            await slow
        assert (await antivirus.scan(b"next")).result == "infected"


@given(reply=st.binary(max_size=40) | st.text(alphabet="1: stream:OKFUND ER").map(str.encode))
@settings(max_examples=60, deadline=None)
async def test_only_one_reply_means_clean(reply: bytes) -> None:
    async with StandIn(lambda _: reply, number=False) as clamd, scanner(clamd) as antivirus:
        try:
            is_clean = (await antivirus.scan(b"content")).result == "clean"
        except Retryable:
            is_clean = False
        assert is_clean == (reply.split(b"\0")[0] == b"1: stream: OK")


@pytest.mark.parametrize("address", ["", "clamd", "clamd:", ":3310", "clamd:0", "clamd:99999"])
def test_an_address_that_is_none_is_told_at_start(address: str) -> None:
    with pytest.raises(Misconfigured, match="host:port"):
        ClamdAntivirus(address)


# --- builders -----------------------------------------------------------------------


class StandIn:
    """A server that reads contents as clamd does and answers as it is told."""

    def __init__(
        self, answer: Answer = lambda _: b"stream: OK", *, port: int = 0, number: bool = True
    ) -> None:
        self.heard: list[bytes] = []
        self.sessions = 0
        self.port = port
        self._answer = answer
        self._is_numbered = number
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._heard = asyncio.Condition()

    async def __aenter__(self) -> "StandIn":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        await asyncio.sleep(0)  # whoever was accepted is there now
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    async def has_heard(self, content: bytes) -> None:
        async with asyncio.timeout(5), self._heard:
            await self._heard.wait_for(lambda: content in self.heard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving
        self._serving.add(serving)
        self._writers.add(writer)
        talk = asyncio.create_task(self._talk(reader, writer))
        hung_up = asyncio.create_task(writer.wait_closed())
        await asyncio.wait([talk, hung_up], return_when=asyncio.FIRST_COMPLETED)
        talk.cancel()
        writer.transport.abort()
        await asyncio.gather(talk, hung_up, return_exceptions=True)
        self._writers.discard(writer)
        self._serving.discard(serving)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zIDSESSION\0"
        self.sessions += 1
        number = 0
        while await reader.readuntil(b"\0") == b"zINSTREAM\0":
            number += 1
            content = b""
            while size := int.from_bytes(await reader.readexactly(4), "big"):
                content += await reader.readexactly(size)
            if content != b"harmless":  # what is sent to see whether it is up
                self.heard.append(content)
            async with self._heard:
                self._heard.notify_all()
            answer = self._answer(content)
            if isinstance(answer, Coroutine):
                answer = await answer
            if answer is None:
                return
            assert isinstance(answer, bytes)
            writer.write((b"%d: " % number if self._is_numbered else b"") + answer + b"\0")
            await writer.drain()


class scanner:  # noqa: N801  reads as a verb's object
    """A scanner at *clamd*, closed at the end."""

    def __init__(self, clamd: StandIn, **options: Any) -> None:
        self._antivirus = ClamdAntivirus(f"127.0.0.1:{clamd.port}", **options)

    async def __aenter__(self) -> ClamdAntivirus:
        return self._antivirus

    async def __aexit__(self, *_: object) -> None:
        await self._antivirus.close()


async def failure_of(antivirus: ClamdAntivirus, content: bytes) -> Retryable:
    with pytest.raises(Retryable) as failure:
        await antivirus.scan(content)
    return failure.value


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
