"""How a user's rules are changed: what may stand there, and that nobody's change is lost.

The changes are pure; ``changed`` reads, changes and writes until nobody was faster.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from topologies.errors import Retryable
from topologies.mail import mailbox_address
from topologies.mail.sieve import compiled
from topologies.mail.sieve_run import MOST_DAYS
from topologies.ports.rules import (
    MOST_FORWARDED_TO,
    MOST_SCRIPTS,
    AwayNotice,
    Forwarding,
    Rules,
    SieveScript,
    UserRules,
)

LONGEST_NAME = 128
LONGEST_TEXT = 8_000
LONGEST_SUBJECT = 200
TRIES = 5  # while others change the same


class Missing(LookupError):
    """There is no such script."""


class InUse(ValueError):
    """The script is run on each mail, so it can't go."""


async def changed(
    rules: Rules, user_id: str, change: Callable[[UserRules], UserRules]
) -> UserRules:
    """Change a user's rules, and return what they are then.

    Raises:
        Retryable: The store is out of reach, or others change them all the time.
    """
    for _ in range(TRIES):
        before = await rules.read(user_id)
        after = change(before)
        if after == before:
            return before
        if await rules.write(user_id, after):
            return replace(after, version=before.version + 1)
    raise Retryable("these rules are being changed by others")


def tag_of(script: SieveScript) -> str:
    """Return what changes with the content of *script* (RFC 9110 §8.8.3, without quotes)."""
    return hashlib.sha256(script.source.encode("utf-8", "replace")).hexdigest()[:32]


def name_of(text: str) -> str:
    """Return a script's name as it is kept.

    Raises:
        ValueError: It is no name for a script; says why.
    """
    name = unicodedata.normalize("NFC", text[: 4 * LONGEST_NAME]).strip()
    if not name or len(name) > LONGEST_NAME:
        raise ValueError(f"a script's name has 1 to {LONGEST_NAME} characters")
    if "/" in name or any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        raise ValueError("a script's name has no / and no control characters")
    return name


def with_script(rules: UserRules, name: str, source: str, at: datetime) -> UserRules:
    """Return *rules* with a script put there, or in place of one of the same name.

    Raises:
        SieveError: It can't be run; says where and why.
        ValueError: There are too many.
    """
    compiled(source)
    script = SieveScript(name=name, source=source, changed_at=at)
    kept = rules.script(name)
    if kept is not None and kept.source == source:
        return rules
    others = [each for each in rules.scripts if each.name != name]
    if len(others) >= MOST_SCRIPTS:
        raise ValueError(f"there may be at most {MOST_SCRIPTS} scripts: delete one first")
    in_order = sorted([*others, script], key=lambda each: each.name)
    return replace(rules, scripts=tuple(in_order))


def without_script(rules: UserRules, name: str) -> UserRules:
    """Return *rules* without a script.

    Raises:
        Missing: There is none of that name.
        InUse: It is active (RFC 5804 §2.10 refuses that as well).
    """
    if rules.script(name) is None:
        raise Missing(name)
    if rules.active == name:
        raise InUse("the script is active: let another one be, or none")
    return replace(rules, scripts=tuple(each for each in rules.scripts if each.name != name))


def activated(rules: UserRules, name: str) -> UserRules:
    """Return *rules* with the script called *name* run on each mail; empty: none.

    Raises:
        Missing: There is none of that name.
    """
    if name and rules.script(name) is None:
        raise Missing(name)
    return replace(rules, active=name)


def with_away(rules: UserRules, away: AwayNotice) -> UserRules:
    """Return *rules* with another answer while the user is away.

    Raises:
        ValueError: It makes no sense; says why.
    """
    if away.is_on and not away.text.strip():
        raise ValueError("text: say something to those who write")
    if len(away.text) > LONGEST_TEXT or len(away.subject) > LONGEST_SUBJECT:
        raise ValueError("text: the answer is too long")
    if not 1 <= away.days <= MOST_DAYS:
        raise ValueError(f"days: between 1 and {MOST_DAYS}")
    if away.starts_at and away.ends_at and away.starts_at >= away.ends_at:
        raise ValueError("ends_at: it ends before it begins")
    return replace(rules, away=away)


def with_forwarding(rules: UserRules, forwarding: Forwarding, own: Sequence[str]) -> UserRules:
    """Return *rules* with mail forwarded to other addresses.

    Args:
        rules: As they are.
        forwarding: What is wanted.
        own: Addresses of the user, whom nothing is forwarded to.

    Raises:
        ValueError: An address is none, or one's own, or they are too many.
    """
    if len(forwarding.addresses) > MOST_FORWARDED_TO:
        raise ValueError(f"addresses: at most {MOST_FORWARDED_TO}")
    if forwarding.is_on and not forwarding.addresses:
        raise ValueError("addresses: say to whom")
    mine = {mailbox_address.parse(each).key for each in own}
    parsed: list[str] = []
    for number, each in enumerate(forwarding.addresses):
        try:
            address = mailbox_address.parse(each)
        except ValueError as error:
            raise ValueError(f"addresses[{number}]: {error}") from None
        bare = address.without_tag or address
        if address.key in mine or bare.key in mine:
            raise ValueError(f"addresses[{number}]: mail can't be forwarded to where it comes")
        parsed.append(str(address))
    kept = replace(forwarding, addresses=tuple(dict.fromkeys(parsed)))
    return replace(rules, forwarding=kept)
