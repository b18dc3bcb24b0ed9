"""Who is to be told what about an attempt to deliver: the rules of RFC 3461 §5 and RFC 3464.

Pure: reads what an attempt came to and what the sender wished; writes what a report says.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from topologies.events import DeliveryAttempted, MailReceived, RecipientResult, RecipientWish
from topologies.mail import ids, status
from topologies.mail.backoff import GIVE_UP_AFTER
from topologies.mail.dsn import Action, RecipientReport, Report
from topologies.mail.wishes import wishes_for

DELAY_TOLD_AFTER = timedelta(hours=4)
# Told once: later reports of a delay have the same id, and are not written at all from here on.
DELAY_TOLD_UNTIL = timedelta(hours=24)

Told = Literal["failed", "delayed", "delivered"]
TOLD: tuple[Told, ...] = ("failed", "delayed", "delivered")
_STATUS: Mapping[Told, str] = {"failed": "failed", "delayed": "deferred", "delivered": "delivered"}
_WISH: Mapping[Told, str] = {"failed": "FAILURE", "delayed": "DELAY", "delivered": "SUCCESS"}
_BY_DEFAULT: Mapping[Told, str] = {"failed": "5.0.0", "delayed": "4.0.0", "delivered": "2.0.0"}


def about(
    attempted: DeliveryAttempted, told: Told, *, reporting_mta: str, at: datetime
) -> Report | None:
    """Return what the sender is to be told, or None if there is nothing.

    Args:
        attempted: What an attempt came to.
        told: What of it.
        reporting_mta: We.
        at: When the attempt was made first, if it was made again.
    """
    wishes = attempted.wishes
    by_recipient = {wish.recipient: wish for wish in wishes.recipients} if wishes else {}
    if told == "delayed" and not _is_time_to_tell(attempted, at):
        return None
    results = [
        result
        for result in attempted.results
        if result.status == _STATUS[told] and _is_wished(result, by_recipient, told)
    ]
    if not results:
        return None
    return Report(
        reporting_mta=reporting_mta,
        envelope_id=wishes.envelope_id if wishes else "",
        arrived_at=attempted.submitted_at,
        recipients=tuple(
            _told(result, by_recipient, told, at, until=attempted.submitted_at + GIVE_UP_AFTER)
            for result in results
        ),
    )


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
        )
        for recipient in recipients
        if recipient in wished
    ]


def wants_whole(attempted: DeliveryAttempted, told: Told) -> bool:
    """Tell whether the message comes back whole: only when it failed, and that was asked for."""
    return told == "failed" and attempted.wishes is not None and attempted.wishes.returned == "FULL"


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
    if result.code and not is_ours:
        diagnostic = " ".join(filter(None, (str(result.code), result.enhanced, result.text)))
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
