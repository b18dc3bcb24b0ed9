"""Shapes of subscribing browsers."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from api.shapes import In, Out


class PushKeyOut(Out, frozen=True, kw_only=True):
    """What browsers subscribe to: ``applicationServerKey``, in base64url."""

    public_key: str


class PushKeysIn(In, frozen=True, kw_only=True):
    """What messages are encrypted with (RFC 8291), in base64url."""

    p256dh: Annotated[str, Meta(max_length=128)]
    auth: Annotated[str, Meta(max_length=64)]


class PushSubscriptionIn(In, frozen=True, kw_only=True):
    """A subscription, as ``PushSubscription.toJSON()`` of a browser gives it."""

    endpoint: Annotated[str, Meta(min_length=1, max_length=2_000)]
    keys: PushKeysIn
    expirationTime: float | None = None  # noqa: N815  browsers write it so; it is not heeded


class PushSubscriptionOut(Out, frozen=True, kw_only=True):
    """A browser that is told of new mail."""

    subscription_id: str
    host: str  # of its push service
    name: str  # the program, as it called itself
    created_at: datetime
