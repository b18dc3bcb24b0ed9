"""Where a message ends and which dots are its own: against a reference, in any blocks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp_in.data import Unstuffer

# Few bytes in many arrangements, since all that matters are these.
wire = st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"x", b"\r\n.", b"\r\n.\r\n"])).map(
    b"".join
)


@given(wire, st.lists(st.integers(1, 7), max_size=60))
def test_any_blocks_give_what_the_whole_gives(data: bytes, sizes: list[int]) -> None:
    assert fed(data, sizes) == by_the_book(data)


@given(st.binary(max_size=200), st.lists(st.integers(1, 50)))
def test_any_bytes_give_what_the_book_says(data: bytes, sizes: list[int]) -> None:
    assert fed(data + b"\r\n.\r\nQUIT", sizes) == by_the_book(data + b"\r\n.\r\nQUIT")


@given(st.lists(st.binary(max_size=20).map(lambda b: re.sub(rb"[\r\n]", b"", b))))
def test_what_a_client_stuffs_comes_out_as_it_was(lines: list[bytes]) -> None:
    stuffed = b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines)
    message = b"".join(line + b"\r\n" for line in lines)
    assert fed(stuffed + b".\r\nrest", []) == (message, b"rest", False)


@pytest.mark.parametrize(
    ("data", "message", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"..\r\n.\r\n", b".\r\n", b""),
        (b".x\r\n.\r\n", b"x\r\n", b""),
        (b"x.\r\n.\r\nQUIT\r\n", b"x.\r\n", b"QUIT\r\n"),
        (b".\r\n.\r\n", b"", b".\r\n"),
    ],
)
def test_small_messages_end_where_they_should(data: bytes, message: bytes, rest: bytes) -> None:
    assert fed(data, []) == fed(data, [1] * 100) == (message, rest, False)


@pytest.mark.parametrize("bare", [b"x\n\r\n", b"x\r\r\n", b"\n", b"\r", b"x\r\0\n", b".\n"])
def test_a_cr_or_lf_that_stands_alone_is_seen(bare: bytes) -> None:
    data = b"a\r\n" + bare + b"\r\n.\r\n"
    assert fed(data, [])[2]
    assert fed(data, [1] * 100)[2]


def fed(data: bytes, sizes: list[int]) -> tuple[bytes, bytes, bool] | None:
    """Return (message, rest, whether a CR or LF stands alone), None without an end."""
    unstuffer, message = Unstuffer(), b""
    blocks: list[bytes] = []
    for size in sizes:
        if data:
            blocks.append(data[:size])
            data = data[size:]
    for number, block in enumerate([*blocks, *([data] if data else [])]):
        message += unstuffer.feed(block)
        if unstuffer.is_over:
            left = b"".join([*blocks, data][number + 1 :])
            return message, unstuffer.rest + left, unstuffer.has_bare
    return None


def by_the_book(data: bytes) -> tuple[bytes, bytes, bool] | None:
    """Read lines that end with CRLF (RFC 5321 §4.5.2); as slowly as it is plain."""
    message = b""
    while b"\r\n" in data:
        line, _, data = data.partition(b"\r\n")
        if line == b".":
            bare = message.replace(b"\r\n", b"")
            return message, data, b"\r" in bare or b"\n" in bare
        message += line.removeprefix(b".") + b"\r\n"
    return None
