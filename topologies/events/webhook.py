"""Facts on the way of what webhooks are told.

    DeliveryAttempted, MailComplained, SenderRestrained → WebhookDue ⇄ WebhookLater…

One message for one webhook is one event, and carries what is posted, so that each try posts the
same bytes.
"""

from datetime import datetime, timedelta
from typing import Literal

from topologies.events.base import Event


class MailComplained(Event, frozen=True, kw_only=True, tag="mail.complained/1"):
    """A recipient of a mail of ours reported it, by a feedback loop (RFC 5965)."""

    mail_id: str  # of the mail that was complained about
    user_id: str  # who sent it
    mail_from: str
    delivery_id: str
    recipient: str
    submitted_at: datetime
    complained_at: datetime  # when the report came
    feedback_type: str  # abuse, fraud, opt-out, …
    reported_by: str  # the domain that the report proved to come from

    @property
    def key(self) -> str:
        return self.mail_id


class SenderRestrained(Event, frozen=True, kw_only=True, tag="sender.restrained/1"):
    """A user may send less, or nothing, since they sent spam or malware once too often."""

    mail_id: str  # of the mail that was one too many
    user_id: str
    mail_from: str
    restrained_at: datetime  # when that was submitted
    kind: Literal["throttled", "suspended"]
    bad_mails: int  # in the last day, with this one
    reason: str  # in words that the user may read
    until: datetime | None = None  # None: until an administrator lifts it

    @property
    def key(self) -> str:
        return self.mail_id


class WebhookDue(Event, frozen=True, kw_only=True, tag="webhook.due/1"):
    """A message is to be posted to a webhook now."""

    message_id: str  # UUIDv7, the same at each try: its receiver's key against repetition
    webhook_id: str
    owner: str  # of the webhook: a user's id, or @domain
    type: str  # what it tells: email.delivered, …
    made_at: datetime  # when that happened; it is given up some days later
    body: str  # JSON, as it is posted
    attempt: int = 1  # which one this will be
    put_off: int = 0  # how often it was not its turn since the last attempt

    @property
    def key(self) -> str:
        return self.webhook_id


class WebhookLater5s(WebhookDue, frozen=True, kw_only=True, tag="webhook.later-5s/1"):
    """To be posted in five seconds."""


class WebhookLater5m(WebhookDue, frozen=True, kw_only=True, tag="webhook.later-5m/1"):
    """To be posted in five minutes."""


class WebhookLater30m(WebhookDue, frozen=True, kw_only=True, tag="webhook.later-30m/1"):
    """To be posted in half an hour."""


class WebhookLater2h(WebhookDue, frozen=True, kw_only=True, tag="webhook.later-2h/1"):
    """To be posted in two hours."""


class WebhookLater6h(WebhookDue, frozen=True, kw_only=True, tag="webhook.later-6h/1"):
    """To be posted in six hours."""


# One topic a waiting time, as of deliveries; in the order in which they follow each other.
WEBHOOK_WAITS: dict[timedelta, type[WebhookDue]] = {
    timedelta(seconds=5): WebhookLater5s,
    timedelta(minutes=5): WebhookLater5m,
    timedelta(minutes=30): WebhookLater30m,
    timedelta(hours=2): WebhookLater2h,
    timedelta(hours=6): WebhookLater6h,
}
