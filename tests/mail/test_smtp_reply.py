"""Replies of SMTP servers, however they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.smtp_reply import LINE_BYTES, BadReply, Reply, ReplyReader

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=60)
REPLIES = st.builds(
    Reply,
    st.integers(200, 599),
    st.lists(WORDS, min_size=1, max_size=8).map(tuple),
)


@given(replies=st.lists(REPLIES, max_size=6), data=st.data())
def test_what_was_written_is_read_wherever_it_is_cut(
    replies: list[Reply], data: st.DataObject
) -> None:
    wire = b"".join(written(reply) for reply in replies)
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=10).map(sorted))
    reader, read, before = ReplyReader(), list[Reply](), 0
    for cut in [*cuts, len(wire)]:
        read += reader.feed(wire[before:cut])
        before = cut
    assert read == replies
    assert not reader.has_left


@given(st.binary(max_size=5_000))
def test_whatever_comes_is_a_reply_or_told_to_be_none(data: bytes) -> None:
    reader = ReplyReader()
    try:
        replies = reader.feed(data)
    except BadReply:
        return
    for reply in replies:
        assert 200 <= reply.code <= 599
        assert "\n" not in reply.text
        assert reply.enhanced in ("", reply.enhanced)


@pytest.mark.parametrize(
    ("lines", "enhanced", "text"),
    [
        (["550 5.1.1 nobody here"], "5.1.1", "nobody here"),
        (["550-5.1.1 nobody", "550 5.1.1 here"], "5.1.1", "nobody here"),
        (["550 4.1.1 nobody"], "", "nobody"),
        (["550 5.1.1"], "5.1.1", ""),
        (["550 5.001.010 x"], "5.1.10", "x"),
        (["550 5.1.1.1 x"], "", "5.1.1.1 x"),
        (["550"], "", ""),
        (["250 2.0.0 \x07\x1b[31mred"], "2.0.0", "??[31mred"),
    ],
)
def test_the_enhanced_code_is_told_apart_from_the_words(
    lines: list[str], enhanced: str, text: str
) -> None:
    [reply] = ReplyReader().feed("".join(line + "\r\n" for line in lines).encode())
    assert (reply.enhanced, reply.text) == (enhanced, text)


@pytest.mark.parametrize(
    "data",
    [
        b"what?\r\n",
        b"199 too early\r\n",
        b"250-a\r\n251 b\r\n",
        b"250x\r\n",
        b"250" + b" x" * LINE_BYTES,
        b"250-more\r\n" * 1_000,
        b"\r\n",
    ],
)
def test_what_is_no_reply_is_told(data: bytes) -> None:
    with pytest.raises(BadReply):
        ReplyReader().feed(data)


def written(reply: Reply) -> bytes:
    last = len(reply.lines) - 1
    return b"".join(
        f"{reply.code}{' ' if n == last else '-'}{line}\r\n".encode()
        for n, line in enumerate(reply.lines)
    )
