"""Give back: a user wrote to somebody here who is not there, and is told like of anybody else.

Reads `mail.exceptions`; writes the outcome of a delivery that failed, as if another system had
said so: then the sender's view and the report come of themselves. Strangers are not told: their
addresses may be forged, and the edge refuses such mail while the client is there.
"""

import re
from collections.abc import Sequence

from topologies.events import DeliveryAttempted, Event, MailUndeliverable, RecipientResult
from topologies.mail import ids
from topologies.stage import stage

_ENHANCED = re.compile(r"(5\.\d{1,3}\.\d{1,3}) (.+)", re.DOTALL)


@stage(reads=MailUndeliverable, writes=[DeliveryAttempted])
async def give_back(lost: MailUndeliverable) -> Sequence[Event]:
    """Return what the sender is to be told."""
    if not lost.user_id or not lost.mail_from or lost.received_at is None:
        return []
    match = _ENHANCED.fullmatch(lost.reason)
    enhanced, reason = (match[1], match[2]) if match else ("5.1.1", lost.reason)
    mail_id = lost.sent_id or lost.mail_id
    return [
        DeliveryAttempted(
            # Of each recipient one: several are lost one after another.
            delivery_id=ids.derived_id(lost.received_at, "lost", mail_id, lost.recipient),
            mail_id=mail_id,
            user_id=lost.user_id,
            submitted_at=lost.received_at,
            mail_from=lost.mail_from,
            destination=lost.recipient.rpartition("@")[2].lower(),
            attempt=1,
            attempted_at=lost.received_at,
            results=(
                RecipientResult(
                    recipient=lost.recipient,
                    status="failed",
                    code=550,
                    enhanced=enhanced,
                    text=reason,
                ),
            ),
            wishes=lost.wishes,
            tls_required=lost.tls_required,
        )
    ]
