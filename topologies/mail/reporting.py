"""Who is to be told what about attempts to deliver: the rules of RFC 3461 §5 and RFC 3464.

Pure: reads what attempts came to and what the sender wished; writes what a report says. What is
found out about a mail within some seconds is told in one report.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from topologies.events import DeliveryAttempted, MailReceived, RecipientResult, RecipientWish
from topologies.mail import ids, status
from topologies.mail.backoff import GIVE_UP_AFTER
from topologies.mail.dsn import Action, RecipientReport, Report
from topologies.mail.wishes import wishes_for
from topologies.ports.deliveries import Delivery

DELAY_TOLD_AFTER = timedelta(hours=4)
DELAY_TOLD_UNTIL = timedelta(hours=24)  # it is told once, and not at all from here on
JUST_TRIED = timedelta(seconds=2)  # what an attempt came to is known in that time

Told = Literal["failed", "delayed", "delivered"]
TOLD: tuple[Told, ...] = ("failed", "delayed", "delivered")
_STATUS: Mapping[Told, str] = {"failed": "failed", "delayed": "deferred", "delivered": "delivered"}
_WISH: Mapping[Told, str] = {"failed": "FAILURE", "delayed": "DELAY", "delivered": "SUCCESS"}
_BY_DEFAULT: Mapping[Told, str] = {"failed": "5.0.0", "delayed": "4.0.0", "delivered": "2.0.0"}


def news_of(
    attempted: DeliveryAttempted, at: datetime, *, is_delay_told: bool = True
) -> Mapping[str, DeliveryAttempted]:
    """Return what the sender is to be told of an attempt, each kind apart.

    Args:
        attempted: What an attempt came to.
        at: When it was made first, if it was made again.
        is_delay_told: Whether delays are told at all.

    Returns:
        By a name that it has for the mail: the attempt, with those results alone.
    """
    wishes = _wishes_of(attempted)
    found: dict[str, DeliveryAttempted] = {}
    for told in TOLD:
        if told == "delayed" and not (is_delay_told and _is_time_to_tell(attempted, at)):
            continue
        results = tuple(
            result
            for result in attempted.results
            if result.status == _STATUS[told] and _is_wished(result, wishes, told)
        )
        if results:
            name = f"{told} {attempted.delivery_id}"
            if told != "delayed":  # that is told once for all attempts
                name += f" {attempted.attempt}"
            found[name] = msgspec.structs.replace(attempted, results=results, attempted_at=at)
    return found


def is_more_to_come(deliveries: Iterable[Delivery], now: datetime) -> bool:
    """Tell whether some recipients of a mail are tried just now, or were a moment ago."""
    return any(
        (each.is_open and each.next_try_at is not None and each.next_try_at <= now)
        or (each.attempted_at is not None and each.attempted_at > now - JUST_TRIED)
        for delivery in deliveries
        if delivery.order != "hold"
        for each in delivery.recipients
    )


def grouped(
    news: Iterable[DeliveryAttempted],
) -> Mapping[tuple[str, Told], Sequence[DeliveryAttempted]]:
    """Return what ``news_of`` told by who is to be told, and what of."""
    found: dict[tuple[str, Told], list[DeliveryAttempted]] = {}
    for told in TOLD:
        for each in news:
            if each.results[0].status == _STATUS[told]:
                found.setdefault((each.mail_from, told), []).append(each)
    return found


def report(news: Sequence[DeliveryAttempted], told: Told, *, reporting_mta: str) -> Report:
    """Return the report that tells *news*, all of one kind and mail.

    Args:
        news: As ``news_of`` tells it; one at least.
        told: Of which kind it is.
        reporting_mta: We.
    """
    return Report(
        reporting_mta=reporting_mta,
        envelope_id=next((e.wishes.envelope_id for e in news if e.wishes is not None), ""),
        arrived_at=min(each.submitted_at for each in news),
        recipients=tuple(recipient for each in news for recipient in _recipients(each, told)),
    )


def _recipients(news: DeliveryAttempted, told: Told) -> Iterable[RecipientReport]:
    wishes = _wishes_of(news)
    until = news.submitted_at + GIVE_UP_AFTER
    for result in news.results:
        yield _told(result, wishes, told, news.attempted_at, until=until)


def confirmed(mail: MailReceived, recipients: Sequence[str]) -> Sequence[DeliveryAttempted]:
    """Return the outcomes that tell a user here of mailboxes here, as far as they wished to know.

    A stranger is told nothing: their address may be forged.
    """
    if not mail.user_id or not mail.mail_from or mail.wishes is None:
        return []
    wished = {wish.recipient for wish in mail.wishes.recipients if "SUCCESS" in wish.notify}
    mail_id = mail.sent_id or mail.mail_id
    return [
        DeliveryAttempted(
            delivery_id=ids.derived_id(mail.received_at, "kept", mail_id, recipient),
            mail_id=mail_id,
            user_id=mail.user_id,
            submitted_at=mail.received_at,
            mail_from=mail.mail_from,
            destination=recipient.rpartition("@")[2].lower(),
            attempt=1,
            attempted_at=mail.received_at,
            results=(
                RecipientResult(
                    recipient=recipient, status="delivered", code=250, enhanced="2.1.5"
                ),
            ),
            wishes=wishes_for(mail.wishes, [recipient]),
            tls_required=mail.tls_required,
        )
        for recipient in recipients
        if recipient in wished
    ]


def wants_whole(news: Iterable[DeliveryAttempted], told: Told) -> bool:
    """Tell whether the message comes back whole: only when it failed, and that was asked for.

    Never of one that was to go by TLS alone: reports are lost more easily (RFC 8689 §5).
    """
    return told == "failed" and any(
        each.wishes is not None and each.wishes.returned == "FULL" and each.tls_required != "yes"
        for each in news
    )


def _wishes_of(attempted: DeliveryAttempted) -> Mapping[str, RecipientWish]:
    wishes = attempted.wishes
    return {wish.recipient: wish for wish in wishes.recipients} if wishes is not None else {}


def _is_time_to_tell(attempted: DeliveryAttempted, at: datetime) -> bool:
    waited = at - attempted.submitted_at
    will_go_on = attempted.next_try_at is not None
    return will_go_on and DELAY_TOLD_AFTER <= waited < DELAY_TOLD_UNTIL


def _is_wished(result: RecipientResult, wishes: Mapping[str, RecipientWish], told: Told) -> bool:
    wish = wishes.get(result.recipient)
    notify: Sequence[str] = wish.notify if wish is not None else ()
    if not notify:  # §4.1: failures, and delays if we like
        return told != "delivered"
    # Who takes the mail on together with the wish for it reports success itself (§5.2.2).
    return _WISH[told] in notify and not (told == "delivered" and result.tells_itself)


def _told(
    result: RecipientResult,
    wishes: Mapping[str, RecipientWish],
    told: Told,
    at: datetime,
    *,
    until: datetime,
) -> RecipientReport:
    wish = wishes.get(result.recipient)
    # §5.2.2: a peer that knows no reports took it; whether it arrived nobody will tell.
    action: Action = "relayed" if told == "delivered" and result.host else told
    diagnostic = result.text
    is_ours = bool(result.code and not result.host and result.text)
    is_given_up = told == "failed" and 400 <= result.code < 500  # of which our own words tell
    if result.code and not is_ours and not is_given_up:
        diagnostic = result.said
    return RecipientReport(
        recipient=result.recipient,
        action=action,
        status=status.status_of(result.enhanced, otherwise=_BY_DEFAULT[told]),
        original=wish.original if wish is not None else "",
        remote_mta=result.host.partition(" ")[0],
        diagnostic=diagnostic,
        attempted_at=at,
        retry_until=until if told == "delayed" else None,
        is_ours=is_ours,
    )
