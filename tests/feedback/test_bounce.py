"""Who is told what about mail that could not be delivered."""

import email
from datetime import datetime, timedelta
from email import policy
from typing import Any

import msgspec
import pytest

from tests.feedback.outcomes import (
    DELIVERY_ID,
    MAIL_ID,
    RAW,
    Office,
    deferred,
    delivered,
    failed,
    office,
    raw_of,
)
from tests.services import AT, DOMAIN
from topologies.events import (
    INBOX,
    DeliveryAttempted,
    DeliveryWishes,
    MailOutgoing,
    MailReceived,
    RecipientResult,
    RecipientWish,
    ReportDue,
    ReportDue5s,
)
from topologies.ports.clock import Clock
from topologies.ports.deliveries import Deliveries
from topologies.ports.mailboxes import Mailboxes

OTHER_MAIL = "0198f3a1-7c00-7000-8000-0000000000ee"


async def test_a_sender_here_is_told_of_a_failure_in_words() -> None:
    house = await office()
    [report] = await house.told(house.attempted(failed()))
    assert isinstance(report, MailReceived)
    assert (report.origin, report.mail_from) == ("local", "")
    assert report.recipients == (f"ann@{DOMAIN}",)
    read = read_by_python(report)
    assert read["subject"] == "Your mail could not be delivered: The müll is here"
    assert read["auto-submitted"] == "auto-replied"
    text = text_of(read)
    assert "bo@far.example" in text
    assert "The mailbox does not exist." in text
    assert "mx1.far.example said: 550 5.1.1 No such user here" in text


async def test_machines_read_the_same_in_the_second_part() -> None:
    house = await office()
    [report] = await house.told(house.attempted(failed()))
    read = read_by_python(report)
    assert read.get_content_type() == "multipart/report"
    assert read.get_param("report-type") == "delivery-status"
    _, status, returned = read.iter_parts()
    assert status.get_content_type() == "message/delivery-status"
    whole, bo = status.get_payload()
    assert whole["Reporting-MTA"] == f"dns; mx.{DOMAIN}"
    assert bo["Final-Recipient"] == "rfc822; bo@far.example"
    assert (bo["Action"], bo["Status"]) == ("failed", "5.1.1")
    assert bo["Remote-MTA"] == "dns; mx1.far.example"
    assert bo["Diagnostic-Code"] == "smtp; 550 5.1.1 No such user here"
    assert returned.get_content_type() == "text/rfc822-headers"
    assert "Message-ID: <1@shop.example>" in returned.get_content()
    assert "Come and see" not in returned.get_content()


async def test_what_we_found_out_ourselves_is_told_as_no_reply_of_the_peer() -> None:
    house = await office()
    ours: dict[str, Any] = {
        "code": 0,
        "enhanced": "5.6.7",
        "text": "the server takes no header in UTF-8",
    }
    refused: dict[str, Any] = {
        "code": 550,
        "enhanced": "5.7.1",
        "text": "it is on your list",
        "host": "",
    }
    [report] = await house.told(
        house.attempted(failed(**ours), failed("cy@far.example", **refused))
    )
    read = read_by_python(report)
    text = text_of(read)
    assert "mx1.far.example: the server takes no header in UTF-8" in text
    assert "said" not in text
    _, status, _ = read.iter_parts()
    assert [each["Diagnostic-Code"] for each in status.get_payload()[1:]] == [
        "x-rillmail; the server takes no header in UTF-8",
        "x-rillmail; it is on your list",
    ]


async def test_what_was_given_up_is_told_with_the_last_answer_and_as_no_reply() -> None:
    house = await office()
    said = "given up after 3 days: 451 4.7.1 greylisted"
    event = house.attempted(failed(code=451, enhanced="5.4.7", text=said))
    [report] = await house.told(event)
    read = read_by_python(report)
    assert f"mx1.far.example: {said}" in text_of(read)
    _, status, _ = read.iter_parts()
    of_recipient = status.get_payload()[1]
    assert (of_recipient["Status"], of_recipient["Diagnostic-Code"]) == (
        "5.4.7",
        f"x-rillmail; {said}",
    )


async def test_what_was_only_passed_on_is_not_told_as_delivered() -> None:
    house = await office()
    wishes = DeliveryWishes(
        recipients=tuple(
            RecipientWish(recipient=each, notify=("SUCCESS",))
            for each in (f"cy@{DOMAIN}", "bo@far.example")
        )
    )
    kept = msgspec.structs.replace(delivered(f"cy@{DOMAIN}"), host="")
    [report] = await house.told(
        house.attempted(delivered(), wishes=wishes),
        elsewhere(house, DOMAIN, kept, wishes=wishes),
    )
    read = read_by_python(report)
    assert read["subject"] == "Your mail was passed on: The müll is here"
    here, there = text_of(read).split("was passed on")
    assert "was delivered" in here
    assert f"cy@{DOMAIN}" in here
    assert "bo@far.example" not in here
    assert "bo@far.example" in there


async def test_a_replay_makes_no_second_report() -> None:
    house = await office()
    event = house.attempted(failed())
    first = await house.told(event)
    await house.settle(first)
    second = await house.told(event)
    assert second == first
    await house.settle(second)
    assert await subjects(house) == ["Your mail could not be delivered: The müll is here"]


async def test_an_attempt_that_is_handed_in_twice_is_told_once() -> None:
    house = await office()
    event = house.attempted(failed())
    again = house.attempted(failed(), attempted_at=AT + timedelta(hours=2))
    await house.get(Deliveries).tell(event)
    assert await house.told(event) == await house.told(again)


async def test_all_who_fared_alike_in_an_attempt_are_told_in_one_report() -> None:
    house = await office()
    [report] = await house.told(house.attempted(failed(), failed("cy@far.example")))
    assert finals_in(report) == ["bo@far.example", "cy@far.example"]


async def test_all_failures_of_a_mail_at_about_the_same_time_are_told_in_one_report() -> None:
    house = await office()
    [report] = await house.told(
        house.attempted(failed()),
        elsewhere(house, "third.example", failed("dan@third.example")),
        elsewhere(house, "last.example", failed("eva@last.example"), deferred("fay@last.example")),
    )
    assert finals_in(report) == ["bo@far.example", "eva@last.example", "dan@third.example"]
    assert "Come and see" not in text_of(read_by_python(report))


async def test_what_fails_after_a_report_is_told_in_the_next_one() -> None:
    house = await office()
    first = await house.told(house.attempted(failed()))
    second = await house.told(elsewhere(house, "third.example", failed("dan@third.example")))
    assert list(map(finals_in, [*first, *second])) == [["bo@far.example"], ["dan@third.example"]]
    await house.settle([*first, *second])
    assert len(await subjects(house)) == 2


async def test_failures_of_another_mail_are_another_report() -> None:
    house = await office()
    other = house.attempted(failed(), mail_id=OTHER_MAIL, delivery_id="another")
    assert len(await house.told(house.attempted(failed()), other)) == 2


async def test_failures_and_delays_are_told_apart() -> None:
    house = await office()
    late = late_by(house, 5)
    end = elsewhere(house, "third.example", failed("dan@third.example"), at=late.attempted_at)
    reports = await house.told(late, end)
    assert [recipients_in(each)[0]["Action"] for each in reports] == ["failed", "delayed"]


async def test_delays_of_a_mail_at_about_the_same_time_are_told_in_one_report() -> None:
    house = await office()
    late = late_by(house, 5)
    other = msgspec.structs.replace(
        late, delivery_id="another", results=(deferred("dan@third.example"),)
    )
    [report] = await house.told(late, other)
    assert finals_in(report) == ["bea@far.example", "dan@third.example"]


async def test_a_report_waits_for_who_is_tried_at_this_moment() -> None:
    house = await office()
    under_way = elsewhere(house, "third.example", failed("dan@third.example"))
    await house.get(Deliveries).expect(
        house.due("dan@third.example", delivery_id=under_way.delivery_id)
    )
    [asked] = await house.run("bounce", house.attempted(failed()))
    house.get(Clock).move(timedelta(seconds=5))
    [again] = await house.run("bounce", come(asked))
    assert again == ReportDue5s(mail_id=MAIL_ID, round_name=asked.round_name, looks=1)
    await house.get(Deliveries).tell(under_way)
    assert await house.run("bounce", under_way) == []  # it is gathered, and asked for already
    [report] = await house.reports([again])
    assert finals_in(report) == ["bo@far.example", "dan@third.example"]


async def test_a_report_waits_a_minute_at_most() -> None:
    house = await office()
    await house.get(Deliveries).expect(house.due("dan@third.example", delivery_id="another"))
    begun = house.get(Clock).now()
    [report] = await house.told(house.attempted(failed()))
    assert finals_in(report) == ["bo@far.example"]
    assert house.get(Clock).now() - begun <= timedelta(minutes=1)


async def test_a_report_does_not_wait_for_what_an_operator_holds() -> None:
    house = await office()
    await house.get(Deliveries).expect(house.due("dan@third.example", delivery_id="another"))
    await house.get(Deliveries).give("another", "hold")
    [asked] = await house.run("bounce", house.attempted(failed()))
    [report] = await house.run("bounce", come(asked))
    assert finals_in(report) == ["bo@far.example"]


@pytest.mark.parametrize("crash", [1, 2, 3, 4])
async def test_a_crash_anywhere_leaves_nobody_untold_and_nobody_told_twice(crash: int) -> None:
    house = await office()
    third = elsewhere(house, "third.example", failed("dan@third.example"))
    log, told = list[Any]([house.attempted(failed()), third]), list[Any]()
    position = steps = 0
    while position < len(log):
        for each in await house.run("bounce", log[position]):
            if isinstance(each, ReportDue5s):
                log.append(come(each))
            else:
                told.append(each)
        position, steps = position + 1, steps + 1
        if steps == crash:  # all is read again, and what was written is there twice
            position = 0
    assert {tuple(finals_in(each)) for each in told} == {("bo@far.example", "dan@third.example")}
    await house.settle(told)
    assert len(await subjects(house)) == 1


async def test_a_report_that_was_not_made_in_time_is_made_with_the_next_failure() -> None:
    house = await office()
    [lost] = await house.run("bounce", house.attempted(failed()))
    late = elsewhere(
        house, "third.example", failed("dan@third.example"), at=AT + timedelta(minutes=10)
    )
    [report] = await house.told(late)
    assert finals_in(report) == ["bo@far.example", "dan@third.example"]
    assert await house.reports([lost]) == [report]


async def test_nobody_is_told_of_what_has_no_sender_or_is_a_report() -> None:
    house = await office()
    assert await house.told(house.attempted(failed(), mail_from="")) == []
    assert await house.told(house.attempted(failed(), kind="report")) == []
    assert await house.told(house.attempted(failed(), is_late=True)) == []


async def test_who_cancels_a_mail_is_not_told() -> None:
    house = await office()
    await house.get(Deliveries).expect(house.due("bo@far.example"))
    await house.get(Deliveries).give(DELIVERY_ID, "cancel")
    assert await house.told(house.attempted(failed())) == []


async def test_a_sender_elsewhere_gets_a_mail_without_a_reverse_path() -> None:
    house = await office()
    event = house.attempted(failed(), mail_from="zoe@far.example", kind="forwarded", user_id="")
    [report] = await house.told(event)
    assert isinstance(report, MailOutgoing)
    assert (report.mail_from, report.kind, report.sign) == ("", "report", True)
    assert report.recipients == ("zoe@far.example",)


async def test_what_was_delivered_and_what_waits_is_not_told_at_once() -> None:
    house = await office()
    event = house.attempted(delivered(), deferred(), next_try_at=AT + timedelta(minutes=5))
    assert await house.told(event) == []


@pytest.mark.parametrize(("hours", "is_told"), [(1, False), (4, True), (9, True), (30, False)])
async def test_a_delay_is_told_after_some_hours(hours: int, is_told: bool) -> None:
    house = await office()
    reports = await house.told(late_by(house, hours))
    assert bool(reports) == is_told


async def test_a_delay_is_told_once_and_the_failure_after_it() -> None:
    house = await office()
    for hours in (3, 5, 9, 13):
        await house.settle(await house.told(late_by(house, hours)))
    end = house.attempted(
        failed("bea@far.example", code=0, host="", enhanced="5.4.7", text="given up after 5 days"),
        attempt=30,
        attempted_at=AT + timedelta(days=5),
    )
    await house.settle(await house.told(end))
    assert await subjects(house) == [
        "Your mail could not be delivered: The müll is here",
        "Your mail is delayed: The müll is here",
    ]


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        ((), {"failed", "delayed"}),
        (("NEVER",), set[str]()),
        (("FAILURE",), {"failed"}),
        (("DELAY",), {"delayed"}),
        (("SUCCESS",), {"relayed"}),
        (("SUCCESS", "FAILURE", "DELAY"), {"failed", "delayed", "relayed"}),
    ],
)
async def test_what_the_sender_wished_is_told_and_nothing_else(notify: Any, told: set[str]) -> None:
    house = await office()
    wishes = DeliveryWishes(
        recipients=tuple(
            RecipientWish(recipient=f"{name}@far.example", notify=notify)
            for name in ("bo", "bea", "cy")
        )
    )
    event = house.attempted(
        failed("cy@far.example"),
        deferred(),
        delivered(),
        wishes=wishes,
        attempted_at=AT + timedelta(hours=5),
        next_try_at=AT + timedelta(hours=9),
    )
    reports = await house.told(event)
    assert {recipients_in(report)[0]["Action"] for report in reports} == told


async def test_success_that_the_peer_tells_of_is_not_told_twice() -> None:
    house = await office()
    wishes = DeliveryWishes(
        recipients=(RecipientWish(recipient="bo@far.example", notify=("SUCCESS",)),)
    )
    event = house.attempted(delivered(tells_itself=True), wishes=wishes)
    assert await house.told(event) == []


async def test_the_envelope_id_and_the_original_recipient_come_back() -> None:
    house = await office()
    wishes = DeliveryWishes(
        envelope_id="order 7",
        recipients=(
            RecipientWish(recipient="bo@far.example", original="rfc822;Bo.Old@far.example"),
        ),
    )
    [report] = await house.told(house.attempted(failed(), wishes=wishes))
    read = read_by_python(report)
    whole, bo = list(read.iter_parts())[1].get_payload()
    assert whole["Original-Envelope-Id"] == "order 7"
    assert bo["Original-Recipient"] == "rfc822;Bo.Old@far.example"


async def test_the_message_comes_back_whole_only_when_that_is_wished() -> None:
    house = await office()
    event = house.attempted(failed(), wishes=DeliveryWishes(returned="FULL"))
    [report] = await house.told(event)
    assert RAW in raw_of(report)


async def test_what_is_told_of_a_mail_that_must_go_by_tls_must_as_well_and_holds_less() -> None:
    house = await office()
    wishes = DeliveryWishes(returned="FULL")
    for sender, kind in ((f"ann@{DOMAIN}", MailReceived), ("eva@else.example", MailOutgoing)):
        event = house.attempted(failed(), wishes=wishes, tls_required="yes", mail_from=sender)
        [report] = await house.told(msgspec.structs.replace(event, delivery_id=sender))
        assert isinstance(report, kind)
        assert report.tls_required == "yes"
        assert b"Come and see." not in (report.raw or b"")


async def test_a_mail_that_the_sender_deleted_is_reported_without_it() -> None:
    house = await office()
    event = house.attempted(failed(), mail_id="0198f3a1-7c00-7000-8000-0000000000ff")
    [report] = await house.told(event)
    read = read_by_python(report)
    assert read["subject"] == "Your mail could not be delivered"
    assert len(list(read.iter_parts())) == 2


async def test_what_we_refused_ourselves_is_not_put_in_another_s_mouth() -> None:
    house = await office()
    why = "bo@far.example is on your suppression list"
    ours = failed(host="", enhanced="5.7.1", text=why)
    [report] = await house.told(house.attempted(ours))
    text = text_of(read_by_python(report))
    assert why in text
    assert "said" not in text
    assert "other system" not in text


async def test_a_peer_s_words_put_nothing_into_the_header_of_a_report() -> None:
    house = await office()
    nasty = failed(text="no\r\n\r\nFinal-Recipient: rfc822; x@y.example\r\n--=_ " + "long " * 900)
    [report] = await house.told(house.attempted(nasty))
    [bo] = recipients_in(report)
    assert bo["Final-Recipient"] == "rfc822; bo@far.example"
    assert max(map(len, raw_of(report).splitlines())) <= 998


def elsewhere(
    house: Office, destination: str, *results: RecipientResult, at: datetime = AT, **given: Any
) -> DeliveryAttempted:
    """Return what came of the part of the mail that goes to another system."""
    return house.attempted(
        *results,
        delivery_id=f"to {destination}",
        destination=destination,
        attempted_at=at + timedelta(seconds=4),
        **given,
    )


def come(asked: ReportDue5s) -> ReportDue:
    return ReportDue(mail_id=asked.mail_id, round_name=asked.round_name, looks=asked.looks)


def finals_in(report: Any) -> list[str]:
    return [each["Final-Recipient"].removeprefix("rfc822; ") for each in recipients_in(report)]


def late_by(house: Office, hours: int) -> Any:
    return house.attempted(
        deferred(),
        attempt=hours,
        attempted_at=AT + timedelta(hours=hours),
        next_try_at=AT + timedelta(hours=hours + 4),
    )


def recipients_in(report: Any) -> list[Any]:
    read = read_by_python(report)
    return list(read.iter_parts())[1].get_payload()[1:]


def read_by_python(report: Any) -> Any:
    return email.message_from_bytes(raw_of(report), policy=policy.default)


def text_of(read: Any) -> str:
    return next(iter(read.iter_parts())).get_content()


async def subjects(house: Office) -> list[str]:
    page = await house.get(Mailboxes).page(house.user_id, INBOX)
    assert page is not None
    return [each.subject for each in page.emails]
