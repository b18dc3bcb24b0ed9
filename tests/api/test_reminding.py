"""Reminders of mail that was sent and has no answer, by the API."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.snoozes import MemorySnoozes
from tests.api.desk import Desks, Place, a_desk, memory_alone, memory_place
from tests.api.test_mailbox import got
from tests.api.test_snoozing import TOMORROW, inbox, timer_runs
from tests.services import DOMAIN
from topologies.errors import Retryable
from topologies.events import MailHeld, MailSubmitted, SnoozeDue
from topologies.ports.clock import Clock
from topologies.ports.snoozes import Snooze, Snoozes

UTC_TOMORROW = "2026-03-02T07:00:00Z"
IN_A_WEEK = "2026-03-08T08:00:00Z"


async def test_who_sends_a_mail_is_reminded_of_it_on_top_of_the_inbox(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        other = await desk.receive("Newer")
        sent = await sends(ann, remind_at=TOMORROW)
        assert (await got(ann, f"/emails/{sent}"))["remind_at"] == UTC_TOMORROW
        [told] = (await got(ann, "/reminders"))["reminders"]
        assert told == await got(ann, f"/emails/{sent}/reminder")
        assert (told["email_id"], told["remind_at"]) == (sent, UTC_TOMORROW)
        desk.clock.move(timedelta(hours=20))
        await timer_runs(desk)
        await timer_runs(desk)
        back, below = await inbox(ann)
        assert below == other
        reminder, mail = await got(ann, f"/emails/{back}"), await got(ann, f"/emails/{sent}")
        assert (reminder["is_read"], "nobody has answered" in reminder["note"]) == (False, True)
        assert reminder["thread_id"] == mail["thread_id"]
        assert (mail["folder_id"], mail["remind_at"]) == ("sent", None)
        assert (await got(ann, "/reminders"))["reminders"] == []
        assert (await ann.delete(f"/emails/{sent}/reminder")).status_code == 404
        last = (await got(ann, "/changes?since=0"))["changes"][-1]
        assert (last["type"], last["email_id"]) == ("email.added", back)
        assert (await ann.delete(f"/emails/{back}?permanent=true")).status_code == 204
        assert (await got(ann, f"/emails/{sent}"))["folder_id"] == "sent"


async def test_who_was_answered_is_not_reminded(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        sent = await sends(ann, remind_at=TOMORROW)
        desk.clock.move(timedelta(hours=1))
        [received] = await inbox(bo)
        await sends(bo, to=[f"ann@{DOMAIN}"], in_reply_to=received)
        [answer] = await inbox(ann)
        asked = await ann.post(f"/emails/{sent}/reminder", json={"remind_at": IN_A_WEEK})
        assert (asked.status_code, asked.json()["type"].rpartition(":")[2]) == (409, "answered")
        desk.clock.move(timedelta(hours=20))
        await timer_runs(desk)
        assert await inbox(ann) == [answer]
        assert (await got(ann, "/reminders"))["reminders"] == []


async def test_of_a_mail_in_sent_one_is_reminded_put_to_another_time_and_taken_back(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        sent = await sends(ann)
        path = f"/emails/{sent}/reminder"
        assert (await ann.get(path)).status_code == 404
        assert (await ann.delete(path)).status_code == 404
        for at in (TOMORROW, IN_A_WEEK):
            told = await ann.post(path, json={"remind_at": at})
            assert told.status_code == 200, told.text
        assert told.json() == await got(ann, path)
        desk.clock.move(timedelta(hours=20))
        await timer_runs(desk)
        assert await inbox(ann) == []
        assert (await ann.delete(path)).status_code == 204
        assert (await got(ann, f"/emails/{sent}"))["remind_at"] is None
        desk.clock.move(timedelta(days=8))
        await timer_runs(desk)
        assert await inbox(ann) == []


@pytest.mark.parametrize("permanent", [False, True])
async def test_of_a_mail_that_was_deleted_nobody_is_reminded(
    a_desk: Desks, permanent: bool
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        sent = await sends(ann, remind_at=TOMORROW)
        await ann.delete(f"/emails/{sent}?permanent={str(permanent).lower()}")
        assert (await got(ann, "/reminders"))["reminders"] == []
        desk.clock.move(timedelta(hours=20))
        await timer_runs(desk)
        assert await inbox(ann) == []


async def test_the_id_of_a_mail_that_is_gone_does_not_lead_to_its_reminder(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        sent = await sends(ann, remind_at=TOMORROW)
        desk.clock.move(timedelta(hours=20))
        await timer_runs(desk)
        [reminder] = await inbox(ann)
        assert (await ann.delete(f"/emails/{sent}?permanent=true")).status_code == 204
        assert (await ann.delete(f"/emails/{sent}?permanent=true")).status_code == 404
        assert await inbox(ann) == [reminder]


async def test_a_draft_keeps_when_one_is_to_be_reminded_and_is_sent_with_it(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        body = {"to": [f"bo@{DOMAIN}"], "subject": "Boats", "remind_at": TOMORROW}
        draft = (await ann.post("/drafts", json=body)).json()
        assert draft["remind_at"] == TOMORROW  # as it was typed
        answer = await ann.post(f"/drafts/{draft['draft_id']}/send")
        assert answer.status_code == 202, answer.text
        sent = answer.json()["email_id"]
        assert (await got(ann, f"/emails/{sent}/reminder"))["remind_at"] == UTC_TOMORROW


async def test_of_a_mail_that_is_taken_back_before_it_is_sent_nobody_is_reminded(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        sent = await sends(ann, send_at="2026-03-02T00:00:00Z", remind_at=TOMORROW)
        user_id = (await desk.user("ann")).user_id
        assert await desk.snoozes.find(user_id, sent) is not None
        assert (await ann.delete(f"/emails/{sent}/send")).status_code == 204
        assert await desk.snoozes.find(user_id, sent) is None


@memory_alone
async def test_what_reminds_is_safe_before_the_mail_is_and_a_request_asked_again_is_one(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        key = {"Idempotency-Key": "once"}
        body = {"to": [f"bo@{DOMAIN}"], "subject": "Boats", "remind_at": TOMORROW}
        desk.log.error = Retryable("the log is away")
        assert (await ann.post("/emails/send", json=body, headers=key)).status_code == 503
        desk.log.error = None
        assert (await got(ann, "/reminders"))["reminders"] == []
        for _ in range(2):
            answer = await ann.post("/emails/send", json=body, headers=key)
            assert answer.status_code == 202, answer.text
        kinds = [type(each) for each in desk.log.appended]
        ours = [each for each in kinds if each in (SnoozeDue, MailSubmitted, MailHeld)]
        assert ours == [SnoozeDue, MailSubmitted]
        desk.clock.move(timedelta(hours=20))
        # Its time is over, and the client never heard that it was sent: it is the same mail.
        answer = await ann.post("/emails/send", json=body, headers=key)
        assert answer.status_code == 202, answer.text
        await timer_runs(desk)
        assert len(await inbox(ann)) == 1


@memory_alone
async def test_a_reminder_that_could_not_be_written_is_not_shown(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        path = f"/emails/{await sends(ann)}/reminder"
        desk.log.error = Retryable("the log is away")
        assert (await ann.post(path, json={"remind_at": TOMORROW})).status_code == 503
        desk.log.error = None
        assert (await ann.get(path)).status_code == 404


async def test_a_reminder_that_is_due_before_it_could_be_kept_comes_all_the_same() -> None:
    async with a_desk(slow_place) as desk:
        ann = await desk.signed_in("ann")
        path = f"/emails/{await sends(ann)}/reminder"
        await ann.post(path, json={"remind_at": "2026-03-01T12:00:01Z"})
        # What was written last is looked at once there is something to be found.
        assert len(await inbox(ann)) == 1


@memory_alone
@pytest.mark.parametrize(
    "remind_at",
    ["2026-03-01T12:00:00Z", "2020-01-01T00:00:00Z", "2027-03-03T00:00:00Z", "2026-03-02"],
)
async def test_a_time_that_makes_no_sense_is_told(a_desk: Desks, remind_at: str) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        path = f"/emails/{await sends(ann)}/reminder"
        mail = {"to": [f"bo@{DOMAIN}"], "remind_at": remind_at}
        for asked in (
            await ann.post(path, json={"remind_at": remind_at}),
            await ann.post("/emails/send", json=mail),
        ):
            assert (asked.status_code, asked.json()["errors"][0]["pointer"]) == (422, "/remind_at")


@memory_alone
async def test_one_is_reminded_after_the_mail_is_sent(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        body = {"to": [f"bo@{DOMAIN}"], "send_at": IN_A_WEEK, "remind_at": TOMORROW}
        asked = await ann.post("/emails/send", json=body)
        assert (asked.status_code, asked.json()["errors"][0]["pointer"]) == (422, "/remind_at")


@memory_alone
async def test_of_mail_that_was_received_or_is_a_draft_one_is_not_reminded(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        draft = (await ann.post("/drafts", json={"subject": "Half done"})).json()["draft_id"]
        for each in (draft, await desk.receive("Later")):
            asked = await ann.post(f"/emails/{each}/reminder", json={"remind_at": TOMORROW})
            assert (asked.status_code, asked.json()["type"].rpartition(":")[2]) == (409, "not-sent")


async def test_a_reminder_is_one_s_own_and_no_mail_that_is_put_off(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        sent = await sends(ann, remind_at=TOMORROW)
        path = f"/emails/{sent}/reminder"
        assert (await bo.get(path)).status_code == 404
        assert (await bo.post(path, json={"remind_at": TOMORROW})).status_code == 404
        assert (await bo.delete(path)).status_code == 404
        assert (await got(bo, "/reminders"))["reminders"] == []
        assert (await desk.stranger().get("/reminders")).status_code == 401
        assert (await got(ann, "/snoozed"))["snoozed"] == []
        assert (await ann.get(f"/emails/{sent}/snooze")).status_code == 404


class SlowSnoozes(MemorySnoozes):
    """Wishes of which each is kept long after it was to be."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.clock = clock

    async def put(self, snooze: Snooze) -> None:
        self.clock.move(timedelta(minutes=1))
        await super().put(snooze)


@asynccontextmanager
async def slow_place() -> AsyncGenerator[Place]:
    async with memory_place() as place:
        snoozes = SlowSnoozes(place.services[Clock])
        yield replace(place, services={**place.services, Snoozes: snoozes})


async def sends(client: httpx.AsyncClient, **given: Any) -> str:
    """Send a mail to bo, but for what is *given*; return its id in Sent."""
    body: dict[str, Any] = {"to": [f"bo@{DOMAIN}"], "subject": "Boats", "body": "When?"}
    answer = await client.post("/emails/send", json=body | given)
    assert answer.status_code == 202, answer.text
    return answer.json()["email_id"]
