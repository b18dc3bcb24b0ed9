"""Read complaint: who reported a mail of ours as spam is not written to again by its sender.

Reads `mail.reports`: those of a feedback loop (RFC 5965), which come for whichever of our users
the loop was registered for; tells ``Suppressions``. Writes no event.

Anybody can write a report. It is believed when DMARC proves where it comes from, it brings back
the id that our trace put into the mail, and names a recipient of that mail; or none, and the mail
had but one.
"""

from collections.abc import Sequence
from datetime import timedelta

from topologies.events import Event, ReportArrived
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


@stage(reads=ReportArrived, writes=[])
async def read_complaint(
    arrived: ReportArrived,
    *,
    deliveries: Deliveries,
    suppressions: Suppressions,
    blobs: Blobs,
    policy: SuppressionPolicy,
) -> Sequence[Event]:
    """Put whoever complained on the list of whoever wrote to them."""
    known = arrived.authentication
    if not policy.complained_days or known is None or known.dmarc != "pass":
        return []
    parts = await returned.parts_of(arrived.message, returned.FEEDBACK, blobs)
    feedback = next((told for part in parts if (told := arf.read(part)) is not None), None)
    reason = _REASONS.get(feedback.kind) if feedback else None
    if feedback is None or reason is None:
        return []
    for mail_id in await returned.mail_ids_of(arrived.message, blobs):
        sent = [each for each in await deliveries.of_mail(mail_id) if each.user_id]
        for owner, recipient in _complained(sent, feedback):
            await suppressions.add(
                Suppression(
                    owner=owner,
                    target=recipient,
                    reason=reason,
                    detail=f"reported by {known.from_domain}",
                    since=arrived.received_at,
                    until=arrived.received_at + timedelta(days=policy.complained_days),
                )
            )
    return []


def _complained(sent: Sequence[Delivery], feedback: Feedback) -> Sequence[tuple[str, str]]:
    """Return whose list is to have which address."""
    written = {
        target: delivery.user_id
        for delivery in sent
        for each in delivery.recipients
        if (target := _target(each.recipient))
    }
    if not feedback.recipients and len(written) == 1:
        return [(owner, target) for target, owner in written.items()]
    named = {_target(each) for each in feedback.recipients}
    return [(owner, target) for target, owner in written.items() if target in named]


def _target(recipient: str) -> str:
    try:
        return suppression.target_of(recipient)
    except ValueError:
        return ""
