"""What is kept of outcomes: the view of a mail, and who is not written to again."""

from datetime import timedelta

import pytest

from tests.feedback.outcomes import MAIL_ID, deferred, delivered, failed, office
from tests.services import AT, DOMAIN
from topologies.mail import suppression
from topologies.ports.deliveries import Deliveries
from topologies.ports.suppressions import EVERYBODY, Suppression, Suppressions


async def test_a_mail_is_seen_before_anybody_tried() -> None:
    house = await office()
    assert await house.run("expect", house.due("bo@far.example")) == []
    [delivery] = await house.get(Deliveries).of_mail(MAIL_ID)
    assert delivery.state == "pending"


async def test_a_later_attempt_that_is_due_changes_nothing() -> None:
    house = await office()
    await house.run("expect", house.due("bo@far.example", attempt=2))
    assert await house.get(Deliveries).of_mail(MAIL_ID) == []


async def test_what_an_attempt_came_to_is_seen_however_often_it_is_told() -> None:
    house = await office()
    event = house.attempted(delivered(), deferred())
    for _ in range(2):
        assert await house.run("track", event) == []
    [delivery] = await house.get(Deliveries).of_mail(MAIL_ID)
    assert [each.state for each in delivery.recipients] == ["deferred", "delivered"]


async def test_an_address_that_does_not_exist_is_not_written_to_again() -> None:
    house = await office()
    lists = house.get(Suppressions)
    await house.run("suppress", house.attempted(failed("Bo@far.example")))
    due = house.due("bo@FAR.example", "bea@far.example")
    [refused] = await suppression.refused(due, lists, AT + timedelta(days=1))
    assert (refused.recipient, refused.status, refused.enhanced) == (
        "bo@FAR.example",
        "failed",
        "5.7.1",
    )
    assert "on your suppression list" in refused.text
    assert "No such user here" in refused.text
    assert await suppression.refused(due, lists, AT + timedelta(days=15)) == []


@pytest.mark.parametrize(
    "result",
    [
        delivered(),
        deferred("bo@far.example"),
        failed(enhanced="5.7.1", text="Spam"),
        failed(enhanced="5.2.2", text="Full"),
        failed(enhanced="", text="No"),
        failed(enhanced="5.4.7", code=0),
    ],
    ids=lambda result: f"{result.status} {result.enhanced}",
)
async def test_whatever_may_be_otherwise_tomorrow_suppresses_nothing(result: object) -> None:
    house = await office()
    await house.run("suppress", house.attempted(result))  # type: ignore[arg-type]
    assert (await house.get(Suppressions).page(house.user_id)).suppressions == ()


async def test_nobody_s_list_grows_by_mail_that_they_did_not_write() -> None:
    house = await office()
    await house.run("suppress", house.attempted(failed(), kind="forwarded"))
    await house.run("suppress", house.attempted(failed(), user_id=""))
    assert (await house.get(Suppressions).page(house.user_id)).suppressions == ()


@pytest.mark.parametrize(
    ("owner", "target", "whose"),
    [
        ("", "bo@far.example", "your"),
        ("", "@far.example", "your"),
        (f"@{DOMAIN}", "bo@far.example", "our"),
        (EVERYBODY, "@far.example", "our"),
    ],
)
async def test_lists_of_a_user_a_domain_and_all_count(owner: str, target: str, whose: str) -> None:
    house = await office()
    lists = house.get(Suppressions)
    entry = Suppression(owner=owner or house.user_id, target=target, reason="complaint", since=AT)
    await lists.add(entry)
    [refused] = await suppression.refused(house.due("bo@far.example"), lists, AT)
    assert f"{target} is on {whose} suppression list since 2026-03-01" in refused.text


async def test_another_s_list_does_not_count_nor_for_reports() -> None:
    house = await office()
    lists = house.get(Suppressions)
    await lists.add(Suppression(owner="x", target="bo@far.example", reason="bounce", since=AT))
    assert await suppression.refused(house.due("bo@far.example"), lists, AT) == []
    await lists.add(
        Suppression(owner=EVERYBODY, target="bo@far.example", reason="manual", since=AT)
    )
    report = house.due("bo@far.example", kind="report", mail_from="")
    assert await suppression.refused(report, lists, AT) == []
