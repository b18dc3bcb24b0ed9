"""Giving a raw message back, byte for byte as it was accepted.

A whole message is one blob. A skeleton is made by ``topologies.mail.stored``; nothing
writes one yet, so that it is refused here rather than given back wrong.
"""

from collections.abc import AsyncIterator

from topologies.errors import Poison
from topologies.events import RawRef
from topologies.ports.blobs import Blobs


async def read_raw(blobs: Blobs, ref: RawRef) -> bytes:
    """Return the raw message that *ref* leads to.

    Raises:
        BlobMissing: The store does not hold it.
        Poison: It is kept in a form that this version does not know.
    """
    _check(ref)
    return await blobs.get(ref.blob)


def stream_raw(blobs: Blobs, ref: RawRef) -> AsyncIterator[bytes]:
    """Yield the raw message that *ref* leads to, in bounded memory.

    Raises:
        BlobMissing: As ``read_raw``, at the first step.
        Poison: As ``read_raw``.
    """
    _check(ref)
    return blobs.stream(ref.blob)


def _check(ref: RawRef) -> None:
    if ref.kind != "whole":
        raise Poison(f"{ref.blob}: a raw message kept as {ref.kind} can't be read")
