"""What the API takes and answers about webhooks."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from api.shapes import In, Out
from topologies.mail.webhook_rules import LONGEST_URL
from topologies.ports.webhooks import MAX_ATTEMPTS_PAGE, WebhookEventType

Url = Annotated[str, Meta(min_length=1, max_length=LONGEST_URL, description="https")]
Events = Annotated[tuple[WebhookEventType, ...], Meta(min_length=1, max_length=20)]
Description = Annotated[str, Meta(max_length=200)]


class WhoseQuery(In, frozen=True, kw_only=True):
    """Whose webhooks."""

    domain: Annotated[
        str, Meta(max_length=255, description="of all who send in its name; for administrators")
    ] = ""


class AttemptsQuery(WhoseQuery, frozen=True, kw_only=True):
    """How many attempts."""

    limit: Annotated[int, Meta(ge=1, le=MAX_ATTEMPTS_PAGE)] = 50


class WebhookIn(In, frozen=True, kw_only=True):
    """Where to post, and what."""

    url: Url
    events: Events | UnsetType = UNSET  # absent: all there are
    description: Description = ""


class WebhookPatch(In, frozen=True, kw_only=True):
    """What to change of a webhook (RFC 7396): what is absent stays."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET


class EventTypeOut(Out, frozen=True, kw_only=True):
    """Something a webhook can be told."""

    type: str
    meaning: str


class WebhookOut(Out, frozen=True, kw_only=True):
    """A webhook, without its secret."""

    webhook_id: str
    url: str
    events: tuple[WebhookEventType, ...]
    description: str
    created_at: datetime
    is_enabled: bool
    disabled_at: datetime | None
    disabled_why: str
    failing_since: datetime | None  # the first failure after the last success
    failures: int


class NewWebhook(WebhookOut, frozen=True, kw_only=True):
    """A webhook that was made."""

    secret: str  # `whsec_` and base64; told this once


class NewSecret(Out, frozen=True, kw_only=True):
    """A secret that replaces another."""

    webhook_id: str
    secret: str  # told this once
    old_signs_until: datetime  # beside it, the one before


class WebhookAttemptOut(Out, frozen=True, kw_only=True):
    """One time that a message was posted."""

    message_id: str  # in the header webhook-id
    type: str
    attempt: int
    attempted_at: datetime
    status: int  # of the answer; 0: there was none
    text: str  # the beginning of the answer, or why there was none
    took_ms: int
    next_try_at: datetime | None


class WebhookTested(Out, frozen=True, kw_only=True):
    """A message is on its way; the attempts tell what came of it."""

    message_id: str
