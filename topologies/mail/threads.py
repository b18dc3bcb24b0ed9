"""Threads: which mails of a mailbox belong together, by the message-ids they name.

Decides which thread a new mail joins, which threads it shows to be one, and which ids are
remembered, also of mails that did not come yet, so that a late parent finds its children.
Subjects join nothing. Message-ids are whatever a sender wrote: two mails with the same one
are two mails, and no thread, hence no merge, grows beyond ``LARGEST``. RFC 5322 §3.6.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from topologies.events.message import Message

LARGEST = 1_000  # mails of a thread, threads it took up included; the next begins another
NAMED = 100  # ids of one mail that are looked up
REMEMBERED = 20  # ids of one mail that are remembered besides its own: the nearest, and the root
ANSWERED = 5  # ids in In-Reply-To that count; some programs write prose there


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What becomes of threads when a mail comes.

    Attributes:
        thread_id: Its thread; the mail's own id if it begins one.
        merged: Threads that this one takes up.
        remembered: (message-id, thread_id) to be kept.
    """

    thread_id: str
    merged: tuple[str, ...]
    remembered: tuple[tuple[str, str], ...]


def named(message: Message) -> tuple[str, ...]:
    """Return the message-ids that tell where *message* belongs, nearest first, its own last."""
    # The last reference is the parent, the first the root (RFC 5322 §3.6.4); In-Reply-To is
    # the parent too, and stands where a program writes no References.
    ancestors = dict.fromkeys((*message.in_reply_to[:ANSWERED], *reversed(message.references)))
    ancestors.pop("", None)
    ancestors.pop(message.message_id, None)
    nearest = tuple(ancestors)[: NAMED - 1]
    return (*nearest, message.message_id) if message.message_id else nearest


def join(
    message: Message, email_id: str, known: Mapping[str, str], sizes: Mapping[str, int]
) -> Joined:
    """Return which thread *message* joins.

    Args:
        message: The new mail.
        email_id: Its id, which names the thread it may begin.
        known: thread_id by message-id, for those of ``named`` that are known.
        sizes: How many mails each of these threads has, those it took up counted as well.
    """
    ids = named(message)
    found = tuple(dict.fromkeys(known[each] for each in ids if each in known))
    if not found or sizes.get(found[0], 0) >= LARGEST:
        return Joined(
            thread_id=email_id,
            merged=(),
            remembered=_remembered(message, ids, email_id, known, frozenset()),
        )
    together: list[str] = []
    total = 1
    for thread_id in found:
        size = sizes.get(thread_id, 0) + (1 if together else 0)  # a taken-up thread counts too
        if total + size <= LARGEST:
            together.append(thread_id)
            total += size
    # The largest stays, so that the fewest mails change; of equals the one that is older.
    stays = min(together, key=lambda each: (-sizes.get(each, 0), each))
    return Joined(
        thread_id=stays,
        merged=tuple(each for each in together if each != stays),
        remembered=_remembered(message, ids, stays, known, frozenset(together)),
    )


def _remembered(
    message: Message,
    ids: tuple[str, ...],
    thread_id: str,
    known: Mapping[str, str],
    together: frozenset[str],
) -> tuple[tuple[str, str], ...]:
    ancestors = [each for each in ids if each != message.message_id]
    kept = ancestors[:REMEMBERED] + ancestors[REMEMBERED:][-1:]
    news = [(each, thread_id) for each in kept if each not in known]
    # Answers to this mail belong where it lies, even if its id led to a thread that is full.
    if message.message_id and known.get(message.message_id) not in together | {thread_id}:
        news.append((message.message_id, thread_id))
    return tuple(news)
