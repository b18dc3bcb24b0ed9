"""A raw message taken into the blob store: itself, and what it carries.

Reads raw bytes; writes blobs and returns what events say of them. Doing it again writes
nothing new, since blobs are named by their content.
"""

import asyncio
import hashlib

from topologies.events import Message, RawRef
from topologies.mail.message import Parsed, parse_message
from topologies.ports.blobs import Blobs

PARSED_IN_A_THREAD_BYTES = 256 * 1024  # larger ones would hold up everything else


async def store_message(raw: bytes, blobs: Blobs) -> tuple[Message, RawRef]:
    """Return what *raw* says and where it lies, once all of it is durable.

    Raises:
        NoSpace: The blob store is full.
        Retryable: The blob store is out of reach.
    """
    parsed, blob = await _read(raw)
    # One by one the contents may be large; together they are what the message is.
    contents = {blob: raw} | parsed.contents
    await blobs.put(list(contents.values()))
    return parsed.message, RawRef(blob=blob, kind="whole", size_bytes=len(raw))


async def _read(raw: bytes) -> tuple[Parsed, str]:
    def work() -> tuple[Parsed, str]:
        return parse_message(raw), hashlib.sha256(raw).hexdigest()

    return await asyncio.to_thread(work) if len(raw) > PARSED_IN_A_THREAD_BYTES else work()
