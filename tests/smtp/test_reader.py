"""Whatever is said in whatever pieces: the answers are those to the lines one by one."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.smtp.house import FROM_ANN, HELLO, TO_BO, a_house

MESSAGE = b"Subject: x\r\n\r\n..dot\r\n.\r\n"
steps = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(f"{line}\r\n".encode() for line in (HELLO, FROM_ANN, TO_BO, "RSET", "NOOP")),
                *(b"MAIL FROM:<> BODY=BINARYMIME\r\n", b"RCPT TO:<nobody@shop.example>\r\n"),
                *(b"DATA\r\n" + MESSAGE, b"BDAT 3\r\na\r\n", b"BDAT 5 LAST\r\nb\r\n.\r"),
                *(b"BDAT 2 LAST\r\n\r\n", b"BDAT 0 LAST\r\n", b"BDAT 4\r\nDATA"),
                *(b"HELP\r\n", b"VRFY x\r\n", b"\r\n", b"NOOP\n", b"\xff\r\n", MESSAGE),
            ]
        ),
        st.binary(max_size=20).map(lambda data: data + b"\r\n"),
    ),
    max_size=14,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.lists(st.integers(1, 40), max_size=12))
def test_any_pieces_are_answered_as_the_whole(said: list[bytes], sizes: list[int]) -> None:
    data = f"{HELLO}\r\n{FROM_ANN}\r\n{TO_BO}\r\n".encode() + b"".join(said)
    replies, mails = asyncio.run(answered(pieces_of(data, sizes)))
    replies_to_whole, mails_of_whole = asyncio.run(answered([data]))
    assert mails == mails_of_whole
    assert None in (replies, replies_to_whole) or replies == replies_to_whole


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400))
def test_any_bytes_are_answered_in_lines_of_smtp(data: bytes) -> None:
    replies, _ = asyncio.run(answered([data]))
    lines = (replies or "").splitlines()
    assert all(line[:3].isdecimal() and line[3:4] in " -" for line in lines)


async def answered(pieces: Sequence[bytes]) -> tuple[str | None, list[tuple[object, ...]]]:
    """Return all that is answered, and what was kept of each mail.

    Who says more after a goodbye may not hear it, as TCP has it: then there are no answers.
    """
    async with a_house() as house, house.talk(greets=False) as talk:
        for piece in pieces:
            try:
                await talk.put(piece)
            except ConnectionError:
                break  # it hung up
            await asyncio.sleep(0)
        replies: str | None = None
        with suppress(OSError):
            talk.writer.write_eof()
            replies = await talk.rest()
            for mail in house.log.mails:  # whose ids differ from run to run
                replies = replies.replace(mail.mail_id, "")
        mails = [(mail.raw, mail.mail_from, mail.recipients) for mail in house.log.mails]
        return replies, mails


def pieces_of(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces: list[bytes] = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [piece for piece in (*pieces, data) if piece]
