"""A mailbox filled by many deliveries, as fast as its store takes them when they wait in line."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from topologies.errors import Retryable
from topologies.events import Deliver
from topologies.mailbox.store import store_several
from topologies.ports.mailboxes import Mailboxes

AT_ONCE = 500  # deliveries taken together: a backlog such as no worker ever holds
TELL_EVERY_S = 10.0
TRIES = 10  # of one group: a busy node does not answer now and then


async def fill(
    mailboxes: Mailboxes,
    deliveries: Iterable[Deliver],
    *,
    at_once: int = AT_ONCE,
    tell: Callable[[str], None] = print,
) -> int:
    """Let the stage carry out *deliveries* to one mailbox, in order; return how many they were.

    Args:
        mailboxes: Where to.
        deliveries: All to one user.
        at_once: How many wait in line at any moment.
        tell: Told now and then how far it is.
    """
    began = told_at = time.monotonic()
    count = 0
    for several in _groups(deliveries, at_once):
        await _carry_out(several, mailboxes)
        count += len(several)
        now = time.monotonic()
        if now - told_at > TELL_EVERY_S:
            told_at = now
            tell(f"{count:,} mails delivered, {count / (now - began):,.0f} a second")
    return count


async def _carry_out(several: Sequence[Deliver], mailboxes: Mailboxes) -> None:
    """As an engine does: what is not acknowledged is done again."""
    for _ in range(TRIES - 1):
        with suppress(Retryable):
            await store_several(several, mailboxes=mailboxes)
            return
    await store_several(several, mailboxes=mailboxes)


def _groups(deliveries: Iterable[Deliver], size: int) -> Iterator[Sequence[Deliver]]:
    rest = iter(deliveries)
    while group := list(islice(rest, size)):
        yield group
