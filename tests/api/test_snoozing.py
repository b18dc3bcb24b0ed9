"""Mails that are put off, by the API."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from api import snoozing
from api.commands import carry_out
from api.context import Context
from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_mailbox import got
from topologies.errors import Retryable
from topologies.events import Command, DeleteFolder, Event, SnoozeDue
from topologies.events.base import as_kind
from topologies.mail import mailbox
from topologies.mailbox.bring_back import bring_back

TOMORROW = "2026-03-02T08:00:00+01:00"


async def test_a_mail_leaves_the_inbox_and_comes_back_on_top_unread(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        first, second = await desk.receive("Later"), await desk.receive("Newer")
        await ann.patch(f"/emails/{first}", json={"is_read": True})
        answer = await ann.post(f"/emails/{first}/snooze", json={"until": TOMORROW})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["until"], told["folder_id"]) == ("2026-03-02T07:00:00Z", "inbox")
        assert told["email"]["folder_id"] == "snoozed"
        assert await inbox(ann) == [second]
        assert (await got(ann, "/snoozed"))["snoozed"] == [told]
        assert await got(ann, f"/emails/{first}/snooze") == told

        desk.clock.move(timedelta(hours=19))
        await timer_runs(desk)
        back, other = (await got(ann, "/folders/inbox/emails"))["emails"]
        assert (back["subject"], back["is_read"], other["email_id"]) == ("Later", False, second)
        assert (await got(ann, "/snoozed"))["snoozed"] == []
        assert (await ann.get(f"/emails/{first}")).status_code == 404
        changes = (await got(ann, "/changes?since=0"))["changes"]
        kinds = [(each["type"], each["email_id"]) for each in changes[-2:]]
        assert kinds == [("email.added", back["email_id"]), ("email.removed", first)]


@memory_alone
async def test_it_is_taken_back_to_the_inbox_while_its_folder_is_being_deleted(
    a_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "STEP", 1)
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        work = (await ann.post("/folders", json={"name": "Work"})).json()["folder_id"]
        email_id, *others = [await desk.receive(each) for each in ("Later", "One", "Two")]
        for each in (email_id, *others):
            await ann.patch(f"/emails/{each}", json={"folder_id": work})
        await ann.post(f"/emails/{email_id}/snooze", json={"until": TOMORROW})
        desk.log.is_slow_for = DeleteFolder
        assert (await ann.delete(f"/folders/{work}")).status_code == 204

        assert (await ann.delete(f"/emails/{email_id}/snooze")).status_code == 204
        assert await inbox(ann) == [email_id]


async def test_it_is_put_off_again_or_taken_back(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id = await desk.receive("Later")
        path = f"/emails/{email_id}/snooze"
        await ann.post(path, json={"until": TOMORROW})
        again = await ann.post(path, json={"until": "2026-03-03T08:00:00Z"})
        assert (again.status_code, again.json()["folder_id"]) == (200, "inbox")
        desk.clock.move(timedelta(hours=20))
        await timer_runs(desk)
        assert await inbox(ann) == []

        assert (await ann.delete(path)).status_code == 204
        assert await inbox(ann) == [email_id]
        assert (await ann.delete(path)).status_code == 404
        assert (await ann.get(path)).status_code == 404
        desk.clock.move(timedelta(days=2))
        await timer_runs(desk)
        assert await inbox(ann) == [email_id]


@memory_alone
async def test_who_puts_it_off_while_another_takes_it_back_has_it_put_off(
    a_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id, user = await desk.receive("Later"), await desk.user("ann")

        async def meanwhile(context: Context, commands: Sequence[Command]) -> Response | None:
            kept = await desk.snoozes.find(user.user_id, email_id)
            assert kept is not None
            await desk.snoozes.remove(user.user_id, email_id, kept.snooze_id)
            return await carry_out(context, commands)

        monkeypatch.setattr(snoozing, "carry_out", meanwhile)
        answer = await ann.post(f"/emails/{email_id}/snooze", json={"until": TOMORROW})
        assert answer.status_code == 200, answer.text
        assert (await got(ann, "/snoozed"))["snoozed"] == [answer.json()]
        desk.clock.move(timedelta(hours=19))
        await timer_runs(desk)
        assert len(await inbox(ann)) == 1


async def test_a_folder_of_that_name_is_left_alone(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        await ann.post("/folders", json={"name": "snoozed"})
        email_id = await desk.receive("Later")
        answer = await ann.post(f"/emails/{email_id}/snooze", json={"until": TOMORROW})
        assert answer.status_code == 200, answer.text
        folders = {each["folder_id"]: each["name"] for each in await got(ann, "/folders")}
        assert folders["snoozed"] == "Snoozed mails"


async def test_a_request_that_was_cut_off_puts_no_mail_away_for_ever(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id = await desk.receive("Later")
        path = f"/emails/{email_id}/snooze"
        desk.log.error = Retryable("the log is away")
        assert (await ann.post(path, json={"until": TOMORROW})).status_code == 503
        desk.log.error = None
        assert await inbox(ann) == [email_id]
        assert (await ann.get(path)).status_code == 404
        assert (await ann.post(path, json={"until": TOMORROW})).status_code == 200
        desk.log.error = Retryable("the log is away")  # putting it off for longer is noted alone
        await ann.post(path, json={"until": "2026-03-04T08:00:00Z"})
        desk.log.error = None
        for days, found in ((1, 0), (3, 1)):
            desk.clock.move(timedelta(days=days))
            await timer_runs(desk)
            assert len(await inbox(ann)) == found


DELETING: dict[str, tuple[str, str, dict[str, Any]]] = {
    "to trash": ("DELETE", "/emails/{}", {}),
    "for good": ("DELETE", "/emails/{}?permanent=true", {}),
    "by moving": ("PATCH", "/emails/{}", {"folder_id": "trash"}),
    "with others, to trash": ("POST", "/emails/batch", {"folder_id": "trash"}),
    "with others, for good": ("POST", "/emails/batch", {"delete": True}),
}


@memory_alone
@pytest.mark.parametrize("is_first", [True, False], ids=["deleted first", "back first"])
@pytest.mark.parametrize("way", DELETING)
async def test_a_mail_deleted_in_the_instant_that_it_comes_back_does_not_reappear(
    a_desk: Desks, way: str, is_first: bool
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id, other = await desk.receive("Later"), await desk.receive("Other")
        await ann.post(f"/emails/{email_id}/snooze", json={"until": TOMORROW})
        desk.clock.move(timedelta(hours=19))
        back = await on_its_way_back(desk, email_id)
        method, path, body = DELETING[way]
        if path.endswith("batch"):
            body = {"items": [{"email_id": email_id} | body, {"email_id": other, "is_read": True}]}
        desk.log.is_stuck = True  # both are on the log before anybody works on either
        if not is_first:
            await desk.log.append(back)
        asked = await ann.request(method, path.format(email_id), json=body or None)
        assert asked.status_code in (200, 202), asked.text
        if is_first:
            await desk.log.append(back)
        await desk.log.work_off()
        assert await inbox(ann) == [other]
        trashed = (await got(ann, "/folders/trash/emails"))["emails"]
        assert len(trashed) == (0 if "for good" in way else 1)
        assert (await got(ann, "/snoozed"))["snoozed"] == []


@pytest.mark.parametrize("way", DELETING)
async def test_a_mail_that_is_back_is_deleted_by_the_id_that_it_had(
    a_desk: Desks, way: str
) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        email_id = await desk.receive("Later")
        await ann.post(f"/emails/{email_id}/snooze", json={"until": TOMORROW})
        desk.clock.move(timedelta(hours=19))
        await timer_runs(desk)
        assert len(await inbox(ann)) == 1
        method, path, body = DELETING[way]
        if path.endswith("batch"):
            body = {"items": [{"email_id": email_id} | body]}
        for client, status in ((bo, 404), (ann, 200)):
            answer = await client.request(method, path.format(email_id), json=body or None)
            if path.endswith("batch"):
                assert [each["status"] for each in answer.json()["results"]] == [status]
            else:
                assert answer.status_code in (status, status + 4)
        assert await inbox(ann) == []


MOVING: dict[str, tuple[str, str, dict[str, Any]]] = {
    "by itself": ("PATCH", "/emails/{}", {"folder_id": "inbox"}),
    "as spam": ("PATCH", "/emails/{}", {"is_spam": True}),
    "with others": ("POST", "/emails/batch", {"folder_id": "inbox"}),
}


@pytest.mark.parametrize("way", MOVING)
@pytest.mark.parametrize("is_back", [False, True], ids=["put off", "back"])
async def test_nothing_is_kept_of_a_mail_that_was_moved_away_before_its_time(
    a_desk: Desks, way: str, is_back: bool
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id = await desk.receive("Later")
        await ann.post(f"/emails/{email_id}/snooze", json={"until": TOMORROW})
        if is_back:
            desk.clock.move(timedelta(hours=19))
            await timer_runs(desk)
        method, path, body = MOVING[way]
        if path.endswith("batch"):
            body = {"items": [{"email_id": email_id} | body]}
        for _ in range(2):  # of one that is back it still leads from the id that it had to the mail
            answer = await ann.request(method, path.format(email_id), json=body)
            assert answer.status_code == 200, answer.text
        kept = await desk.snoozes.find((await desk.user("ann")).user_id, email_id)
        assert (kept is not None) is is_back


async def test_many_mails_are_put_off_by_one_request(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        first, second, third = [await desk.receive(f"Mail {n}") for n in range(3)]
        draft = (await ann.post("/drafts", json={"subject": "Half done"})).json()["draft_id"]
        anothers = await desk.receive("another's", to="bo")
        wanted: list[dict[str, Any]] = [
            {"email_id": first, "snooze_until": TOMORROW, "is_starred": True},
            {"email_id": second, "snooze_until": "2026-03-03T08:00:00Z"},
            {"email_id": draft, "snooze_until": TOMORROW},
            {"email_id": anothers, "snooze_until": TOMORROW},
            {"email_id": third, "is_read": True},
        ]
        results: list[dict[str, Any]] = []
        for _ in range(2):  # asked again it does no more
            answer = await ann.post("/emails/batch", json={"items": wanted})
            results = answer.json()["results"]
            assert [each["status"] for each in results] == [200, 200, 409, 404, 200]
        problem = results[2]["problem"]
        assert "not-received" in str(problem["type"])
        assert problem["errors"][0]["pointer"] == "/items/2/snooze_until"
        assert await inbox(ann) == [third]
        snoozed = (await got(ann, "/snoozed"))["snoozed"]
        assert [(each["email_id"], each["folder_id"]) for each in snoozed] == [
            (first, "inbox"),
            (second, "inbox"),
        ]
        for days, there in ((1, 2), (1, 3)):
            desk.clock.move(timedelta(days=days))
            await timer_runs(desk)
            assert len(await inbox(ann)) == there


@memory_alone
async def test_of_mails_that_are_put_off_together_none_is_put_away_for_ever(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        mails = [await desk.receive(f"Mail {n}") for n in range(3)]
        items = [{"email_id": each, "snooze_until": TOMORROW} for each in mails]
        desk.log.error = Retryable("the log is away")
        assert (await ann.post("/emails/batch", json={"items": items})).status_code == 503
        assert sorted(await inbox(ann)) == sorted(mails)
        desk.log.error = None
        before = len(desk.log.appended)
        await ann.post("/emails/batch", json={"items": items})
        kinds = [type(each).__name__ for each in desk.log.appended[before:]]
        assert kinds == ["SnoozeDue"] * 3 + ["CreateFolder", "MoveEmails"]


@memory_alone
@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        ({"snooze_until": "2020-01-01T00:00:00Z"}, "/items/0/snooze_until"),
        ({"snooze_until": TOMORROW, "folder_id": "trash"}, "/items/0/snooze_until"),
        ({"snooze_until": TOMORROW, "is_spam": True}, "/items/0/snooze_until"),
        ({"snooze_until": TOMORROW, "delete": True}, "/items/0/delete"),
    ],
)
async def test_what_makes_no_sense_of_many_is_refused_before_anything_is_done(
    a_desk: Desks, item: dict[str, Any], pointer: str
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id = await desk.receive("Later")
        answer = await ann.post("/emails/batch", json={"items": [{"email_id": email_id} | item]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
        assert await inbox(ann) == [email_id]


async def test_what_is_put_off_is_one_s_own(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        email_id = await desk.receive("Later")
        path = f"/emails/{email_id}/snooze"
        await ann.post(path, json={"until": TOMORROW})
        assert (await bo.get(path)).status_code == 404
        assert (await bo.post(path, json={"until": TOMORROW})).status_code == 404
        assert (await bo.delete(path)).status_code == 404
        assert (await got(bo, "/snoozed"))["snoozed"] == []
        assert (await desk.stranger().get("/snoozed")).status_code == 401


@memory_alone
@pytest.mark.parametrize(
    "until", ["2026-03-01T12:00:00Z", "2020-01-01T00:00:00Z", "2027-03-03T00:00:00Z", "2026-03-02"]
)
async def test_a_time_that_makes_no_sense_is_told(a_desk: Desks, until: str) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id = await desk.receive("Later")
        answer = await ann.post(f"/emails/{email_id}/snooze", json={"until": until})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/until")


@memory_alone
async def test_mail_of_one_s_own_is_not_put_off(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        draft = await ann.post("/drafts", json={"subject": "Half done"})
        answer = await ann.post(
            f"/emails/{draft.json()['draft_id']}/snooze", json={"until": TOMORROW}
        )
        assert answer.status_code == 409


async def inbox(client: httpx.AsyncClient) -> list[str]:
    page: dict[str, Any] = await got(client, "/folders/inbox/emails")
    return [each["email_id"] for each in page["emails"]]


async def on_its_way_back(desk: Desk, email_id: str) -> Sequence[Event]:
    """Return what the stage wrote that brings a mail of ann's back."""
    user_id = (await desk.user("ann")).user_id
    due = SnoozeDue(user_id=user_id, email_id=email_id, until=desk.clock.now())
    return await bring_back(due, clock=desk.clock, snoozes=desk.snoozes, mailboxes=desk.mailboxes)


async def timer_runs(desk: Desk) -> None:
    """Hand in again what waits, as the timer does, and whatever that writes."""
    seen = [each for each in desk.log.appended if isinstance(each, SnoozeDue)]
    for each in seen:
        await desk.log.append([as_kind(each, SnoozeDue)])
