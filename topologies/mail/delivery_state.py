"""How it stands with the recipients of a delivery, from what attempts came to.

Reads events; returns values of the port. Where they are kept is a connector's work.
"""

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from topologies.events import DeliveryAttempted, DeliveryDue
from topologies.ports.deliveries import Delivery, RecipientView

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def begun(due: DeliveryDue) -> Delivery:
    """Return the delivery before its first attempt."""
    return Delivery(
        delivery_id=due.delivery_id,
        mail_id=due.mail_id,
        user_id=due.user_id,
        submitted_at=due.submitted_at,
        mail_from=due.mail_from,
        destination=due.destination,
        kind=due.kind,
        recipients=by_address(
            RecipientView(recipient=each, next_try_at=due.due_at) for each in due.recipients
        ),
    )


def after(attempted: DeliveryAttempted) -> Delivery:
    """Return the delivery as far as one attempt tells: those alone who were tried."""
    return Delivery(
        delivery_id=attempted.delivery_id,
        mail_id=attempted.mail_id,
        user_id=attempted.user_id,
        submitted_at=attempted.submitted_at,
        mail_from=attempted.mail_from,
        destination=attempted.destination,
        kind=attempted.kind,
        recipients=by_address(
            RecipientView(
                recipient=result.recipient,
                state=result.status,
                attempt=attempted.attempt,
                attempted_at=attempted.attempted_at,
                next_try_at=attempted.next_try_at if result.status == "deferred" else None,
                code=result.code,
                enhanced=result.enhanced,
                text=result.text,
                host=result.host,
                tls=result.tls,
                is_late=attempted.is_late,
            )
            for result in attempted.results
        ),
    )


def merged(
    known: Iterable[RecipientView], told: Iterable[RecipientView]
) -> tuple[RecipientView, ...]:
    """Return the recipients with what is *told*; of two attempts the later one counts."""
    merged = {each.recipient: each for each in known}
    for each in told:
        kept = merged.get(each.recipient)
        if kept is None or each.rank > kept.rank:
            merged[each.recipient] = each
    return by_address(merged.values())


def by_address(recipients: Iterable[RecipientView]) -> tuple[RecipientView, ...]:
    """Return them in the order in which they are shown."""
    return tuple(sorted(recipients, key=lambda each: each.recipient))


def is_listed(delivery: Delivery) -> bool:
    """Tell whether operators see it: somebody could not be reached at once."""
    return any(each.state in ("deferred", "failed") for each in delivery.recipients)


def cursor_of(submitted_at: datetime, delivery_id: str) -> str:
    """Return the cursor of a page of the queue that ended here."""
    microseconds = (submitted_at - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(f"{microseconds} {delivery_id}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, str]:
    """Return where the page before ended.

    Raises:
        ValueError: The cursor is none of ours.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        microseconds, _, delivery_id = text.partition(" ")
        if not microseconds.isdecimal() or not delivery_id or len(text) > 200:
            raise ValueError
        place = _EPOCH + int(microseconds) * _MICROSECOND, delivery_id
    except (binascii.Error, ValueError, OverflowError) as error:
        raise ValueError("not a cursor of this listing") from error
    if cursor_of(*place) != cursor:
        raise ValueError("not a cursor of this listing")
    return place
