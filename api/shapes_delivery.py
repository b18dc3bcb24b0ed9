"""What the API takes and answers about deliveries and suppression lists."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from api.shapes import In, ListQuery, Out

OrderWord = Literal["hold", "release", "retry", "cancel", "bounce", "reroute"]
Via = Annotated[
    str, Meta(max_length=300, description="of reroute: HOST or HOST:PORT; empty: its own")
]
Target = Annotated[str, Meta(min_length=3, max_length=320)]


class RecipientOut(Out, frozen=True, kw_only=True):
    """How it stands with one recipient."""

    recipient: str
    state: Literal["pending", "delivered", "deferred", "failed"]
    meaning: str  # of the code, in words; empty while nothing was tried
    attempts: int
    attempted_at: datetime | None
    next_try_at: datetime | None
    code: int  # the peer's SMTP reply; 0: it never answered
    enhanced: str  # RFC 3463
    text: str  # the peer's words
    host: str
    tls: str  # empty: clear text, or it came to none


class DeliveryOut(Out, frozen=True, kw_only=True):
    """How it stands with the recipients at one domain."""

    delivery_id: str
    destination: str
    state: Literal["held", "pending", "delivered", "deferred", "failed"]
    submitted_at: datetime
    next_try_at: datetime | None
    recipients: tuple[RecipientOut, ...]


class DeliveriesOut(Out, frozen=True, kw_only=True):
    """What became of a mail that was sent to other systems; empty: it went to none."""

    email_id: str
    deliveries: tuple[DeliveryOut, ...]


class QueuedOut(DeliveryOut, frozen=True, kw_only=True):
    """The same for operators."""

    mail_id: str
    user_id: str
    sender: str
    kind: str
    order: Literal["go", "hold", "cancel", "bounce"]
    via: str  # the host that it is rerouted to; empty: its destination's own


class QueueOut(Out, frozen=True, kw_only=True):
    """Deliveries that wait, oldest first; maybe none on this page, with more to come."""

    deliveries: tuple[QueuedOut, ...]
    has_more: bool
    next_cursor: str | None


class QueueQuery(ListQuery, frozen=True, kw_only=True):
    """Which of them."""

    destination: Annotated[str, Meta(max_length=255)] = ""
    user_id: Annotated[str, Meta(max_length=64)] = ""
    sender: Annotated[str, Meta(max_length=320)] = ""
    state: Literal["open", "deferred", "held", "pending", "failed"] = "open"
    older_than_s: Annotated[int, Meta(ge=0, le=10**9, description="of those alone")] = 0


class QueueCountsQuery(In, frozen=True, kw_only=True):
    """Which are counted."""

    destination: Annotated[str, Meta(max_length=255)] = ""
    user_id: Annotated[str, Meta(max_length=64)] = ""
    sender: Annotated[str, Meta(max_length=320)] = ""
    state: Literal["open", "deferred", "held", "pending", "failed"] = "open"
    older_than_s: Annotated[int, Meta(ge=0, le=10**9)] = 0


class DestinationCountOut(Out, frozen=True, kw_only=True):
    """How many wait for one destination."""

    destination: str
    count: int
    held: int
    by_age: dict[str, int]  # younger than 1h, 4h, 1d, or older
    oldest_at: datetime
    reason: str  # what its peer said last of one of them


class QueueCountsOut(Out, frozen=True, kw_only=True):
    """What waits, the destinations with most first."""

    count: int
    is_complete: bool  # false: there are more than were counted
    destinations: tuple[DestinationCountOut, ...]


class QueueOrder(In, frozen=True, kw_only=True):
    """What is to be done with a delivery."""

    order: OrderWord
    via: Via = ""


class QueueOrders(QueueQuery, frozen=True, kw_only=True):
    """What is to be done with all deliveries of a page of the queue."""

    order: OrderWord
    via: Via = ""


class OrdersGiven(Out, frozen=True, kw_only=True):
    """The order is kept of these."""

    order: OrderWord
    delivery_ids: tuple[str, ...]
    tried_now: int  # of them; the others obey at the next attempt
    has_more: bool
    next_cursor: str | None


class OrderGiven(Out, frozen=True, kw_only=True):
    """The order is kept."""

    delivery_id: str
    order: OrderWord
    is_tried_now: bool  # else it is obeyed at the next attempt


class SuppressionOut(Out, frozen=True, kw_only=True):
    """An address or ``@domain`` that is not written to."""

    target: str
    reason: Literal["bounce", "complaint", "unsubscribe", "manual"]
    detail: str
    since: datetime
    until: datetime | None


class SuppressionsOut(Out, frozen=True, kw_only=True):
    """Entries of a list."""

    suppressions: tuple[SuppressionOut, ...]
    has_more: bool
    next_cursor: str | None


class SuppressionsQuery(ListQuery, frozen=True, kw_only=True):
    """Which of them."""


class OwnedSuppressionsQuery(SuppressionsQuery, frozen=True, kw_only=True):
    """Of which list: a user's id, ``@domain`` of senders, or ``*`` for all."""

    owner: Annotated[str, Meta(min_length=1, max_length=255)] = "*"


class SuppressionIn(In, frozen=True, kw_only=True):
    """An address or ``@domain`` that is not to be written to."""

    target: Target
    reason: Literal["unsubscribe", "manual"] = "manual"
    detail: Annotated[str, Meta(max_length=500)] = ""
    days: Annotated[int, Meta(ge=1, le=3650)] | None = None  # None: for good


class OwnedSuppressionIn(SuppressionIn, frozen=True, kw_only=True):
    """The same on any list."""

    owner: Annotated[str, Meta(min_length=1, max_length=255)] = "*"


class OwnerQuery(In, frozen=True, kw_only=True):
    """Of which list."""

    owner: Annotated[str, Meta(min_length=1, max_length=255)] = "*"
