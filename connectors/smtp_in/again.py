"""A mail that comes again, because its sender got no answer, is the mail that it was (RFC 1047).

Whoever had no answer tries again: the answer got lost, or we died before it, or we said `451`
since nobody could tell whether the log had the mail, which then had it. So a mail that is the
same to the letter, of the same envelope and sender, gets the id and the time that it had when
it came first; all that is derived from those is there already, and is not made twice.

A mail without a Message-ID is a new one each time: scripts that write none may say the same
words again and mean it.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b, sha256

import structlog

from connectors.smtp_in.message import Content
from topologies.errors import Retryable
from topologies.mail.ids import derived_id, new_id
from topologies.ports.seen import Seen

# Mail servers wait an hour between two tries, most of them less.
AGAIN_WITHIN_S = 2 * 3_600.0

_HAS_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:", re.IGNORECASE | re.MULTILINE)

_logger = structlog.get_logger("smtp")


async def known_as(
    parties: Sequence[str], content: Content, now: datetime, seen: Seen
) -> tuple[str, datetime]:
    """Return the id of a mail that is about to be written, and when it came first.

    Args:
        parties: By whom it comes, its reverse-path and its forward-paths.
        content: The message.
        now: The moment, in UTC.
        seen: What was about to be written lately.
    """
    header, _, _ = content.start.partition(b"\r\n\r\n")
    if not _HAS_MESSAGE_ID.search(header):
        return new_id(now), now
    words = ("mail", *parties, content.raw_blob or sha256(content.raw or b"").hexdigest())
    # Hashed, since addresses are nobody's business there.
    text = "\0".join(words).encode("utf-8", "surrogatepass")
    try:
        first_at = await seen.see(blake2b(text, digest_size=16).hexdigest(), AGAIN_WITHIN_S)
    except Retryable as error:  # a second copy is better than none
        _logger.warning("smtp.out-of-reach", command="DATA", reason=str(error))
        return new_id(now), now
    return derived_id(first_at, text), first_at
