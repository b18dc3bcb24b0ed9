"""Giving a raw message back, byte for byte as it was accepted.

Reads what ``topologies.mail.stored`` wrote: a message kept whole, or a skeleton that refers to
its attachments.
"""

from collections.abc import AsyncIterator

from topologies.errors import Poison
from topologies.events import DeliveryDue, MailOutgoing, MailSubmitted, RawRef
from topologies.mail import dkim_canonical, skeleton
from topologies.ports.blobs import Blobs

LONGEST_HEADER_BYTES = 256 * 1024


async def read_raw(blobs: Blobs, ref: RawRef) -> bytes:
    """Return the raw message that *ref* leads to.

    Raises:
        BlobMissing: The store does not hold it, or one of its attachments.
        Poison: It is kept in a form that this version does not know.
    """
    if ref.kind == "whole":
        return await blobs.get(ref.blob)
    return b"".join([chunk async for chunk in stream_raw(blobs, ref)])


async def stream_raw(blobs: Blobs, ref: RawRef) -> AsyncIterator[bytes]:
    """Yield the raw message that *ref* leads to, in bounded memory.

    Raises:
        BlobMissing: As ``read_raw``, at the first step or when the attachment's turn comes.
        Poison: As ``read_raw``, at the first step.
    """
    if ref.kind == "whole":
        chunks = blobs.stream(ref.blob)
    else:
        chunks = skeleton.rebuilt(await blobs.get(ref.blob), blobs)
    async for chunk in chunks:
        yield chunk


async def header_of(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the header of the message that *chunks* are, without the empty line.

    No more is read than it takes; of a longer one than ``LONGEST_HEADER_BYTES``, how it begins.

    Raises:
        BlobMissing, Poison: As *chunks* do.
    """
    start = b""
    async for chunk in chunks:
        start += chunk
        if len(start) >= LONGEST_HEADER_BYTES or b"\r\n\r\n" in start:
            break
    header, _ = dkim_canonical.split(start[:LONGEST_HEADER_BYTES])
    return header


async def raw_of(mail: MailSubmitted | MailOutgoing | DeliveryDue, blobs: Blobs) -> bytes:
    """Return the message that *mail* holds, or refers to.

    Raises:
        BlobMissing: The store does not hold it.
        Poison: It does neither.
    """
    if mail.raw is not None:
        return mail.raw
    if mail.raw_blob is not None:
        return await blobs.get(mail.raw_blob)
    raise Poison(f"{mail.mail_id} holds no message")
