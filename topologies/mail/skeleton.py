"""A raw message without its attachments: what is left of it, and where they belong.

Reads a raw message whose attachments lie in the blob store, writes a skeleton from which the
very same bytes can be made again. Only what does come out the same is left out, which is tried
here: base64 (RFC 2045 §6.8) in lines of one length, and what was not encoded at all.
"""

import base64
from collections.abc import AsyncIterator, Sequence

import msgspec

from topologies.errors import Poison
from topologies.events.message import BlobId
from topologies.ports.blobs import Blobs

LEAST_BYTES = 16 * 1024  # of a stretch; leaving out less saves nothing
MAGIC = b"RILLRAW/1\n"
LINE_CHARACTERS = 76  # RFC 2045 §6.8, of what is made here
_CHUNK_LINES = 4_096  # encoded at once
_CRLF = b"\r\n"


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of a raw message that can be made from a blob.

    Attributes:
        start: Where it begins in the raw message; it ends before ``end``.
        line_characters: Of each line of base64; 0: the blob as it is.
        line_end_bytes: 2 for CRLF, 1 for LF.
    """

    start: int
    end: int
    blob: BlobId
    line_characters: int = 0
    line_end_bytes: int = 2


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a content belongs, in base64, in place of what stands there from start to end."""

    start: int
    end: int
    blob: BlobId
    size_bytes: int  # of the content; not 0


class _Reference(msgspec.Struct, frozen=True, array_like=True):
    blob: BlobId
    line_characters: int
    line_end_bytes: int


_Segments = list[bytes | _Reference]


def stretch(body: bytes, start: int, content: bytes, blob: BlobId) -> Stretch | None:
    """Return the stretch that *body* is, if it can be made from *content* again; else None.

    Args:
        body: The part's body as it stands in the raw message.
        start: Where it begins there.
        content: The body decoded.
        blob: Under which id *content* is stored.
    """
    if len(body) < LEAST_BYTES:
        return None
    if body == content:
        return Stretch(start, start + len(body), blob)
    core = body.rstrip(b"\r\n")
    first_end = core.find(b"\n")
    if first_end < 0:
        first_end = len(core)
    line_end = b"\r\n" if core[first_end - 1 : first_end] == b"\r" else b"\n"
    length = first_end - (len(line_end) - 1) if first_end < len(core) else len(core)
    if length <= 0 or length % 4:
        return None
    # Compared without making it: that would cost a slice for each of many thousand lines.
    step = length + len(line_end)
    ends = len(core) // step
    is_regular = core.count(b"\n") == ends and all(
        core[length + place :: step] == line_end[place : place + 1] * ends
        for place in range(len(line_end))
    )
    if not is_regular or core.replace(line_end, b"") != base64.b64encode(content):
        return None
    return Stretch(start, start + len(core), blob, length, len(line_end))


def make(raw: bytes, stretches: Sequence[Stretch]) -> bytes:
    """Return the skeleton of *raw* without *stretches*, which do not overlap."""
    segments: _Segments = []
    place = 0
    for each in sorted(stretches, key=lambda each: each.start):
        segments.append(raw[place : each.start])
        segments.append(_Reference(each.blob, each.line_characters, each.line_end_bytes))
        place = each.end
    segments.append(raw[place:])
    return MAGIC + msgspec.msgpack.encode(segments)


def spliced(raw: bytes, places: Sequence[Place]) -> tuple[bytes, int]:
    """Return the skeleton of *raw* with contents where *places* are, and the size of the whole.

    The contents need not be at hand. Places do not overlap, and stand in their order.
    """
    segments: _Segments = []
    end, size_bytes = 0, 0
    for each in places:
        segments += [raw[end : each.start], _Reference(each.blob, LINE_CHARACTERS, len(_CRLF))]
        letters = -(-each.size_bytes // 3) * 4
        size_bytes += each.start - end + letters
        size_bytes += len(_CRLF) * max(0, -(-letters // LINE_CHARACTERS) - 1)
        end = each.end
    segments.append(raw[end:])
    return MAGIC + msgspec.msgpack.encode(segments), size_bytes + len(raw) - end


def references(skeleton: bytes) -> set[BlobId]:
    """Return the attachments that *skeleton* refers to.

    Raises:
        Poison: It is no skeleton of this version.
    """
    return {segment.blob for segment in _read(skeleton) if isinstance(segment, _Reference)}


async def rebuilt(skeleton: bytes, blobs: Blobs) -> AsyncIterator[bytes]:
    """Yield the raw message that *skeleton* was made of, in bounded memory.

    Raises:
        BlobMissing: An attachment is not there.
        Poison: It is no skeleton of this version.
    """
    for segment in _read(skeleton):
        if isinstance(segment, bytes):
            yield segment
        elif segment.line_characters == 0:
            async for chunk in blobs.stream(segment.blob):
                yield chunk
        else:
            async for lines in _encoded(segment, blobs):
                yield lines


async def _encoded(reference: _Reference, blobs: Blobs) -> AsyncIterator[bytes]:
    length = reference.line_characters
    line_end = b"\r\n"[2 - reference.line_end_bytes :]
    step = length // 4 * 3 * _CHUNK_LINES
    held = bytearray()
    between = b""
    async for chunk in blobs.stream(reference.blob):
        held += chunk
        while len(held) >= step:
            yield between + _lines(bytes(held[:step]), length, line_end)
            del held[:step]
            between = line_end
    if held:
        yield between + _lines(bytes(held), length, line_end)


def _lines(content: bytes, length: int, line_end: bytes) -> bytes:
    letters = base64.b64encode(content)
    return line_end.join(letters[at : at + length] for at in range(0, len(letters), length))


def _read(skeleton: bytes) -> _Segments:
    try:
        if not skeleton.startswith(MAGIC):
            raise Poison("a raw message is kept in a form that this version does not know")
        return msgspec.msgpack.decode(skeleton[len(MAGIC) :], type=_Segments)
    except msgspec.DecodeError as error:
        raise Poison(f"the skeleton of a raw message is damaged: {error}") from error
