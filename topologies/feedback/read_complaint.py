"""Read complaint: who reported a mail of ours as spam is not written to again by its sender.

Reads `mail.reports`: those of a feedback loop (RFC 5965), which come for whichever of our users
the loop was registered for; tells ``Suppressions``. Writes `MailComplained` to `delivery.outcomes`.

Anybody can write a report. It is believed when DMARC proves where it comes from, it brings back
the id that our trace put into the mail, and names a recipient of that mail; or none, and the mail
had but one.
"""

from collections.abc import Sequence
from datetime import timedelta

from topologies.events import Event, MailComplained, ReportArrived
from topologies.mail import arf, returned, suppression
from topologies.mail.arf import Feedback
from topologies.ports.blobs import Blobs
from topologies.ports.deliveries import Deliveries, Delivery
from topologies.ports.policy import SuppressionPolicy
from topologies.ports.suppressions import Suppression, SuppressionReason, Suppressions
from topologies.stage import stage

_REASONS: dict[str, SuppressionReason] = {
    "abuse": "complaint",
    "fraud": "complaint",
    "opt-out": "unsubscribe",
    "opt-out-list": "unsubscribe",
}


@stage(reads=ReportArrived, writes=[MailComplained])
async def read_complaint(
    arrived: ReportArrived,
    *,
    deliveries: Deliveries,
    suppressions: Suppressions,
    blobs: Blobs,
    policy: SuppressionPolicy,
) -> Sequence[Event]:
    """Put whoever complained on the list of whoever wrote to them; return that they did."""
    known = arrived.authentication
    if known is None or known.dmarc != "pass":
        return []
    parts = await returned.parts_of(arrived.message, returned.FEEDBACK, blobs)
    feedback = next((told for part in parts if (told := arf.read(part)) is not None), None)
    reason = _REASONS.get(feedback.kind) if feedback else None
    if feedback is None or reason is None:
        return []
    written: list[Event] = []
    for mail_id in await returned.mail_ids_of(arrived.message, blobs):
        sent = [each for each in await deliveries.of_mail(mail_id) if each.user_id]
        for delivery, recipient in _complained(sent, feedback):
            if policy.complained_days:
                await suppressions.add(
                    Suppression(
                        owner=delivery.user_id,
                        target=recipient,
                        reason=reason,
                        detail=f"reported by {known.from_domain}",
                        since=arrived.received_at,
                        until=arrived.received_at + timedelta(days=policy.complained_days),
                    )
                )
            written.append(_told(delivery, recipient, feedback, known.from_domain, arrived))
    return written


def _told(
    delivery: Delivery, recipient: str, feedback: Feedback, by: str, arrived: ReportArrived
) -> MailComplained:
    return MailComplained(
        mail_id=delivery.mail_id,
        user_id=delivery.user_id,
        mail_from=delivery.mail_from,
        delivery_id=delivery.delivery_id,
        recipient=recipient,
        submitted_at=delivery.submitted_at,
        complained_at=arrived.received_at,
        feedback_type=feedback.kind,
        reported_by=by,
    )


def _complained(sent: Sequence[Delivery], feedback: Feedback) -> Sequence[tuple[Delivery, str]]:
    """Return who complained, and of which delivery."""
    written = {
        target: delivery
        for delivery in sent
        for each in delivery.recipients
        if (target := _target(each.recipient))
    }
    if not feedback.recipients and len(written) == 1:
        return [(delivery, target) for target, delivery in written.items()]
    named = {_target(each) for each in feedback.recipients}
    return [(delivery, target) for target, delivery in written.items() if target in named]


def _target(recipient: str) -> str:
    try:
        return suppression.target_of(recipient)
    except ValueError:
        return ""
