"""What each store holds of a user besides mail, as documents that they take along.

Every store that is erased with a user is here, by its name among ``Keepers``. Secrets are in no
document: of passwords, second factors, webhooks and browsers there are names and dates.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from topologies.erasure import Keepers
from topologies.events import MailHeld
from topologies.mail import holding, ids
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import User
from topologies.ports.request_keys import RequestKeys
from topologies.ports.suppressions import MAX_SUPPRESSIONS_PAGE

MOST_CONTACTS = 100_000

Documents = Mapping[str, Any]  # by the name of the file; a text, or what becomes JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings(Keepers):
    """Where the things of users are."""

    clock: Clock
    blobs: Blobs
    deliveries: Deliveries
    request_keys: RequestKeys


async def waiting(user_id: str, holdings: Holdings) -> AsyncGenerator[MailHeld]:
    """Yield the mails that a user sent for later and that wait still.

    Raises:
        Retryable: A store is out of reach.
    """
    async for mail in holding.kept_of(holdings.scheduled, user_id):
        email_id = ids.email_id(mail.mail_id, user_id)
        if await holding.is_undecided(holdings.request_keys, user_id, email_id):
            yield mail


async def _account(user: User, holdings: Holdings) -> Documents:
    _, _, domain = user.address.partition("@")
    aliases = await holdings.directory.aliases(domain)
    sessions = await holdings.directory.sessions.of(user.user_id)
    return {
        "account.json": asdict(user),
        "aliases.json": [alias for alias, targets in aliases if user.address in targets],
        "sessions.json": _all(sessions),
    }


async def _mailbox(user: User, holdings: Holdings) -> Documents:
    return {
        "folders.json": _all(await holdings.mailboxes.folders(user.user_id)),
        "labels.json": _all(await holdings.mailboxes.labels(user.user_id)),
    }


async def _rules(user: User, holdings: Holdings) -> Documents:
    rules = await holdings.rules.read(user.user_id)
    told = {
        "active": rules.active,
        "scripts": [script.name for script in rules.scripts],
        "away": asdict(rules.away),
        "forwarding": asdict(rules.forwarding),
        "blocked": _all(rules.blocked),
        "identities": _all(rules.identities),
    }
    scripts = {
        f"rules/{number}.sieve": script.source
        for number, script in enumerate(rules.scripts, start=1)
    }
    return {"rules.json": told} | scripts


async def _contacts(user: User, holdings: Holdings) -> Documents:
    return {"contacts.json": _all(await holdings.contacts.find(user.user_id, limit=MOST_CONTACTS))}


async def _put_off(user: User, holdings: Holdings) -> Documents:
    return {"put_off.json": _all(await holdings.snoozes.of(user.user_id))}


async def _scheduled(user: User, holdings: Holdings) -> Documents:
    told = [
        {
            "email_id": ids.email_id(mail.mail_id, mail.user_id),
            "due_at": mail.due_at,
            "mail_from": mail.mail_from,
            "recipients": mail.recipients,
            "draft_id": mail.draft_id or None,
        }
        async for mail in waiting(user.user_id, holdings)
    ]
    return {"scheduled.json": told}


async def _learnt(user: User, holdings: Holdings) -> Documents:
    return {"learnt.json": asdict(await holdings.personal_spam.read(user.user_id))}


async def _app_passwords(user: User, holdings: Holdings) -> Documents:
    return {"app_passwords.json": _all(await holdings.app_passwords.of(user.user_id))}


async def _second_factor(user: User, holdings: Holdings) -> Documents:
    kept = await holdings.second_factors.of(user.user_id)
    told = {"is_on": kept is not None and kept.is_on}
    if kept is not None:
        told |= {"created_at": kept.created_at, "recovery_codes_left": len(kept.recovery)}
    return {"second_factor.json": told}


async def _restraint(user: User, holdings: Holdings) -> Documents:
    kept = await holdings.restraints.of(user.user_id)
    return {"restraints.json": _all([kept] if kept is not None else [])}


async def _suppressions(user: User, holdings: Holdings) -> Documents:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await holdings.suppressions.page(
            user.user_id, limit=MAX_SUPPRESSIONS_PAGE, cursor=cursor
        )
        found += _all(page.suppressions)
        cursor = page.next_cursor
        if cursor is None:
            return {"suppressions.json": found}


async def _webhooks(user: User, holdings: Holdings) -> Documents:
    return {"webhooks.json": _all(await holdings.webhooks.of(user.user_id), without=("secrets",))}


async def _browsers(user: User, holdings: Holdings) -> Documents:
    kept = await holdings.push_subscriptions.of(user.user_id)
    # Whoever knows the endpoint may send there.
    told = _all(kept, without=("endpoint", "public_key", "auth"))
    return {
        "push_subscriptions.json": [
            {**one, "host": urlsplit(each.endpoint).hostname}
            for one, each in zip(told, kept, strict=True)
        ]
    }


async def _unsubscribed(user: User, holdings: Holdings) -> Documents:
    return {"unsubscribed.json": _all(await holdings.unsubscribes.of(user.user_id))}


# By the name of the store.
DOCUMENTS: Mapping[str, Callable[[User, Holdings], Awaitable[Documents]]] = {
    "directory": _account,
    "mailboxes": _mailbox,
    "rules": _rules,
    "contacts": _contacts,
    "snoozes": _put_off,
    "scheduled": _scheduled,
    "personal_spam": _learnt,
    "app_passwords": _app_passwords,
    "second_factors": _second_factor,
    "restraints": _restraint,
    "suppressions": _suppressions,
    "webhooks": _webhooks,
    "push_subscriptions": _browsers,
    "unsubscribes": _unsubscribed,
}


def _all(kept: Sequence[Any], *, without: Sequence[str] = ()) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in asdict(each).items() if name not in without}
        for each in kept
    ]
