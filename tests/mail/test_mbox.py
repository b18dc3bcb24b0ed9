"""Reading mailbox files: where messages begin, and what they were before they were stored."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.mbox import MailboxReader, Stored, date_of, messages

FROM = b"From ann@far.example Mon Mar  2 10:00:00 2026\n"


def test_messages_come_one_by_one_with_crlf_line_ends() -> None:
    file = FROM + b"Subject: one\n\nfirst\n\n" + FROM + b"Subject: two\n\nsecond\n"
    assert raws(file) == [
        b"Subject: one\r\n\r\nfirst\r\n",
        b"Subject: two\r\n\r\nsecond\r\n",
    ]


def test_crlf_stays_crlf() -> None:
    file = FROM.replace(b"\n", b"\r\n") + b"Subject: one\r\n\r\nfirst\r\n\r\n"
    assert raws(file + file) == [b"Subject: one\r\n\r\nfirst\r\n"] * 2


@pytest.mark.parametrize(
    "line",
    [
        b"From here on it is text",
        b"From ann@far.example Mon Mar  2 10:00:00 2026",  # no header field follows
        b"From: Mon Mar  2 10:00:00 2026",
        b"From a@far.example\r\nTo: b@far.example",  # in a file whose separators have dates
        b"From \r\nhttp://far.example",
    ],
)
def test_text_that_begins_with_from_is_no_new_message(line: bytes) -> None:
    file = FROM + b"Subject: one\n\nfirst\n\n" + line + b"\nand more text\n"
    assert raws(file) == [b"Subject: one\r\n\r\nfirst\r\n\r\n" + line + b"\r\nand more text\r\n"]


def test_a_separator_needs_an_empty_line_before_it() -> None:
    assert len(raws(FROM + b"Subject: one\n\nfirst\n" + FROM + b"Subject: two\n\n")) == 1


@pytest.mark.parametrize(
    ("line", "sender", "stored_at"),
    [
        (b"From a@far.example Mon Mar  2 10:00:00 2026", "a@far.example", "2026-03-02T10:00:00"),
        (b"From a@far.example  Mon Mar 02 10:00 2026", "a@far.example", "2026-03-02T10:00:00"),
        (b"From a at far  Mon Mar 2 10:00:00 2026", "", "2026-03-02T10:00:00"),
        (b"From 12@xxx Mon Mar 02 10:00:00 +0000 2026", "12@xxx", "2026-03-02T10:00:00"),
        (b"From - Mon Mar 02 10:00:00 2026", "", "2026-03-02T10:00:00"),
        (b"From MAILER-DAEMON Mon Mar  2 10:00:00 2026", "", "2026-03-02T10:00:00"),
        (b"From a@b Mon Mar  2 10:00:00 CET 2026", "a@b", "2026-03-02T10:00:00"),
        (b"From a@b Mon Mar 99 10:00:00 2026", "a@b", None),
        (b"From a@b Mon Xxx  2 10:00:00 2026", "a@b", None),
    ],
)
def test_separators_are_written_in_many_ways(
    line: bytes, sender: str, stored_at: str | None
) -> None:
    [one, two] = read(FROM + b"A: 1\n\nx\n\n" + line + b"\nB: 2\n\ny\n")
    assert (one.raw, two.raw) == (b"A: 1\r\n\r\nx\r\n", b"B: 2\r\n\r\ny\r\n")
    at = datetime.fromisoformat(stored_at).replace(tzinfo=UTC) if stored_at else None
    assert (two.sender, two.stored_at) == (sender, at)


@pytest.mark.parametrize(
    "line",
    [
        b"From ",
        b"From a@far.example Mon, 02 Mar 2026 10:00:00 +0100",
        b"From a@far.example 2026-03-02 10:00",
        b"From nobody",
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_file_whose_separators_have_no_date_is_taken_apart(line: bytes, line_end: bytes) -> None:
    message = line + b"\nA: 1\n\nx\n\nFrom here on\nit is text\n\n"
    file = (message * 2).replace(b"\n", line_end)
    assert raws(file) == [b"A: 1\r\n\r\nx\r\n\r\nFrom here on\r\nit is text\r\n"] * 2


def test_a_bare_separator_may_follow_one_with_a_date() -> None:
    assert raws(FROM + b"A: 1\n\nx\n\nFrom \nB: 2\n\ny\n") == [
        b"A: 1\r\n\r\nx\r\n",
        b"B: 2\r\n\r\ny\r\n",
    ]


def test_one_angle_bracket_of_a_quoted_from_goes() -> None:
    file = FROM + b"Subject: one\n\n>From here\n>>From there\n> From quoted\n>Fromage\n"
    assert raws(file) == [
        b"Subject: one\r\n\r\nFrom here\r\n>From there\r\n> From quoted\r\n>Fromage\r\n"
    ]


def test_a_file_without_a_separator_is_one_message() -> None:
    assert raws(b"Subject: one\n\nfirst\n\n") == [b"Subject: one\r\n\r\nfirst\r\n\r\n"]


def test_an_empty_file_holds_nothing() -> None:
    assert raws(b"") == []


def test_a_message_too_large_comes_without_its_bytes() -> None:
    small = b"A: 1\n\nx\n\n"
    large = b"A: 2\n\n" + b"y" * 200_000 + b"\n\n"
    one, two, three = read(FROM + small + FROM + large + FROM + small, max_bytes=100_000)
    assert (one.size_bytes, two.size_bytes, three.size_bytes) == (11, 200_010, 11)
    assert (one.raw, two.raw, three.raw) == (three.raw, b"", b"A: 1\r\n\r\nx\r\n")


def test_the_largest_message_is_whole() -> None:
    [one] = read(FROM + b"A: 1\n\nxyz\n\n", max_bytes=13)
    assert one.raw == b"A: 1\r\n\r\nxyz\r\n"


def test_it_tells_how_far_it_is() -> None:
    first = FROM + b"A: 1\n\nx\n\n"
    ends = [one.end for one in read(first + FROM + b"B: 2\n\ny\n")]
    assert ends == [len(first), len(first) + len(FROM) + 8]


@pytest.mark.parametrize("size_bytes", [65_535, 65_536, 65_537, 200_000])
def test_long_lines_are_kept(size_bytes: int) -> None:
    line = b"x" * size_bytes
    for end in (b"\n", b"\r\n"):
        assert raws(FROM + b"A: 1\n\n" + line + end) == [b"A: 1\r\n\r\n" + line + b"\r\n"]


@given(st.lists(st.lists(st.binary(max_size=40), max_size=8), min_size=1, max_size=5))
def test_what_was_stored_comes_back(bodies: list[list[bytes]]) -> None:
    texts = [
        b"".join(line.replace(b"\n", b"").replace(b"\r", b"") + b"\n" for line in lines)
        for lines in bodies
    ]
    file = b"".join(FROM + b"A: 1\n\n" + quoted(text) + b"\n" for text in texts)
    expected = [(b"A: 1\n\n" + text).replace(b"\n", b"\r\n") for text in texts]
    assert raws(file) == expected


@given(st.binary(max_size=300), st.integers(0, 50))
def test_no_bytes_stop_it(noise: bytes, max_bytes: int) -> None:
    for one in read(FROM + noise + b"\n\n" + FROM + noise, max_bytes=max_bytes):
        assert len(one.raw) in (0, one.size_bytes)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (b"Mon, 2 Mar 2026 10:00:00 +0100", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        (b"Mon, 2 Mar 2026\r\n 10:00:00 GMT", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        (b"2 Mar 2026 10:00:00 -0000", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        (b"yesterday", None),
        (b"", None),
        (b"Mon, 99 Mar 2026 10:00:00 +0000", None),
        (b"Mon, 2 Mar 2026 10:00:00 +9999999999", None),
    ],
)
def test_the_date_of_a_header_is_read_if_it_can_be(date: bytes, expected: datetime | None) -> None:
    assert date_of(b"Subject: x\r\nDATE: " + date + b"\r\nTo: y\r\n\r\nDate: no\r\n") == expected


def read(file: bytes, max_bytes: int = 1_000_000) -> list[Stored]:
    return list(messages(io.BytesIO(file), max_bytes))


def raws(file: bytes) -> list[bytes]:
    return [one.raw for one in read(file)]


def quoted(text: bytes) -> bytes:
    """Return *text* as mboxrd stores it."""
    lines = text.splitlines(keepends=True) if text else []
    return b"".join(b">" + x if x.lstrip(b">").startswith(b"From ") else x for x in lines)


@given(
    text=st.lists(
        st.sampled_from(
            [
                b"From a@x.example Sat Jan  3 01:05:34 1996\n",
                b"From \n",
                b"Subject: x\r\n",
                b"\n",
                b"\r\n",
                b">From \n",
                b"text",
                b"\r",
                b"x" * 70000,
                b"\n\n",
            ]
        ),
        max_size=12,
    ).map(b"".join),
    cut=st.integers(1, 80_000),
)
def test_a_file_is_the_same_messages_in_whatever_pieces_it_comes(text: bytes, cut: int) -> None:
    reader = MailboxReader(50_000)
    found = [
        each for at in range(0, len(text), cut) for each in reader.feed(text[at : at + cut])
    ] + reader.close()

    assert found == read(text, max_bytes=50_000)
