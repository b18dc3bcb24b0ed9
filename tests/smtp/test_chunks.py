"""BDAT: a message in chunks is the message, whatever the chunks (RFC 3030)."""

import hashlib
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp_in.chunks import LineEnds
from connectors.smtp_in.envelope import Chunk, read_chunk
from tests.smtp.house import FROM_ANN, HELLO, TO_BO, Talk, a_house, mail_id_in
from topologies.errors import NoSpace

SMALL = b"Subject: Hi\r\n\r\n.\r\n..Hello\r\n"
BINARY = FROM_ANN + " BODY=BINARYMIME"


async def test_a_message_comes_in_one_chunk() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        mail_id_in(await bdat(talk, SMALL, last=True))
        [mail] = house.log.mails
        assert (mail.raw, mail.size_bytes, mail.body_type) == (SMALL, len(SMALL), "7BIT")


async def test_dots_mean_nothing_and_chunks_may_end_anywhere() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        for at in range(len(SMALL)):
            taken = await bdat(talk, SMALL[at : at + 1], last=False)
            assert taken == "250 2.0.0 1 octets taken"
        mail_id_in(await bdat(talk, b"", last=True))
        assert house.log.raws == [SMALL]


async def test_all_may_be_pipelined() -> None:
    async with a_house() as house, house.talk() as talk:
        script = f"{FROM_ANN}\r\n{TO_BO}\r\nBDAT 13\r\n".encode() + SMALL[:13]
        rest = SMALL[13:]
        script += b"bdat %d last\r\n%sNOOP\r\n" % (len(rest), rest)
        await talk.put(script)
        assert [(await talk.reply())[:3] for _ in range(5)] == ["250"] * 5
        assert house.log.raws == [SMALL]


async def test_a_large_message_is_streamed_in_little_memory() -> None:
    size, chunk = 12_000_000, b"x" * 74 + b"\r\n"
    chunk *= 5_000
    async with a_house() as house, house.talk() as talk:
        house.blobs.keeps_contents = False
        await talk.say(FROM_ANN, TO_BO)
        tracemalloc.start()
        for _ in range(size // len(chunk)):
            assert (await bdat(talk, chunk, last=False))[:3] == "250"
        reply = await bdat(talk, b"", last=True)
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        mail_id_in(reply)
        [mail] = house.log.mails
        digest = hashlib.sha256(chunk * (size // len(chunk))).hexdigest()
        assert mail.raw_blob == digest
        assert most_bytes < 3_000_000


async def test_many_tiny_chunks_are_handed_to_the_blob_store_in_few() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        await bdat(talk, b"x" * 100_000, last=False)
        await talk.put(b"BDAT 2\r\nyy" * 3_000)
        assert {await talk.reply() for _ in range(3_000)} == {"250 2.0.0 2 octets taken"}
        mail_id_in(await bdat(talk, b"\r\n", last=True))
        assert house.blobs.largest_chunk >= 6_000


# --- between chunks -----------------------------------------------------------------------


async def test_between_chunks_a_message_can_be_given_up() -> None:
    async with a_house() as house, house.talk() as talk:
        for goodbye in ("RSET", HELLO, "HELO client.example"):
            await talk.say(FROM_ANN, TO_BO)
            await bdat(talk, SMALL, last=False)
            assert (await talk.say(goodbye))[:3] == "250"
            assert (await talk.say(TO_BO))[:9] == "503 5.5.1"
        await talk.say(FROM_ANN, TO_BO)
        await bdat(talk, b"x" * 200_000, last=False)
        assert (await talk.say("QUIT"))[:3] == "221"
        assert (house.log.mails, house.blobs.kept) == ([], {})


@pytest.mark.parametrize("command", [FROM_ANN, TO_BO, "DATA", "nonsense", "NO\rOP"])
async def test_between_chunks_other_commands_are_out_of_order(command: str) -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        await bdat(talk, SMALL, last=False)
        assert (await talk.say(command))[:3] in ("503", "500")
        assert (await talk.say("NOOP"))[:3] == "250"
        mail_id_in(await bdat(talk, b"", last=True))


async def test_too_much_nonsense_between_chunks_ends_the_session() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        await bdat(talk, SMALL, last=False)
        for _ in range(20):
            await talk.say("DATA")
        assert (await talk.reply())[:9] == "421 4.7.0"
        assert await talk.reply() == ""


async def test_a_client_that_leaves_between_chunks_leaves_nothing_behind() -> None:
    async with a_house() as house:
        async with house.talk() as talk:
            await talk.say(FROM_ANN, TO_BO)
            await bdat(talk, b"x" * 200_000, last=False)
            talk.writer.write_eof()
            assert await talk.rest() == ""
        assert (house.log.mails, house.blobs.kept) == ([], {})


# --- what is refused ----------------------------------------------------------------------


async def test_octets_that_belong_to_no_message_are_read_as_such() -> None:
    forged = f"{FROM_ANN}\r\n{TO_BO}\r\nBDAT 2 LAST\r\nxx".encode()
    async with a_house() as house, house.talk() as talk:
        assert (await bdat(talk, forged, last=True))[:9] == "503 5.5.1"
        await talk.say(FROM_ANN)
        assert (await bdat(talk, forged, last=False))[:9] == "503 5.5.1"
        await talk.say("RCPT TO:<nobody@shop.example>")
        assert (await bdat(talk, forged, last=True))[:9] == "554 5.5.1"
        assert house.log.mails == []


async def test_chunks_that_follow_a_refused_one_are_read_and_refused() -> None:
    forged = f"{FROM_ANN}\r\n{TO_BO}\r\n".encode()
    async with a_house(max_message_bytes=1_000) as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        await talk.put(b"BDAT 600\r\n" + b"x" * 600 + b"BDAT 600\r\n" + b"x" * 600)
        await talk.put(b"BDAT %d LAST\r\n%s" % (len(forged), forged))
        replies = [(await talk.reply())[:9] for _ in range(3)]
        assert replies == ["250 2.0.0", "552 5.3.4", "503 5.5.1"]
        assert (await talk.say("NOOP"))[:3] == "250"
        assert house.log.mails == []


async def test_a_chunk_without_end_is_not_waited_for() -> None:
    async with a_house(max_message_bytes=1_000) as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        await talk.put(b"BDAT 99999999999 LAST\r\n")
        assert await talk.rest() == ""
        assert house.log.mails == []


@pytest.mark.parametrize("size", ["", "-1", "many", "1 2", "1 FIRST", "1 LAST x", "9" * 21, "1,0"])
async def test_a_size_that_can_not_be_read_ends_the_session(size: str) -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        await talk.put(f"BDAT {size}\r\nRSET\r\n{FROM_ANN}\r\n".encode())
        assert (await talk.reply())[:9] == "501 5.5.4"
        assert await talk.reply() == ""
        assert house.log.mails == []


@pytest.mark.parametrize(
    "pieces",
    [
        [b"a\n.\nb\r\n"],
        [b"a\r", b"b\r\n"],
        [b"a\r\n", b"\nb\r\n"],
        [b"a\r\n\r"],
        [b"a\n"],
        [b"Subject: a\nb: c\r\n\r\n"],
    ],
)
async def test_a_cr_or_lf_that_stands_alone_is_let_in_by_no_way(pieces: list[bytes]) -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        told = [await bdat(talk, piece, last=False) for piece in pieces[:-1]]
        told.append(await bdat(talk, pieces[-1], last=True))
        assert "554 5.6.0" in [reply[:9] for reply in told]
        assert house.log.mails == []


async def test_an_outage_is_told_at_the_end_of_the_chunk() -> None:
    async with a_house() as house, house.talk() as talk:
        house.blobs.error = NoSpace("full")
        await talk.say(FROM_ANN, TO_BO)
        assert (await bdat(talk, b"x" * 500_000, last=True))[:9] == "452 4.3.1"
        assert (await talk.say("NOOP"))[:3] == "250"


async def test_a_bug_in_the_middle_does_not_make_commands_of_the_rest() -> None:
    async with a_house() as house, house.talk() as talk:
        house.blobs.error = RuntimeError("a bug")
        await talk.say(FROM_ANN, TO_BO)
        await talk.put(b"BDAT 300000 LAST\r\n" + b"x" * 100_000 + b"\r\nRSET\r\n")
        assert (await talk.reply())[:9] == "451 4.3.0"
        assert await talk.reply() == ""


# --- BINARYMIME ---------------------------------------------------------------------------


async def test_a_binary_message_is_kept_as_it_is() -> None:
    content = b"Content-Transfer-Encoding: binary\r\n\r\n" + bytes(range(256)) * 4
    async with a_house() as house, house.talk() as talk:
        await talk.say(BINARY, TO_BO)
        mail_id_in(await bdat(talk, content, last=True))
        [mail] = house.log.mails
        assert (mail.raw, mail.body_type) == (content, "BINARYMIME")


async def test_a_binary_message_has_a_header_of_lines() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(BINARY, TO_BO)
        assert (await bdat(talk, b"A: b\nC: d\r\n\r\n\0", last=True))[:9] == "554 5.6.0"


async def test_a_binary_message_does_not_come_by_data() -> None:
    async with a_house() as house, house.talk() as talk:
        assert (await talk.say(BINARY, TO_BO, "DATA"))[:9] == "503 5.5.1"
        mail_id_in(await bdat(talk, SMALL, last=True))


# --- LMTP ---------------------------------------------------------------------------------


async def test_by_lmtp_each_recipient_is_answered_after_the_last_chunk() -> None:
    async with a_house() as house, house.talk(lmtp=True) as talk:
        await talk.say(FROM_ANN, "RCPT TO:<small@shop.example>", TO_BO)
        assert await bdat(talk, b"x" * 2_000, last=False) == "250 2.0.0 2000 octets taken"
        assert (await bdat(talk, b"\r\n", last=True))[:9] == "552 5.2.2"
        mail_id_in(await talk.reply())
        assert [mail.recipients for mail in house.log.mails] == [("bo@shop.example",)]


# --- the parts ----------------------------------------------------------------------------


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_line_ends_are_seen_whatever_the_pieces(data: bytes, cuts: list[int]) -> None:
    assert has_bare(data, cuts) == lone(data)


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"x"])).map(b"".join),
    st.lists(st.integers(0, 20), max_size=6),
)
def test_line_ends_are_seen_in_any_arrangement(data: bytes, cuts: list[int]) -> None:
    assert has_bare(data, cuts) == lone(data)


@pytest.mark.parametrize(
    ("text", "chunk"),
    [
        ("0", Chunk(0, is_last=False)),
        ("10 LAST", Chunk(10, is_last=True)),
        ("10  last", Chunk(10, is_last=True)),
        (None, None),
        ("LAST", None),
        ("٣", None),
    ],
)
def test_the_size_of_a_chunk_is_read(text: str | None, chunk: Chunk | None) -> None:
    assert read_chunk(text) == chunk


def has_bare(data: bytes, cuts: list[int]) -> bool:
    ends = LineEnds()
    for start, end in pairwise(sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})):
        ends.feed(data[start:end])
    ends.end()
    return ends.has_bare


def lone(data: bytes) -> bool:
    rest = data.replace(b"\r\n", b"")
    return b"\r" in rest or b"\n" in rest


async def bdat(talk: Talk, chunk: bytes, *, last: bool) -> str:
    return await talk.raw(b"BDAT %d%s\r\n%s" % (len(chunk), b" LAST" if last else b"", chunk))
