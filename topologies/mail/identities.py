"""What a user writes as: addresses, each with a name and a signature (RFC 8621 §6). Pure."""

from collections.abc import Sequence
from dataclasses import replace

from topologies.mail import compose, mailbox_address
from topologies.ports.directory import User
from topologies.ports.rules import MOST_IDENTITIES, Identity, UserRules

LONGEST_SIGNATURE = 8_000  # characters
LONGEST_NAME = 200


def identities_of(user: User, rules: UserRules) -> Sequence[Identity]:
    """Return what *user* writes as: their own address first, which is always there."""
    own = identity_at(rules, user.address) or Identity(address=user.address, name=user.name)
    return [replace(own, address=user.address), *without(rules, user.address).identities]


def identity_at(rules: UserRules, address: str) -> Identity | None:
    """Return what was set for *address*, however its letters are written; None: nothing was."""
    key = mailbox_address.parse(address).key
    return next((each for each in rules.identities if _key(each) == key), None)


def name_at(user: User, rules: UserRules, address: str) -> str:
    """Return the name that *user* has at an address of theirs; empty if none was said."""
    key = mailbox_address.parse(address).key
    names = (each.name for each in identities_of(user, rules) if _key(each) == key)
    name = next(names, "")
    return "" if compose.has_controls(name) else name


def with_identity(rules: UserRules, address: str, name: str, signature: str) -> UserRules:
    """Return *rules* with another name and signature for an address, which the user may write as.

    Raises:
        ValueError: It makes no sense, or they are too many; says which and why.
    """
    if compose.has_controls(name):
        raise ValueError("name: a name is one line without control characters")
    if len(name) > LONGEST_NAME:
        raise ValueError("name: it is too long")
    if len(signature) > LONGEST_SIGNATURE:
        raise ValueError("signature: it is too long")
    put = Identity(
        address=str(mailbox_address.parse(address)), name=name.strip(), signature=signature
    )
    before = identity_at(rules, address)
    if before is not None:
        kept = tuple(put if each is before else each for each in rules.identities)
        return replace(rules, identities=kept)
    if len(rules.identities) >= MOST_IDENTITIES:
        raise ValueError(f"address: there may be at most {MOST_IDENTITIES}: delete one first")
    return replace(rules, identities=(*rules.identities, put))


def without(rules: UserRules, address: str) -> UserRules:
    """Return *rules* with nothing set for *address*."""
    gone = identity_at(rules, address)
    kept = tuple(each for each in rules.identities if each is not gone)
    return replace(rules, identities=kept)


def _key(identity: Identity) -> str:
    return mailbox_address.parse(identity.address).key
