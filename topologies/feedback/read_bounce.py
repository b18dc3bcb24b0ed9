"""Read bounce: a mail that was taken elsewhere came back; its sender's view says so.

Reads `mail.reports`: those on delivery that came for one of our users (RFC 3464, RFC 6522).
Writes `DeliveryAttempted` with ``is_late`` for each delivery of that user which the report is
about. The user gets the report itself anyway, so nobody is told again.

Anybody can write a report. It is believed when it brings back the id that our trace put into the
mail, was sent to whoever sent that mail, and is about a recipient of it that was delivered to:
only who has seen the mail knows all that.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from topologies.events import DeliveryAttempted, Event, RecipientResult, ReportArrived
from topologies.mail import dsn_reader, returned
from topologies.mail.dsn import RecipientReport, Report
from topologies.ports.blobs import Blobs
from topologies.ports.deliveries import Deliveries, Delivery, RecipientView
from topologies.stage import stage


@stage(reads=ReportArrived, writes=[DeliveryAttempted])
async def read_bounce(
    arrived: ReportArrived, *, deliveries: Deliveries, blobs: Blobs
) -> Sequence[Event]:
    """Return what a report that came for a user says of mail that they sent."""
    if arrived.mail_from:  # RFC 3464 §2: reports have no reverse-path
        return []
    reports = [
        report
        for part in await returned.parts_of(arrived.message, returned.STATUS, blobs)
        if (report := dsn_reader.read(part)) is not None
    ]
    if not reports:
        return []
    asked = await returned.mail_ids_of(arrived.message, blobs, reports[0].envelope_id)
    late: list[Event] = []
    for mail_id in asked:
        for delivery in await deliveries.of_mail(mail_id):
            if delivery.user_id == arrived.user_id:
                late += _late(delivery, reports, arrived.received_at)
    return late


def _late(delivery: Delivery, reports: Iterable[Report], at: datetime) -> Sequence[Event]:
    taken = {
        each.recipient.lower(): each for each in delivery.recipients if each.state == "delivered"
    }
    results: dict[str, tuple[RecipientView, RecipientResult]] = {}
    for report in reports:
        for told in report.recipients:
            if told.action != "failed":
                continue
            if (view := _who(told, taken)) is not None:
                results.setdefault(view.recipient, (view, _result(view, told, report)))
    by_attempt: dict[int, list[RecipientResult]] = {}
    for view, result in results.values():
        by_attempt.setdefault(view.attempt, []).append(result)
    return [
        DeliveryAttempted(
            delivery_id=delivery.delivery_id,
            mail_id=delivery.mail_id,
            user_id=delivery.user_id,
            submitted_at=delivery.submitted_at,
            mail_from=delivery.mail_from,
            destination=delivery.destination,
            attempt=attempt,
            attempted_at=at,
            results=tuple(told),
            kind=delivery.kind,
            is_late=True,
        )
        for attempt, told in sorted(by_attempt.items())
    ]


def _who(told: RecipientReport, taken: dict[str, RecipientView]) -> RecipientView | None:
    # As we wrote it, which may have led to another address since.
    for address in (told.original.partition(";")[2], told.recipient):
        if (view := taken.get(address.strip().lower())) is not None:
            return view
    return None


def _result(view: RecipientView, told: RecipientReport, report: Report) -> RecipientResult:
    return RecipientResult(
        recipient=view.recipient,
        status="failed",
        enhanced=told.status,
        text=told.diagnostic or "the mail came back",
        host=told.remote_mta or report.reporting_mta,
    )
