"""Mails that are to be sent later, by the API."""

from datetime import timedelta
from typing import Any

import httpx

from tests.api.desk import Desk, Desks
from tests.api.test_mailbox import got
from tests.services import DOMAIN
from topologies.events import MailHeld
from topologies.mail import holding

BO = f"bo@{DOMAIN}"
LONG = "A line of a mail that is too large for an event.\r\n" * 400


async def test_what_is_to_be_sent_later_is_listed_by_its_time(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        second = await sends_later(desk, ann, 9, subject="Größe", body=LONG)
        first = await sends_later(desk, ann, 2, subject="Soon", cc=[BO], bcc=["zoe@far.example"])
        listed = await got(ann, "/scheduled")
        assert (listed["total_count"], listed["has_more"]) == (2, False)
        soon, large = listed["scheduled"]
        assert (soon["email_id"], large["email_id"]) == (first["email_id"], second["email_id"])
        assert (soon["send_at"], soon["mail_id"]) == ("2026-03-01T14:00:00Z", first["mail_id"])
        assert (soon["subject"], soon["draft_id"]) == ("Soon", None)
        assert soon["cc"] == [{"address": BO, "name": ""}]
        assert soon["bcc"] == ["zoe@far.example"]
        assert (large["subject"], large["size"] > len(LONG)) == ("Größe", True)
        assert large["to"] == [{"address": BO, "name": ""}]
        assert (await got(bo, "/scheduled"))["scheduled"] == []


async def test_what_is_taken_back_or_sent_is_not_listed_any_more(a_desk: Desks) -> None:
    async with a_desk(token_hours=100) as desk:
        ann = await desk.signed_in("ann")
        kept, gone = [await sends_later(desk, ann, hours) for hours in (2, 3)]
        assert (await ann.delete(f"/emails/{gone['email_id']}/send")).status_code == 204
        assert await ids_of(ann) == [kept["email_id"]]
        [held, _] = [event for event in desk.log.appended if isinstance(event, MailHeld)]
        desk.clock.move(timedelta(hours=2))
        await desk.log.append([held])  # as the timer brings it back
        assert await ids_of(ann) == []
        assert (await got(ann, "/folders/sent/emails"))["total_count"] == 1


async def test_what_was_taken_back_before_a_crash_is_not_listed(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        await sends_later(desk, ann, 2)
        [held] = [event for event in desk.log.appended if isinstance(event, MailHeld)]
        keys = desk.request_keys
        await holding.decide(keys, held.user_id, held.mail_id, held.due_at, "cancel")
        assert await ids_of(ann) == []


async def test_a_mail_that_can_be_undone_for_a_moment_is_not_listed(a_desk: Desks) -> None:
    async with a_desk(undo_s=30) as desk:
        ann = await desk.signed_in("ann")
        assert (await ann.post("/emails/send", json={"to": [BO]})).status_code == 202
        assert await ids_of(ann) == []


async def test_a_draft_that_is_to_be_sent_later_is_named(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        send_at = (desk.clock.now() + timedelta(hours=2)).isoformat()
        made = await ann.post("/drafts", json={"to": [BO], "send_at": send_at})
        draft_id = made.json()["draft_id"]
        sending = await ann.post(
            f"/drafts/{draft_id}/send", headers={"If-Match": made.headers["etag"]}
        )
        assert sending.status_code == 202, sending.text
        [told] = (await got(ann, "/scheduled"))["scheduled"]
        assert told["draft_id"] == draft_id


async def sends_later(
    desk: Desk, client: httpx.AsyncClient, hours: int, **more: Any
) -> dict[str, Any]:
    send_at = (desk.clock.now() + timedelta(hours=hours)).isoformat()
    answer = await client.post("/emails/send", json={"to": [BO], "send_at": send_at} | more)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def ids_of(client: httpx.AsyncClient) -> list[str]:
    return [each["email_id"] for each in (await got(client, "/scheduled"))["scheduled"]]
