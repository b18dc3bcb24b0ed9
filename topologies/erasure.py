"""What is left of a user: a count for each store, for whoever has to prove that it is nothing.

Reads every store that is kept by user, writes nothing. What goes by itself when its time is over
is not asked: the log, dead letters, what became of sent mail, and notes of answers and requests.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from topologies.ports.app_passwords import AppPasswords
from topologies.ports.contacts import Contacts
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.personal_spam import Learnt, PersonalSpam
from topologies.ports.push_subscriptions import PushSubscriptions
from topologies.ports.restraints import Restraints
from topologies.ports.rules import Rules, UserRules
from topologies.ports.scheduled import Scheduled
from topologies.ports.search import Search, SearchQuery
from topologies.ports.second_factors import SecondFactors
from topologies.ports.snoozes import Snoozes
from topologies.ports.suppressions import Suppressions
from topologies.ports.unsubscribes import Unsubscribes
from topologies.ports.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepers:
    """The stores that keep something by user."""

    directory: Directory
    mailboxes: Mailboxes
    search: Search
    rules: Rules
    contacts: Contacts
    snoozes: Snoozes
    scheduled: Scheduled
    personal_spam: PersonalSpam
    app_passwords: AppPasswords
    second_factors: SecondFactors
    restraints: Restraints
    suppressions: Suppressions
    webhooks: Webhooks
    push_subscriptions: PushSubscriptions
    unsubscribes: Unsubscribes

    @classmethod
    def of(cls, stores: Any) -> Self:
        """Return them out of whatever has an attribute for each."""
        return cls(**{field.name: getattr(stores, field.name) for field in fields(cls)})


async def remains(user_id: str, kept: Keepers) -> Mapping[str, int]:
    """Return how many things each store holds of a user, by what they are.

    Raises:
        Retryable: A store is out of reach.
    """

    async def count(name: str, found: Any) -> tuple[str, int]:
        return name, _count(await found)

    return dict(
        await asyncio.gather(
            count("directory", kept.directory.user(user_id)),
            count("sessions", kept.directory.sessions.of(user_id)),
            count("mailbox", kept.mailboxes.remains(user_id)),
            count("search", kept.search.search(user_id, SearchQuery(), limit=1)),
            count("rules", kept.rules.read(user_id)),
            count("contacts", kept.contacts.find(user_id)),
            count("put off", kept.snoozes.of(user_id)),
            count("sent for later", kept.scheduled.page(user_id)),
            count("learnt", kept.personal_spam.read(user_id)),
            count("app passwords", kept.app_passwords.of(user_id)),
            count("second factor", kept.second_factors.of(user_id)),
            count("restraint", kept.restraints.of(user_id)),
            count("suppressions", kept.suppressions.page(user_id)),
            count("webhooks", kept.webhooks.of(user_id)),
            count("push subscriptions", kept.push_subscriptions.of(user_id)),
            count("unsubscribing", kept.unsubscribes.of(user_id)),
        )
    )


def _count(found: Any) -> int:
    if found is None or found == UserRules() or found == Learnt():
        return 0
    if isinstance(found, int):
        return found
    for name in ("total_count", "suppressions"):
        if hasattr(found, name):
            return _count(getattr(found, name))
    return len(found) if hasattr(found, "__len__") else 1
