"""A message in the blob store: what it carries lies there once, and it comes back as it was."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.blobs import MemoryBlobs
from topologies.errors import BlobMissing, Poison
from topologies.events import RawRef
from topologies.mail.raw import read_raw, stream_raw
from topologies.mail.stored import store_message

CONTENT = random.Random(1).randbytes(40_000)


def in_lines(content: bytes, length: int, line_end: bytes = b"\r\n") -> bytes:
    letters = base64.b64encode(content)
    return line_end.join(letters[at : at + length] for at in range(0, len(letters), length))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(in_lines(CONTENT, 76), "skeleton", id="lines of 76"),
        pytest.param(in_lines(CONTENT, 60), "skeleton", id="lines of 60"),
        pytest.param(in_lines(CONTENT, 76, b"\n"), "skeleton", id="LF"),
        pytest.param(in_lines(CONTENT, 76) + b"\r\n\r\n", "skeleton", id="blank lines behind"),
        pytest.param(base64.b64encode(CONTENT), "skeleton", id="one line"),
        pytest.param(in_lines(CONTENT[:39_900], 76), "skeleton", id="a last line that is full"),
        pytest.param(in_lines(CONTENT, 76)[:-1], "whole", id="padding is missing"),
        pytest.param(in_lines(CONTENT, 74), "whole", id="lines that cut a quartet"),
        pytest.param(in_lines(CONTENT, 76).replace(b"\r\n", b" \r\n", 1), "whole", id="a blank"),
        pytest.param(in_lines(CONTENT, 76) + b"\r\n=\r\n", "whole", id="junk behind"),
        pytest.param(b"QQ==\r\n" + in_lines(CONTENT, 76), "whole", id="two in one"),
        pytest.param(in_lines(CONTENT[:900], 76), "whole", id="small"),
    ],
)
async def test_a_message_comes_back_byte_for_byte(body: bytes, kind: str) -> None:
    raw = with_attachment(body)
    blobs = MemoryBlobs()
    _, ref = await store_message(raw, blobs)
    assert (ref.kind, ref.size_bytes) == (kind, len(raw))
    assert await read_raw(blobs, ref) == raw
    if kind == "skeleton":
        assert len(await blobs.get(ref.blob)) < 1_000


async def test_what_was_not_encoded_is_left_out_too() -> None:
    raw = with_attachment(b"a,b\r\n" * 5_000, encoding="8bit")
    blobs = MemoryBlobs()
    message, ref = await store_message(raw, blobs)
    assert ref.kind == "skeleton"
    assert await read_raw(blobs, ref) == raw
    assert await blobs.get(message.attachments[0].blob) == b"a,b\r\n" * 5_000


async def test_one_file_in_two_messages_is_kept_once() -> None:
    blobs = MemoryBlobs()
    one, _ = await store_message(with_attachment(in_lines(CONTENT, 76)), blobs)
    other, _ = await store_message(b"X: y\r\n" + with_attachment(in_lines(CONTENT, 60)), blobs)
    assert one.attachments[0].blob == other.attachments[0].blob


@given(
    size=st.integers(12_000, 20_000),
    length=st.sampled_from([4, 60, 64, 72, 76, 75, 1_000]),
    line_end=st.sampled_from([b"\r\n", b"\n"]),
    behind=st.sampled_from([b"", b"\r\n", b"=", b"\r\n\r\nmore"]),
)
async def test_any_base64_comes_back_byte_for_byte(
    size: int, length: int, line_end: bytes, behind: bytes
) -> None:
    content = random.Random(size).randbytes(size)
    raw = with_attachment(in_lines(content, length, line_end) + behind)
    blobs = MemoryBlobs()
    _, ref = await store_message(raw, blobs)
    assert b"".join([chunk async for chunk in stream_raw(blobs, ref)]) == raw


async def test_a_skeleton_whose_attachment_is_gone_is_told() -> None:
    blobs, other = MemoryBlobs(), MemoryBlobs()
    _, ref = await store_message(with_attachment(in_lines(CONTENT, 76)), blobs)
    await other.put([await blobs.get(ref.blob)])
    with pytest.raises(BlobMissing):
        await read_raw(other, ref)


@pytest.mark.parametrize("content", [b"", b"RILLRAW/2\nx", b"RILLRAW/1\n\xc1"])
async def test_what_is_no_skeleton_is_no_message(content: bytes) -> None:
    blobs = MemoryBlobs()
    [blob] = await blobs.put([content])
    with pytest.raises(Poison):
        await read_raw(blobs, RawRef(blob=blob, kind="skeleton", size_bytes=1))


def with_attachment(body: bytes, encoding: str = "base64") -> bytes:
    return (
        b"Subject: see there\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nsee there\r\n"
        b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\n"
        b"Content-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n" + body + b"\r\n--b--\r\n"
    )
