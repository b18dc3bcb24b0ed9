"""Server-sent events: the same changes as by WebSocket, and a cursor that browsers keep."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from api.server import HttpServer
from tests.api.desk import Desk, Desks, memory_alone
from tests.api.stream import Stream


async def test_what_was_missed_is_told_first_then_what_happens(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for number in range(3):
            await desk.receive(f"missed {number}")
        async with Stream(desk, await token(desk), "since=1") as stream:
            assert (stream.status, stream.headers[b"content-type"]) == (
                200,
                b"text/event-stream; charset=utf-8",
            )
            assert [(await stream.change())["cursor"] for _ in range(2)] == [2, 3]
            email_id = await desk.receive("live")
            told = await stream.change()
            assert (told["cursor"], told["type"]) == (4, "email.added")
            assert told["email_id"] == email_id
            assert "live" not in str(told)  # ids and states, never content
            assert stream.last_id == "4"


async def test_without_a_cursor_it_begins_with_now_and_says_which_number_that_is(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        await desk.receive("before")
        async with Stream(desk, await token(desk)) as stream:
            assert await stream.event() == {"retry": "2000", "id": "1"}
            await desk.receive("after")
            assert (await stream.change())["cursor"] == 2


async def test_whoever_comes_back_goes_on_from_the_last_id_whatever_the_url_says(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        known = await token(desk)
        async with Stream(desk, known, "since=0") as stream:
            await desk.receive("one")
            assert (await stream.change())["cursor"] == 1
        for number in range(5):
            await desk.receive(f"missed {number}")
        async with Stream(desk, known, "since=0", last=stream.last_id) as again:
            assert [(await again.change())["cursor"] for _ in range(5)] == [2, 3, 4, 5, 6]


async def test_a_cursor_that_is_too_old_is_told_to_read_anew_and_goes_on_from_there(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        await desk.receive("one")
        async with Stream(desk, await token(desk), last="99") as stream:
            assert await stream.event() == {"retry": "2000", "id": "99"}
            told = await stream.event()
            assert told["event"] == "resync"
            assert msgspec.json.decode(told["data"]) == {"type": "resync", "cursor": 1}
            assert told["id"] == "1"
            await desk.receive("two")
            assert (await stream.change())["cursor"] == 2


async def test_who_hears_nothing_for_long_is_told_that_all_is_well(a_desk: Desks) -> None:
    async with (
        a_desk(quiet_s=0.01) as desk,
        Stream(desk, await token(desk), "since=0") as stream,
    ):
        await stream.event()
        assert [await stream.block() for _ in range(3)] == [":", ":", ":"]


async def test_a_reader_that_is_too_slow_is_cut_off(a_desk: Desks) -> None:
    async with a_desk() as desk, Stream(desk, await token(desk)) as stream:
        await stream.event()
        stream.can_send.clear()
        await desk.receive("Lunch")
        await stream.ended()


async def test_a_token_that_is_worthless_ends_it_with_a_reason(a_desk: Desks) -> None:
    async with a_desk(check_every_s=0.05) as desk:
        client = await desk.signed_in()
        known = client.headers["Authorization"].removeprefix("Bearer ")
        async with Stream(desk, known, "since=0") as stream:
            await stream.event()
            await client.delete("/auth/token")
            assert (await stream.end())["why"] == "signed-out"
            await stream.ended()


async def test_a_server_that_stops_tells_its_streams_to_come_again(a_desk: Desks) -> None:
    async with a_desk() as desk, Stream(desk, await token(desk), "since=0") as stream:
        await stream.event()
        stream.ending.set()
        told = await stream.end()
        assert (told["why"], told["reason"]) == (
            "try-again",
            "the server stops: connect again from your cursor",
        )
        await stream.ended()


@memory_alone
async def test_by_http_it_ends_with_a_reason_when_the_server_is_closed(a_desk: Desks) -> None:
    async with a_desk() as desk:
        server = HttpServer(desk.app, "127.0.0.1", 0)
        await server.start()
        asked = {"Authorization": f"Bearer {await token(desk)}", "Last-Event-ID": "0"}
        async with (
            httpx.AsyncClient(timeout=Stream.TIMEOUT_S) as client,
            client.stream(
                "GET", f"http://127.0.0.1:{server.port}/events/stream", headers=asked
            ) as response,
        ):
            lines = response.aiter_lines()
            await desk.receive("Lunch")
            told = [line async for line in _until(lines, "data: ")]
            assert told[-1].startswith('data: {"type":"email.added"')
            closing = asyncio.create_task(server.close())
            rest = [line async for line in lines]  # to its end, which is a proper one
            assert "event: end" in rest
            await closing


async def test_sockets_and_streams_of_a_user_are_counted_together(a_desk: Desks) -> None:
    async with a_desk() as desk:
        known = await token(desk)
        streams = [Stream(desk, known) for _ in range(50)]
        for each in streams:
            await each.__aenter__()
        async with Stream(desk, known) as one_more:
            assert (one_more.status, one_more.headers[b"retry-after"]) == (429, b"5")
        await streams.pop().__aexit__(None, None, None)
        async with Stream(desk, known) as instead:
            assert instead.status == 200
        for each in streams:
            await each.__aexit__(None, None, None)


@pytest.mark.parametrize(
    ("query", "last", "is_known", "status"),
    [
        ("", "", False, 401),
        ("since=x", "", True, 400),
        ("until=1", "", True, 400),
        ("", "x", True, 400),
        ("", "-1", True, 400),
        ("", "9" * 30, True, 400),
        ("", "9" * 19, True, 400),
    ],
)
@memory_alone
async def test_what_makes_no_sense_is_refused_before_anything_is_told(
    a_desk: Desks, query: str, last: str, is_known: bool, status: int
) -> None:
    async with a_desk() as desk:
        known = await token(desk) if is_known else "wrong"
        async with Stream(desk, known, query, last=last) as stream:
            assert stream.status == status
            assert stream.headers[b"content-type"] == b"application/problem+json"


@memory_alone
async def test_how_long_it_is_listened_to_counts_as_no_time_of_an_answer(a_desk: Desks) -> None:
    async with a_desk() as desk:
        known, asked_at = await token(desk), time.perf_counter()
        async with Stream(desk, known, "since=0") as stream:
            begun_after_s = time.perf_counter() - asked_at
            await stream.event()
        [(method, route, status, seconds)] = [
            each for each in desk.answered if each[1] == "/events/stream"
        ]
        assert (method, route, status) == ("GET", "/events/stream", 200)
        assert seconds <= begun_after_s


async def token(desk: Desk) -> str:
    client = await desk.signed_in()
    return client.headers["Authorization"].removeprefix("Bearer ")


async def _until(lines: AsyncIterator[str], beginning: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith(beginning):
            return
