"""Whose mail a user does not want to see: which senders are named, and whether a mail is theirs.

Pure. A sender is who stands in From, whether or not that is proved: it is what the user saw when
they blocked it, and a mail that only pretends to come from there is wanted even less. A domain
stands for its subdomains, too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from topologies.events import Address
from topologies.mail import mailbox_address
from topologies.ports.rules import MOST_BLOCKED, BlockedSender, BlockedTo, UserRules

MOST_AUTHORS = 50  # in From, that are looked at
MOST_LABELS = 10  # of a domain, whose parents are looked for

_TICK = timedelta(microseconds=1)


def target_of(text: str) -> str:
    """Return an address or ``@domain`` in the form in which equal ones are equal.

    Raises:
        ValueError: It is neither; says why.
    """
    text = text.strip()
    if text.startswith("@"):
        return "@" + mailbox_address.domain_in_ascii(text[1:])
    return mailbox_address.parse(text).key


def with_blocked(
    rules: UserRules, text: str, into: BlockedTo, at: datetime, own: Iterable[str]
) -> UserRules:
    """Return *rules* with a sender blocked, the newest one first.

    Args:
        rules: As they are.
        text: The address or ``@domain``.
        into: Where their mail goes from now on.
        at: Now.
        own: Addresses of the user.

    Raises:
        ValueError: It is no sender, or the user themselves, or they are too many; says why.
    """
    target = target_of(text)
    if target in {mailbox_address.parse(each).key for each in own}:
        raise ValueError("target: this is your own address")
    others = tuple(each for each in rules.blocked if each.target != target)
    if len(others) >= MOST_BLOCKED:
        raise ValueError(f"target: at most {MOST_BLOCKED} senders: unblock one, or block a domain")
    newest = max((each.since for each in rules.blocked), default=at - _TICK)
    fresh = max(at, newest + _TICK)  # of two none is as old, so that a list has one order
    since = next((each.since for each in rules.blocked if each.target == target), fresh)
    blocked = BlockedSender(target=target, into=into, since=since)
    return replace(rules, blocked=(blocked, *others))


def without_blocked(rules: UserRules, target: str) -> UserRules:
    """Return *rules* with *target*, as ``target_of`` returns it, not blocked."""
    return replace(rules, blocked=tuple(e for e in rules.blocked if e.target != target))


def blocked_by(rules: UserRules, from_: Sequence[Address], mail_from: str) -> BlockedSender | None:
    """Return what blocks a mail, an address before a domain; None: nothing does.

    Args:
        rules: The user's.
        from_: Who stands in From (RFC 5322 §3.6.2).
        mail_from: The envelope's sender, who counts if nobody stands there.
    """
    if not rules.blocked:
        return None
    known = {each.target: each for each in rules.blocked}
    senders = [each.address for each in from_[:MOST_AUTHORS]] or [mail_from]
    found = (known.get(name) for sender in senders for name in _names(sender))
    return next((each for each in found if each is not None), None)


def _names(sender: str) -> Sequence[str]:
    try:
        parsed = mailbox_address.parse(sender)
    except ValueError:
        return ()
    labels = parsed.domain.split(".")[-MOST_LABELS:]
    bare = parsed.without_tag
    return (
        parsed.key,
        *([bare.key] if bare else []),
        f"@{parsed.domain}",
        *(f"@{'.'.join(labels[first:])}" for first in range(1, len(labels))),
    )
