"""Who is not written to any more: how lists are asked, and what follows (see the port).

Names of addresses and domains are compared in lower case and in ASCII.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from topologies.events import DeliveryDue, RecipientResult
from topologies.mail import mailbox_address
from topologies.ports.suppressions import (
    EVERYBODY,
    Suppression,
    SuppressionPage,
    Suppressions,
)

_BECAUSE = {
    "bounce": "mail to it came back before",
    "complaint": "its owner reported mail of yours as spam",
    "unsubscribe": "its owner wants no more mail",
    "manual": "somebody put it there",
}


def target_of(text: str) -> str:
    """Return an address or ``@domain`` as lists have it.

    Raises:
        ValueError: It is neither.
    """
    text = text.strip()
    if text.startswith("@"):
        return "@" + mailbox_address.domain_in_ascii(text[1:]).lower()
    parsed = mailbox_address.parse(text)
    local, _, domain = str(parsed).rpartition("@")
    return f"{local.lower()}@{mailbox_address.domain_in_ascii(domain).lower()}"


def owners_for(user_id: str, mail_from: str) -> Sequence[str]:
    """Return the lists that count for mail of a user in the name of an address."""
    domain = mail_from.rpartition("@")[2].lower()
    return [
        *([user_id] if user_id else []),
        *([f"@{domain}"] if domain else []),
        EVERYBODY,
    ]


def stronger(kept: Suppression | None, fresh: Suppression) -> Suppression:
    """Return which of two entries for the same target stays: the one that holds for longer."""
    if kept is None or fresh.until is None:
        return fresh if kept is None or kept.until is not None else kept
    return kept if kept.until is None or kept.until >= fresh.until else fresh


async def refused(
    due: DeliveryDue, suppressions: Suppressions, at: datetime
) -> Sequence[RecipientResult]:
    """Return the results of those recipients of *due* that are not to be written to.

    To be asked before the first attempt; what the result says is final, and told to the sender.
    Reports and forwarded mail go out all the same.
    """
    if due.kind != "sent":
        return []
    targets = {recipient: _targets(recipient) for recipient in due.recipients}
    found = await suppressions.among(
        owners_for(due.user_id, due.mail_from),
        list(dict.fromkeys(target for each in targets.values() for target in each)),
        at,
    )
    return [
        _result(recipient, entry)
        for recipient, asked in targets.items()
        if (entry := _first(found, asked)) is not None
    ]


def _targets(recipient: str) -> Sequence[str]:
    try:
        address = target_of(recipient)
    except ValueError:
        return []
    return [address, "@" + address.rpartition("@")[2]]


def _first(found: Mapping[str, Suppression], asked: Sequence[str]) -> Suppression | None:
    return next((found[target] for target in asked if target in found), None)


def _result(recipient: str, entry: Suppression) -> RecipientResult:
    whose = "your" if entry.owner != EVERYBODY and entry.owner[:1] != "@" else "our"
    text = (
        f"{entry.target} is on {whose} suppression list since {entry.since:%Y-%m-%d}:"
        f" {_BECAUSE[entry.reason]}"
    )
    if entry.detail:
        text = f"{text} ({entry.detail})"
    return RecipientResult(
        recipient=recipient,
        status="failed",
        code=550,
        enhanced="5.7.1",
        text=text,
        is_suppressed=True,
    )


def first_that_holds(
    found: Iterable[Suppression | None], at: datetime
) -> Mapping[str, Suppression]:
    """Return by target the first entry that holds at a moment."""
    held: dict[str, Suppression] = {}
    for entry in found:
        if entry is not None and entry.holds_at(at):
            held.setdefault(entry.target, entry)
    return held


def page_of(found: Sequence[Suppression], limit: int) -> SuppressionPage:
    """Return the page that *found* begins with; one more than the limit tells of a next one."""
    page = tuple(found[:limit])
    return SuppressionPage(
        suppressions=page,
        next_cursor=cursor_of(page[-1].target) if len(found) > limit and page else None,
    )


def cursor_of(target: str) -> str:
    """Return the cursor of a page that ended with *target*."""
    return base64.urlsafe_b64encode(target.encode()).decode().rstrip("=")


def target_after(cursor: str) -> str:
    """Return what the page before ended with.

    Raises:
        ValueError: The cursor is none of ours.
    """
    try:
        target = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise ValueError("not a cursor of this listing") from error
    if cursor_of(target) != cursor or "@" not in target:
        raise ValueError("not a cursor of this listing")
    return target
