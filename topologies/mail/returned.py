"""Reports about our mails, and what they carry of it: our own trace leads to the mail.

Reads parsed messages and their attachments; whether the report is believed is decided elsewhere.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from topologies.errors import BlobMissing
from topologies.events import QUARANTINE_USER, Deliver, Event, Message, ReportArrived
from topologies.mail import verp
from topologies.mail.dsn_reader import mail_ids_in
from topologies.ports.blobs import Blobs
from topologies.ports.deliveries import Deliveries, Delivery
from topologies.ports.url_key import UrlKey

MOST_PARTS = 10
MOST_BYTES = 512 * 1024

STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
FEEDBACK = frozenset({"message/feedback-report"})
_RETURNED = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
)


def arrived(events: Iterable[Event]) -> Sequence[ReportArrived]:
    """Return which of the mails that are delivered to users are reports."""
    return [
        ReportArrived(
            mail_id=event.mail_id,
            user_id=event.user_id,
            received_at=event.received_at,
            mail_from=event.mail_from,
            message=event.message,
            authentication=event.authentication,
            recipient=event.recipient,
        )
        for event in events
        if isinstance(event, Deliver)
        and event.user_id != QUARANTINE_USER
        and (
            any(each.content_type in STATUS | FEEDBACK for each in event.message.attachments)
            or verp.is_one(event.recipient.rpartition("@")[0])
        )
    ]


async def delivery_named(
    recipient: str, at: datetime, *, url_key: UrlKey, deliveries: Deliveries
) -> Delivery | None:
    """Return the delivery whose reverse-path *recipient* is; None: it is none of ours.

    Args:
        recipient: To whom a report is addressed.
        at: When it came.
        url_key: Says that the address was made by us.
        deliveries: Those that there were.

    Raises:
        Retryable: The key or the store is out of reach.
    """
    local = recipient.lstrip("<").rpartition("@")[0]
    if not verp.is_one(local):
        return None
    try:
        delivery_id = verp.delivery_of(local, verp.key_of(await url_key.get()), at)
    except verp.NotOurs:
        return None
    return await deliveries.find(delivery_id)


async def parts_of(message: Message, kinds: frozenset[str], blobs: Blobs) -> Sequence[bytes]:
    """Return the contents of the first attachments of one of *kinds*, each from its beginning."""
    found: list[bytes] = []
    chosen = [each for each in message.attachments if each.content_type in kinds]
    for attachment in chosen[:MOST_PARTS]:
        try:
            end = min(attachment.size_bytes, MOST_BYTES)
            chunks = [chunk async for chunk in blobs.stream(attachment.blob, 0, end)]
        except BlobMissing:
            continue
        found.append(b"".join(chunks))
    return found


async def mail_ids_of(message: Message, blobs: Blobs, envelope_id: str = "") -> Sequence[str]:
    """Return the ids of those of our mails that *message* may have brought back."""
    returned = await parts_of(message, _RETURNED, blobs)
    headers = b"\n".join(each.replace(b"\r\n", b"\n").partition(b"\n\n")[0] for each in returned)
    # Some have the returned mail as text in their own; what is there as well is found in it.
    return mail_ids_in(headers + b"\n" + message.text.encode(), envelope_id)
