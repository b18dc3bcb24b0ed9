"""A delivery as a row of the table `deliveries`, and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from topologies.ports.deliveries import Delivery, RecipientView

COLUMNS = (
    "delivery_id, mail_id, user_id, mail_from, destination, kind, submitted_us, told_order,"
    " via, recipients"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def values_of(delivery: Delivery) -> tuple[Any, ...]:
    """Return the values of ``COLUMNS``."""
    return (
        delivery.delivery_id,
        delivery.mail_id,
        delivery.user_id,
        delivery.mail_from,
        delivery.destination,
        delivery.kind,
        us(delivery.submitted_at),
        delivery.order,
        delivery.via,
        msgspec.json.encode(delivery.recipients),
    )


def delivery_of(row: tuple[Any, ...]) -> Delivery:
    """Return the delivery that the values of ``COLUMNS`` stand for."""
    delivery_id, mail_id, user_id, mail_from, destination, kind, submitted_us, *rest = row
    order, via, recipients = rest
    return Delivery(
        delivery_id=delivery_id,
        mail_id=mail_id,
        user_id=user_id,
        mail_from=mail_from,
        destination=destination,
        kind=kind,
        submitted_at=moment_of(submitted_us),
        order=order,
        via=via,
        recipients=msgspec.json.decode(recipients, type=tuple[RecipientView, ...]),
    )


def us(at: datetime) -> int:
    """Return microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """Return the moment so many microseconds after 1970."""
    return _EPOCH + microseconds * _MICROSECOND
