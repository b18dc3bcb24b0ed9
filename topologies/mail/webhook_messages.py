"""What webhooks are told: one message for each recipient, as JSON.

``{"type", "timestamp", "data"}``, as Standard Webhooks suggests. The id of a message is derived
from what it tells: whoever makes it again makes the same one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from topologies.events import DeliveryAttempted, RecipientResult
from topologies.events.webhook import MailComplained, SenderRestrained, WebhookDue
from topologies.mail import ids, status
from topologies.ports.webhooks import TEST, Webhook, WebhookEventType

LONGEST_TEXT = 500  # characters of a peer's words

MEANINGS: Mapping[WebhookEventType, str] = {
    "email.delivered": "the recipient's system has taken the mail",
    "email.deferred": "the recipient's system asked to come again or did not answer: it is tried"
    " again",
    "email.bounced": "the mail will not arrive, or came back later",
    "email.complained": "the recipient reported the mail as spam, or wants no more",
    "email.suppressed": "the mail was not sent, since the recipient is on a suppression list",
    "sender.throttled": "the user sent spam or malware, and may send a tenth for a day",
    "sender.suspended": "the user did so again and again, and may send nothing",
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one recipient."""

    email_id: str  # of the copy in the sender's mailbox
    delivery_id: str
    mail_from: str = msgspec.field(name="from")
    recipient: str
    submitted_at: datetime


class Attempted(Told, frozen=True, kw_only=True):
    """What an attempt to deliver came to."""

    attempt: int
    next_try_at: datetime | None
    code: int  # the peer's SMTP reply; 0: it never answered
    enhanced: str  # RFC 3463
    meaning: str  # of the code, in words
    text: str  # the peer's words
    host: str
    is_late: bool  # the peer had taken it, and a bounce said otherwise later


class Complained(Told, frozen=True, kw_only=True):
    """A recipient reported the mail."""

    feedback_type: str  # RFC 5965: abuse, fraud, opt-out, …
    reported_by: str


class Restrained(msgspec.Struct, frozen=True, kw_only=True):
    """A user may send less, or nothing."""

    email_id: str  # of the mail that was one too many
    mail_from: str = msgspec.field(name="from")
    bad_mails: int  # in the last day
    reason: str
    until: datetime | None  # null: until an administrator lifts it


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """That a webhook is reached."""

    webhook_id: str


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    timestamp: datetime
    data: Told | Restrained | Tried


def of_attempt(attempted: DeliveryAttempted, webhooks: Sequence[Webhook]) -> Iterator[WebhookDue]:
    """Yield what *webhooks* are told of an attempt, by recipient."""
    for result in attempted.results:
        kind = _kind(result)
        data = Attempted(
            email_id=ids.email_id(attempted.mail_id, attempted.user_id),
            delivery_id=attempted.delivery_id,
            mail_from=attempted.mail_from,
            recipient=result.recipient,
            submitted_at=attempted.submitted_at,
            attempt=attempted.attempt,
            next_try_at=attempted.next_try_at if result.status == "deferred" else None,
            code=result.code,
            enhanced=result.enhanced,
            meaning=status.in_words(result.enhanced, result.code),
            text=result.text[:LONGEST_TEXT],
            host=result.host,
            is_late=attempted.is_late,
        )
        place = (str(attempted.attempt), "late" if attempted.is_late else "")
        yield from _to_each(webhooks, kind, attempted.attempted_at, data, place)


def of_complaint(complained: MailComplained, webhooks: Sequence[Webhook]) -> Iterator[WebhookDue]:
    """Yield what *webhooks* are told of a complaint."""
    data = Complained(
        email_id=ids.email_id(complained.mail_id, complained.user_id),
        delivery_id=complained.delivery_id,
        mail_from=complained.mail_from,
        recipient=complained.recipient,
        submitted_at=complained.submitted_at,
        feedback_type=complained.feedback_type,
        reported_by=complained.reported_by,
    )
    return _to_each(webhooks, "email.complained", complained.complained_at, data, ())


def of_restraint(restrained: SenderRestrained, webhooks: Sequence[Webhook]) -> Iterator[WebhookDue]:
    """Yield what *webhooks* are told of a user who may send less."""
    kind: WebhookEventType = (
        "sender.suspended" if restrained.kind == "suspended" else "sender.throttled"
    )
    at = restrained.restrained_at
    data = Restrained(
        email_id=ids.email_id(restrained.mail_id, restrained.user_id),
        mail_from=restrained.mail_from,
        bad_mails=restrained.bad_mails,
        reason=restrained.reason,
        until=restrained.until,
    )
    return _each(webhooks, kind, at, data, (restrained.mail_id,))


def of_trial(webhook: Webhook, at: datetime) -> WebhookDue:
    """Return the message by which its owner tries a webhook; each is another one."""
    data = Tried(webhook_id=webhook.webhook_id)
    return WebhookDue(
        message_id=ids.new_id(at),
        webhook_id=webhook.webhook_id,
        owner=webhook.owner,
        type=TEST,
        made_at=at,
        body=_body(TEST, at, data),
    )


def _to_each(
    webhooks: Iterable[Webhook],
    kind: WebhookEventType,
    at: datetime,
    data: Told,
    place: Sequence[str],
) -> Iterator[WebhookDue]:
    return _each(webhooks, kind, at, data, (data.delivery_id, data.recipient, *place))


def _each(
    webhooks: Iterable[Webhook],
    kind: WebhookEventType,
    at: datetime,
    data: Told | Restrained,
    about: Sequence[str],
) -> Iterator[WebhookDue]:
    body = ""
    for webhook in webhooks:
        if kind not in webhook.events:
            continue
        body = body or _body(kind, at, data)
        yield WebhookDue(
            message_id=ids.derived_id(at, "webhook", webhook.webhook_id, kind, *about),
            webhook_id=webhook.webhook_id,
            owner=webhook.owner,
            type=kind,
            made_at=at,
            body=body,
        )


def _kind(result: RecipientResult) -> WebhookEventType:
    if result.is_suppressed:
        return "email.suppressed"
    match result.status:
        case "delivered":
            return "email.delivered"
        case "deferred":
            return "email.deferred"
        case "failed":
            return "email.bounced"


def _body(kind: str, at: datetime, data: Told | Restrained | Tried) -> str:
    return msgspec.json.encode(_Message(type=kind, timestamp=at, data=data)).decode()
