"""Why a mail lies where it lies, and what reports change."""

from typing import Any

import httpx
import pytest

from tests.api.desk import Desk, Desks

BAD = "You won the lottery."


async def test_a_verdict_tells_what_weighed_how_much(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Prize", BAD)
        client = await desk.signed_in()
        told = await verdict(client, email_id)
        assert (told["is_judged"], told["is_spam"], told["is_same_model"]) == (True, True, True)
        assert (told["probability"], told["threshold"]) == (0.99, 0.9)
        assert told["contributions"] == [
            {"feature": "w:lottery", "meaning": "the text says “lottery”", "weight": 9.2}
        ]
        assert told["reasons"] == ["the text says “lottery”"]
        assert (told["by_sender"], told["by_reports"]) == (0, 0)
        assert told["authentication"]["dmarc"] == "none"


async def test_nobody_is_told_of_another_s_mail(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Prize", BAD)
        bo = await desk.signed_in("bo")
        for asked in (email_id, "no-such-mail"):
            answer = await bo.get(f"/emails/{asked}/verdict")
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await desk.stranger().get(f"/emails/{email_id}/verdict")).status_code == 401


async def test_what_nobody_judged_is_told_as_such(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        sent = await client.post(
            "/emails/send", json={"to": ["bo@shop.example"], "subject": "s", "body": "b"}
        )
        told = await verdict(client, sent.json()["email_id"])
        assert (told["is_judged"], told["probability"], told["contributions"]) == (False, None, [])


async def test_a_report_changes_the_next_mail_of_that_kind_for_that_user_and_for_nobody_else(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        first = await desk.receive("Our best offer", "Garden tools, only this week.")
        assert await folder_of(desk, "ann", first) == "inbox"
        assert (await client.patch(f"/emails/{first}", json={"is_spam": True})).is_success
        second = await desk.receive("Another offer", "Shoes, only this week.")
        assert await folder_of(desk, "ann", second) == "spam"
        told = await verdict(client, second)
        assert told["by_reports"] > 0
        assert told["reasons"][0] == "you reported mail of its sender as spam"
        for_bo = await desk.receive("Another offer", "Shoes, only this week.", to="bo")
        assert await folder_of(desk, "bo", for_bo) == "inbox"


@pytest.mark.parametrize("change", [{"is_spam": False}, {"folder_id": "inbox"}])
async def test_not_spam_brings_a_sender_back(a_desk: Desks, change: dict[str, object]) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        first = await desk.receive("Club night", "The lottery of our club is tonight.")
        assert await folder_of(desk, "ann", first) == "spam"
        assert (await client.patch(f"/emails/{first}", json=change)).is_success
        second = await desk.receive("Club news", "All about our lottery.")
        assert await folder_of(desk, "ann", second) == "inbox"
        for_bo = await desk.receive("Club news", "All about our lottery.", to="bo")
        assert await folder_of(desk, "bo", for_bo) == "spam"


async def folder_of(desk: Desk, name: str, email_id: str) -> str:
    client = await desk.signed_in(name)
    answer = await client.get(f"/emails/{email_id}")
    assert answer.is_success, answer.text
    return answer.json()["folder_id"]


async def verdict(client: httpx.AsyncClient, email_id: str) -> dict[str, Any]:
    answer = await client.get(f"/emails/{email_id}/verdict")
    assert answer.status_code == 200, answer.text
    return answer.json()
