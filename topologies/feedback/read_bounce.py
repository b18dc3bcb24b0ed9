"""Read bounce: a mail that was taken elsewhere came back; its sender's view says so.

Reads `mail.reports`: those on delivery that came for one of our users (RFC 3464, RFC 6522), and
whatever came to a reverse-path that stands for a delivery (``verp``). Writes `DeliveryAttempted`
with ``is_late`` for each delivery of that user which the report is about. The user gets the report
itself anyway, so nobody is told again.

Anybody can write a report. It is believed when it came to the reverse-path that we made for the
mail, or brings back the id that our trace put into it; was sent to whoever sent that mail; and is
about a recipient of it that was delivered to: only who has seen the mail knows all that.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from topologies.events import DeliveryAttempted, Event, RecipientResult, ReportArrived
from topologies.mail import bounce_text, dsn_reader, returned
from topologies.mail.dsn import RecipientReport, Report
from topologies.ports.blobs import Blobs
from topologies.ports.deliveries import Deliveries, Delivery, RecipientView
from topologies.ports.url_key import UrlKey
from topologies.stage import stage

Results = dict[str, tuple[RecipientView, RecipientResult]]  # by recipient


@stage(reads=ReportArrived, writes=[DeliveryAttempted])
async def read_bounce(
    arrived: ReportArrived, *, deliveries: Deliveries, blobs: Blobs, url_key: UrlKey
) -> Sequence[Event]:
    """Return what a report that came for a user says of mail that they sent."""
    if arrived.mail_from:  # RFC 3464 §2: reports have no reverse-path
        return []
    reports = [
        report
        for part in await returned.parts_of(arrived.message, returned.STATUS, blobs)
        if (report := dsn_reader.read(part)) is not None
    ]
    named = await returned.delivery_named(
        arrived.recipient, arrived.received_at, url_key=url_key, deliveries=deliveries
    )
    if named is not None and named.user_id == arrived.user_id:
        return _late(named, _of_address(named, reports, arrived), arrived.received_at)
    if not reports:
        return []
    asked = await returned.mail_ids_of(arrived.message, blobs, reports[0].envelope_id)
    late: list[Event] = []
    for mail_id in asked:
        for delivery in await deliveries.of_mail(mail_id):
            if delivery.user_id == arrived.user_id:
                late += _late(delivery, _of_reports(delivery, reports), arrived.received_at)
    return late


def _of_address(delivery: Delivery, reports: Sequence[Report], arrived: ReportArrived) -> Results:
    """Return what came to the address that stands for *delivery*: whom it is about is known."""
    found = _of_reports(delivery, reports)
    taken = list(_taken(delivery).values())
    if found or len(taken) != 1:
        return found
    [view] = taken
    failed = [
        (told, report)
        for report in reports
        for told in report.recipients
        if told.action == "failed"  # maybe of an address that the mail was forwarded to
    ]
    if failed:
        return {view.recipient: (view, _result(view, *failed[0]))}
    failure = None if reports else bounce_text.read(arrived.message)
    if failure is None:
        return {}
    result = RecipientResult(
        recipient=view.recipient,
        status="failed",
        enhanced=failure.status,
        text=failure.said or "the mail came back",
    )
    return {view.recipient: (view, result)}


def _of_reports(delivery: Delivery, reports: Iterable[Report]) -> Results:
    taken = _taken(delivery)
    results: Results = {}
    for report in reports:
        for told in report.recipients:
            if told.action != "failed":
                continue
            if (view := _who(told, taken)) is not None:
                results.setdefault(view.recipient, (view, _result(view, told, report)))
    return results


def _late(delivery: Delivery, results: Results, at: datetime) -> Sequence[Event]:
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


def _taken(delivery: Delivery) -> Mapping[str, RecipientView]:
    """Return the recipients for whom it was taken, by address in lower case."""
    return {
        each.recipient.lower(): each for each in delivery.recipients if each.state == "delivered"
    }


def _who(told: RecipientReport, taken: Mapping[str, RecipientView]) -> RecipientView | None:
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
