"""A raw message taken into the blob store: itself, and what it carries.

Reads raw bytes; writes blobs and returns what events say of them. What is attached is stored
decoded, and once: the raw message refers to it where the same bytes come out again, and is kept
whole where they would not. Doing it again writes nothing new, since blobs are named by their
content.
"""

import asyncio
import functools
import hashlib

from topologies.events import Message, RawRef
from topologies.mail import skeleton
from topologies.mail.message import Parsed, parse_message
from topologies.ports.blobs import Blobs

PARSED_IN_A_THREAD_BYTES = 256 * 1024  # larger ones would hold up everything else


async def store_message(raw: bytes, blobs: Blobs) -> tuple[Message, RawRef]:
    """Return what *raw* says and where it lies, once all of it is durable.

    Raises:
        NoSpace: The blob store is full.
        Retryable: The blob store is out of reach.
    """
    work = functools.partial(_read, raw)
    is_large = len(raw) > PARSED_IN_A_THREAD_BYTES
    parsed, ref, kept = await asyncio.to_thread(work) if is_large else work()
    await blobs.put([kept, *parsed.contents.values()])
    return parsed.message, ref


def _read(raw: bytes) -> tuple[Parsed, RawRef, bytes]:
    """Return what *raw* says, where it will lie, and what is to be kept there."""
    parsed = parse_message(raw)
    kept = skeleton.make(raw, parsed.stretches) if parsed.stretches else raw
    kind = "skeleton" if parsed.stretches else "whole"
    blob = hashlib.sha256(kept).hexdigest()
    return parsed, RawRef(blob=blob, kind=kind, size_bytes=len(raw)), kept
