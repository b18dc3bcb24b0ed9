"""Which contacts a user has: what is learnt of a mail, who is meant, and who falls out. Pure.

A contact is worth the more the more often they were written to, and the more lately: who was not
for ninety days counts half as much. So two contacts stand in the same order at any time, and
what they are worth need not be computed again.
"""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from topologies.events import Address, Message
from topologies.mail import folding, mailbox_address
from topologies.ports.contacts import MOST_CONTACTS, Contact

MOST_OF_A_MAIL = 100  # recipients that are learnt
KEPT_WHEN_FULL = MOST_CONTACTS * 9 // 10  # so that not every new contact makes another fall out
LONGEST_NAME = 200  # characters
HALVED_AFTER = timedelta(days=90)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def key_of(address: str) -> str:
    """Return the form in which *address* equals others.

    Raises:
        ValueError: It is no address; says why.
    """
    return mailbox_address.parse(address).key


def name_of(text: str) -> str:
    """Return a name as it is kept: on one line, without what nobody sees."""
    visible = "".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST_NAME])
    return " ".join(visible.split())[:LONGEST_NAME]


def written_to(message: Message, at: datetime) -> Sequence[Contact]:
    """Return whom *message* was sent to *at* that moment, each once."""
    found: dict[str, Contact] = {}
    for person in islice((*message.to, *message.cc, *message.bcc), MOST_OF_A_MAIL):
        try:
            key = key_of(person.address)
        except ValueError:
            continue
        name = _name(person)
        if key not in found or (name and not found[key].name):
            found[key] = Contact(key=key, address=person.address, name=name, used_at=at)
    return list(found.values())


def after(known: Mapping[str, Contact], fresh: Iterable[Contact]) -> Sequence[Contact]:
    """Return those of *fresh* as they are kept, of whom some were *known*, by key."""
    return [
        contact if (before := known.get(contact.key)) is None else _again(before, contact)
        for contact in fresh
    ]


def falling_out(contacts: Sequence[Contact]) -> Sequence[Contact]:
    """Return who is to be forgotten, so that there are not too many."""
    if len(contacts) <= MOST_CONTACTS:
        return []
    return heapq.nsmallest(len(contacts) - KEPT_WHEN_FULL, contacts, key=_order)


def found(contacts: Iterable[Contact], sought: str, limit: int) -> Sequence[Contact]:
    """Return those of *contacts* whom *sought* may mean, those worth most first."""
    wanted = [(text, folding.words(text)) for text in folding.fold(sought).split()]
    ordered = sorted(contacts, key=_order, reverse=True)
    return list(islice((each for each in ordered if _is_meant(each, wanted)), limit))


def worth(contact: Contact) -> float:
    """Return what orders contacts: the more the sooner."""
    return math.log2(contact.uses + 1) + (contact.used_at - _EPOCH) / HALVED_AFTER


def _order(contact: Contact) -> tuple[float, str]:
    return worth(contact), contact.key


def _again(before: Contact, fresh: Contact) -> Contact:
    return replace(
        before,
        address=fresh.address,
        name=fresh.name or before.name,
        uses=before.uses + fresh.uses,
        used_at=max(before.used_at, fresh.used_at),
    )


def _is_meant(contact: Contact, wanted: Sequence[tuple[str, Sequence[str]]]) -> bool:
    """Tell whether each of *wanted*, a text and its words, begins a part of name or address."""
    if not wanted:
        return True
    name, address = folding.fold(contact.shown_name), folding.fold(contact.address)
    # What stands nowhere begins no part; most contacts end here.
    whole = f"{name} {address}"
    for text, words in wanted:
        if text not in whole and not (words and all(word in whole for word in words)):
            return False
    parts = [*folding.words(name), *folding.words(address), *name.split()]
    held = f" {' '.join(parts)} {address}"
    return all(f" {text}" in held or _holds_all(held, words) for text, words in wanted)


def _holds_all(held: str, words: Sequence[str]) -> bool:
    return bool(words) and all(f" {word}" in held for word in words)


def _name(person: Address) -> str:
    name = name_of(person.name)
    # Some programs write the address once more in place of a name.
    return "" if name.strip("'\"<>").lower() == person.address.lower() else name
