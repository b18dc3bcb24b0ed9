"""What an address leads to here, and which new names a directory takes.

Pure: a rule yields the names it wants to know about and is sent what the directory
holds under them, so that it serves a dict, a file and a cluster alike, and asks a cluster
once for each level of aliases. Names are keys of ``topologies.mail.mailbox_address``; besides,
``*@example.com`` is that domain's catch-all, ``@example.com`` the domain itself, and
``postmaster@`` the administrators, since every domain has a postmaster (RFC 5321 §4.5.1).

A domain may be an alias of another: then it leads to that (``@example.com``), and every address
of it means what it means there. An alias may lead to addresses of other systems, and be a group:
then ``MEMBERS_ONLY`` stands among its targets, and is none of them.
"""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass

from topologies.mail import mailbox_address
from topologies.mail.mailbox_address import MailboxAddress
from topologies.ports.directory import Resolved, Target

MOST_TARGETS = 1_000  # that one address leads to, aliases' names included
DEEPEST_ALIAS = 10  # levels of aliases that lead to aliases
MEMBERS_ONLY = "members only"  # among the targets of a group: nobody else may write to it
POSTMASTER = "postmaster@"  # leads to the administrators, wherever nobody else was given it


@dataclass(frozen=True, slots=True)
class Held:
    """What a directory holds under one name: a user, an alias, or (empty) a domain."""

    user_id: str = ""
    targets: tuple[str, ...] = ()  # keys that an alias leads to


Answer = Mapping[str, Held]
Question = Generator[Collection[str], Answer, Resolved]
LookUp = Callable[[Collection[str]], Answer]
# The aliases that have a name, or it with a plus-tag, among their targets; with all targets.
LeadingTo = Callable[[str], Mapping[str, tuple[str, ...]]]


class TooLarge(ValueError):
    """An alias leads to more names, or over more levels, than is allowed."""


class WrongTarget(ValueError):
    """An alias can't lead to one of its targets.

    Attributes:
        number: Which of them, from 0 on.
    """

    def __init__(self, number: int, detail: str) -> None:
        super().__init__(detail)
        self.number = number


def resolve(address: str) -> Question:
    """Ask what *address* means: exact, then alias, then plus-tag, then catch-all.

    Each user appears once, where they were met first; a loop of aliases ends. One that
    outgrew its bounds is refused as a whole, as serving a part of those it leads to
    would lose the mail of the others.
    """
    try:
        return (yield from expand(address))
    except TooLarge:
        return Resolved(status="unknown")


def expand(address: str) -> Question:
    """Ask what *address* means, like ``resolve``.

    Raises:
        TooLarge: It leads to too many names, or over too many levels of aliases.
    """
    try:
        asked = _postmaster(address) or mailbox_address.parse(address)
    except ValueError:
        return Resolved(status="invalid")
    found: dict[str, Target] = {}
    forwards: dict[str, None] = {}
    seen = {asked.key}
    level = [(asked, "")]
    is_ours = not asked.domain
    members_only = False
    depth = 0
    while True:
        held = yield {name for at, _ in level for name in _names_of(at)}
        is_ours = is_ours or f"@{asked.domain}" in held
        following: list[tuple[MailboxAddress, str]] = []
        led_on = False
        for at, tag in level:
            if there := _in_other_domain(at, held):
                if there.key not in seen:
                    seen.add(there.key)
                    following.append((there, tag))
                continue
            name, entry, own_tag = _first_of(at, held)
            tag = tag or own_tag
            if entry.user_id and entry.user_id not in found:
                found[entry.user_id] = Target(user_id=entry.user_id, address=name, tag=tag)
            if not name and at is not asked and f"@{at.domain}" not in held:
                forwards[str(at)] = None
            members_only = members_only or MEMBERS_ONLY in entry.targets
            for key in shown(entry.targets):
                if key not in seen:
                    led_on = True
                    seen.add(key)
                    following.append((mailbox_address.parse(key), tag))
        if len(seen) > MOST_TARGETS + 1:
            raise TooLarge(f"{asked.key} would lead to more than {MOST_TARGETS:,} addresses")
        if not following:
            break
        depth += led_on  # a domain leads to another once, and that is no alias of its own
        if depth > DEEPEST_ALIAS:
            raise TooLarge(f"{asked.key} would lead over more than {DEEPEST_ALIAS} aliases")
        level = following
    if found or forwards:
        return Resolved(
            status="local",
            targets=tuple(found.values()),
            forwards=tuple(forwards),
            members_only=members_only,
        )
    return Resolved(status="unknown" if is_ours else "foreign")


def answered(question: Question, look_up: LookUp) -> Resolved:
    """Return what *question* comes to, with a directory that answers at once."""
    try:
        asked = next(question)
        while True:
            asked = question.send(look_up(asked))
    except StopIteration as end:
        return end.value


def user_address(address: str) -> MailboxAddress:
    """Return the address of a new user.

    Raises:
        ValueError: Nobody could write to it without quotes, or it is invalid.
    """
    parsed = mailbox_address.parse(address)
    if not parsed.is_plain or parsed.local == "*":
        raise ValueError(f"{parsed.local!r} can't be a user's name: use letters, digits and . - _")
    if parsed.domain.startswith("["):
        raise ValueError(f"{parsed} has no domain name")
    return parsed


def check_user(address: MailboxAddress, held: Answer) -> None:
    """Check that *address* is free, given what is held under it and its domain.

    Raises:
        ValueError: It is taken, or not of our domains; says what to do.
    """
    _check_ours(address, held)
    if address.key in held:
        kind = "a user" if held[address.key].user_id else "an alias"
        raise ValueError(f"{address.key} is taken: it is {kind} already")


def targets_of(targets: Sequence[str]) -> Sequence[MailboxAddress]:
    """Return the addresses that an alias is to lead to, each once.

    Raises:
        WrongTarget: One of them is no address with a domain name.
    """
    found: dict[MailboxAddress, None] = {}
    for number, target in enumerate(targets):
        try:
            parsed = mailbox_address.parse(target)
        except ValueError as error:
            raise WrongTarget(number, str(error)) from error
        if parsed.domain.startswith("["):
            raise WrongTarget(number, f"{parsed.key} has no domain name")
        found[parsed] = None
    return list(found)


def check_alias(alias: MailboxAddress, targets: Sequence[MailboxAddress], held: Answer) -> None:
    """Check that *alias* may lead to *targets*, given what is held under it and all domains.

    Raises:
        ValueError: It may not; says why.
    """
    _check_ours(alias, held)
    if (entry := held.get(alias.key)) and entry.user_id:
        raise ValueError(f"{alias.key} is a user: their mail is theirs, no alias can take it")
    if not targets:
        raise ValueError(f"{alias.key} must lead somewhere: name at least one address")
    if len(targets) > MOST_TARGETS:
        raise TooLarge(f"{alias.key} can lead to at most {MOST_TARGETS:,} addresses")


def check_domain(domain: str, held: Answer) -> None:
    """Check that *domain* may be one of ours, given what is held under ``@domain``.

    Raises:
        ValueError: It is an alias of another.
    """
    if (entry := held.get(f"@{domain}")) and entry.targets:
        other = entry.targets[0].removeprefix("@")
        raise ValueError(f"{domain} is an alias of {other}: remove that first")


def check_empty(domain: str, *, has_users: bool, has_aliases: bool, has_others: bool) -> None:
    """Find out whether *domain* may go.

    Raises:
        ValueError: It holds something; says what.
    """
    for is_so, what in (
        (has_users, "users"),
        (has_aliases, "aliases"),
        (has_others, "domains that stand for it"),
    ):
        if is_so:
            raise ValueError(f"{domain} has {what} still: remove those first")


def check_domain_alias(alias: str, domain: str, held: Answer) -> None:
    """Check that *alias* may stand for *domain*, given what is held under both with an ``@``.

    Raises:
        ValueError: It may not; says why.
    """
    there = held.get(f"@{domain}")
    if there is None:
        raise ValueError(f"{domain} is none of our domains: add it first, or see which there are")
    if there.targets:
        raise ValueError(f"{domain} is an alias itself")
    if (entry := held.get(f"@{alias}")) and not entry.targets:
        raise ValueError(f"{alias} is a domain of its own")


def kept(targets: Sequence[MailboxAddress], *, members_only: bool) -> tuple[str, ...]:
    """Return what is kept of an alias's *targets*."""
    keys = tuple(dict.fromkeys(target.key for target in targets))
    return (MEMBERS_ONLY, *keys) if members_only else keys


def shown(targets: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses among what is kept of an alias's targets."""
    return tuple(target for target in targets if target != MEMBERS_ONLY)


def check_growth(alias: str, leading_to: LeadingTo, look_up: LookUp) -> None:
    """Check that *alias*, as it is now, makes neither itself nor those above it too large.

    Raises:
        TooLarge: It does.
    """
    names = [alias]
    for name in names:  # grows while it is walked
        answered(expand(name), look_up)
        names += [above for above in leading_to(name) if above not in names]


def without(name: str, leading_to: LeadingTo, look_up: LookUp) -> dict[str, tuple[str, ...]]:
    """Return what the aliases lead to once *name* is gone, as far as that changes.

    Those that led there alone come out with no target, and go as well.
    """
    changed: dict[str, tuple[str, ...]] = {}
    gone = [name]
    while gone:
        removed = gone.pop()
        for alias, targets in leading_to(removed).items():
            before = changed.get(alias, targets)
            # "bo+x" leads to "bo" unless there is a "bo+x".
            tagged = {t for t in before if untagged(t) == removed}
            lost = {removed} | (tagged - look_up(tagged).keys())
            left = tuple(t for t in before if t not in lost)
            changed[alias] = left if shown(left) else ()
            if before and not changed[alias]:
                gone.append(alias)
    return changed


def untagged(key: str) -> str | None:
    """Return *key* without its plus-tag, None if it has none."""
    if key == MEMBERS_ONLY:
        return None
    base = mailbox_address.parse(key).without_tag
    return base.key if base else None


def names_to_check(addresses: Collection[MailboxAddress]) -> set[str]:
    """Return the names that ``check_user`` and ``check_alias`` must know about."""
    return {a.key for a in addresses} | {f"@{a.domain}" for a in addresses}


def _postmaster(address: str) -> MailboxAddress | None:
    # RFC 5321 §4.1.1.3: "RCPT TO:<Postmaster>" has no domain.
    is_bare = len(address) <= len("<postmaster>") and address.strip("<>").lower() == "postmaster"
    return MailboxAddress("postmaster", "") if is_bare else None


def _names_of(at: MailboxAddress) -> list[str]:
    """Return the names to know about to serve *at*."""
    names = [at.key, f"*@{at.domain}", f"@{at.domain}"]
    if base := at.without_tag:
        names.append(base.key)
    if _is_postmaster(at):
        names.append(POSTMASTER)
    return names


def _in_other_domain(at: MailboxAddress, held: Answer) -> MailboxAddress | None:
    """Return *at* in the domain that its own is an alias of; None if it is none."""
    entry = held.get(f"@{at.domain}")
    if entry is None or not entry.targets:
        return None
    return MailboxAddress(at.local, entry.targets[0].removeprefix("@"))


def _first_of(at: MailboxAddress, held: Answer) -> tuple[str, Held, str]:
    """Return the name that serves *at*, what is held there, and the tag if that led there."""
    if entry := held.get(at.key):
        return at.key, entry, ""
    if (base := at.without_tag) and (entry := held.get(base.key)):
        return base.key, entry, at.tag
    if entry := held.get(name := f"*@{at.domain}"):
        return name, entry, ""
    is_reserved = _is_postmaster(at) and f"@{at.domain}" in held
    if is_reserved and (entry := held.get(POSTMASTER)):
        return POSTMASTER, entry, ""
    return "", Held(), ""


def _is_postmaster(at: MailboxAddress) -> bool:
    return at.local.lower() == "postmaster"


def _check_ours(address: MailboxAddress, held: Answer) -> None:
    check_domain(address.domain, held)
    if f"@{address.domain}" not in held:
        raise ValueError(
            f"{address.domain} is none of our domains: add it first, or see which there are"
        )
