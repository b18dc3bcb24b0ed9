"""What processes that take mail say to the service."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from connectors.smtp_in.channel import LINE_BYTES, Failed, Figures, Lines, Ready, ToService

Pair = tuple[socket.socket, ToService]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, ToService(theirs)


def test_words_come_whole_however_they_are_cut() -> None:
    lines = Lines()
    said = b'{"type":"ready"}\n{"type":"figures","sessions":7}\n{"type":"failed","reason":"no"}\n'
    told = [word for octet in said for word in lines.feed(bytes([octet]))[1]]
    assert told == [Ready(), Figures(sessions=7), Failed("no")]


def test_an_empty_line_says_that_something_was_appended() -> None:
    lines = Lines()
    assert lines.feed(b"\n") == (True, [])
    assert lines.feed(b'{"type":"ready"}\n') == (False, [Ready()])
    assert lines.feed(b'{"type":"ready"}\n\n\n') == (True, [Ready()])


def test_what_is_no_word_is_left_out() -> None:
    lines = Lines()
    assert lines.feed(b'{"type":"fig\n{"type":"ready"}\n\xff\n{"type":"other"}\n') == (
        False,
        [Ready()],
    )
    assert lines.feed(b"x" * (LINE_BYTES + 1)) == (False, [])
    assert lines.feed(b'{"type":"ready"}\n') == (False, [Ready()])


async def test_many_appends_of_one_moment_are_one_hint(pair: Pair) -> None:
    ours, service = pair
    for _ in range(50):
        service.hint()
    await asyncio.sleep(0)
    assert ours.recv(100) == b"\n"
    service.hint()
    await asyncio.sleep(0)
    assert ours.recv(100) == b"\n"


async def test_a_service_that_does_not_listen_holds_nobody_up(pair: Pair) -> None:
    ours, service = pair
    for _ in range(100_000):
        service.say(Figures(sessions=1))
    lines = Lines()
    ours.setblocking(False)
    words: list[object] = []
    while True:
        try:
            words += lines.feed(ours.recv(LINE_BYTES))[1]
        except BlockingIOError:
            break
    assert 0 < len(words) < 100_000


async def test_the_end_of_the_service_is_seen(pair: Pair) -> None:
    ours, service = pair
    gone = asyncio.Event()
    service.watch(gone.set, 3_600)
    await asyncio.sleep(0)
    assert not gone.is_set()
    ours.close()
    async with asyncio.timeout(20):
        await gone.wait()


async def test_to_speak_to_nobody_is_no_error(pair: Pair) -> None:
    ours, service = pair
    ours.close()
    service.say(Ready())
    service.hint()
    await asyncio.sleep(0)
