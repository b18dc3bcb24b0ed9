"""What became of sent mail, whatever the order and number of the records that tell it."""

import random
from datetime import UTC, datetime
from typing import Literal

from pipelines.deliverability import Told, fuller, last_of, outcomes, partitions
from topologies.events import DeliveryAttempted, MailComplained, RecipientResult

AT = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
BO = "bo@far.example"


def test_a_recipient_is_as_the_last_attempt_left_it() -> None:
    told = told_of(attempted(1, "deferred"), attempted(2, "deferred"), attempted(3, "delivered"))
    assert (told.status, len(told.deferred)) == ("delivered", 2)


def test_records_that_come_twice_and_in_any_order_tell_the_same() -> None:
    events = [attempted(1, "deferred"), attempted(2, "failed"), complained()]
    expected = told_of(*events)
    for seed in range(20):
        shuffled = [*events, *events]
        random.Random(seed).shuffle(shuffled)
        assert told_of(*shuffled) == expected


def test_parts_that_were_put_together_before_can_be_put_together() -> None:
    first = told_of(attempted(1, "deferred"), complained())
    second = told_of(attempted(2, "delivered"))
    both = told_of(attempted(1, "deferred"), complained(), attempted(2, "delivered"))
    assert last_of([second, first]) == last_of([first, second]) == both


def test_a_bounce_that_comes_later_takes_the_place_of_its_attempt() -> None:
    assert told_of(attempted(1, "failed", is_late=True), attempted(1, "delivered")).status == (
        "failed"
    )


def test_whom_nobody_was_asked_about_did_not_bounce() -> None:
    assert told_of(attempted(1, "failed", is_suppressed=True)).status == "suppressed"


def test_a_day_is_that_of_sending_and_in_utc() -> None:
    assert told_of(attempted(1, "delivered")).day == "2026-03-04"


def test_every_partition_is_read_once() -> None:
    numbers = [number for part in partitions(4) for number in part]
    assert numbers == list(range(1_024))


def test_of_two_rows_of_a_day_the_one_that_knows_more_is_kept_and_else_the_newer() -> None:
    old, new = {"sent": 3, "bounced": 0}, {"sent": 2, "bounced": 1}
    assert fuller([(old, 0), (new, 1)]) == fuller([(new, 1), (old, 0)]) == (old, 0)
    assert fuller([(old, 0), (old | {"bounced": 1}, 1)])[0]["bounced"] == 1


def told_of(*events: DeliveryAttempted | MailComplained) -> Told:
    return last_of(told for event in events for _, told in outcomes(event))


def attempted(
    attempt: int,
    status: Literal["delivered", "deferred", "failed"],
    *,
    is_late: bool = False,
    is_suppressed: bool = False,
) -> DeliveryAttempted:
    return DeliveryAttempted(
        delivery_id="d",
        mail_id="m",
        submitted_at=AT,
        mail_from="ann@shop.example",
        destination="far.example",
        attempt=attempt,
        attempted_at=AT,
        results=(RecipientResult(recipient=BO, status=status, is_suppressed=is_suppressed),),
        is_late=is_late,
    )


def complained() -> MailComplained:
    return MailComplained(
        mail_id="m",
        user_id="u",
        mail_from="ann@shop.example",
        delivery_id="d",
        recipient=BO,
        submitted_at=AT,
        complained_at=AT,
        feedback_type="abuse",
        reported_by="far.example",
    )
