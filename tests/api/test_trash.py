"""Trash by HTTP: what was deleted comes back, and trash is emptied in one request."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.desk import Desks, Place, memory_alone, memory_place, patient_place
from tests.api.test_mailbox import got
from topologies.events import EmptyFolder
from topologies.mail import mailbox


async def test_what_was_deleted_for_good_is_listed_and_restored_as_it_was(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        mail = await desk.receive("precious", "The map.")
        used = (await got(client, "/me"))["used_bytes"]
        await client.patch(f"/emails/{mail}", json={"is_starred": True})
        await client.delete(f"/emails/{mail}")
        [line] = (await got(client, "/folders/trash/emails"))["emails"]
        assert line["removed_at"] is not None
        await client.delete(f"/emails/{mail}")

        assert (await client.get(f"/emails/{mail}")).status_code == 404
        assert (await client.patch(f"/emails/{mail}", json={})).status_code == 404
        assert (await got(client, "/emails/search?query=precious"))["total_count"] == 0
        assert (await got(client, "/me"))["used_bytes"] == used - line["size"]
        folders = await got(client, "/folders")
        assert {folder["total_count"] for folder in folders} == {0}
        deleted = await got(client, "/folders/deleted/emails")
        assert [each["email_id"] for each in deleted["emails"]] == [mail]

        cursor = (await got(client, "/me"))["cursor"]
        answer = await client.post("/emails/restore", json={"email_ids": [mail, "none"]})
        assert answer.status_code == 200, answer.text
        [back] = answer.json()["emails"]
        assert (back["folder_id"], back["is_starred"], back["removed_at"]) == ("inbox", True, None)
        assert (await got(client, f"/emails/{mail}"))["body"].strip() == "The map."
        assert (await got(client, "/emails/search?query=precious"))["total_count"] == 1
        assert (await got(client, "/me"))["used_bytes"] == used
        changes = (await got(client, f"/changes?since={cursor - 1}"))["changes"]
        assert [(c["type"], c.get("is_restorable", False)) for c in changes] == [
            ("email.removed", True),
            ("email.added", False),
        ]


async def test_trash_is_emptied_in_one_request_and_what_was_deleted_can_be_forgotten_at_once(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        mails: list[str] = []
        for number in range(3):
            mails.append(await desk.receive(f"mail {number}"))
            desk.clock.move(timedelta(seconds=1))
        for mail in mails[:2]:
            await client.delete(f"/emails/{mail}")
        assert (await client.delete("/folders/trash/emails")).status_code == 204
        assert await subjects(client, "trash") == []
        assert await subjects(client, "inbox") == ["mail 2"]
        assert await subjects(client, "deleted") == ["mail 1", "mail 0"]
        assert (await client.delete("/folders/deleted/emails")).status_code == 204
        assert await subjects(client, "deleted") == []
        answer = await client.post("/emails/restore", json={"email_ids": mails})
        assert answer.status_code == 404


@memory_alone
async def test_a_trash_of_many_steps_is_empty_when_that_is_answered(
    a_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "STEP", 2)
    async with a_desk(patient_place) as desk:
        client = await desk.signed_in()
        for number in range(5):
            mail = await desk.receive(f"mail {number}")
            await client.delete(f"/emails/{mail}")
        desk.log.is_slow_for = EmptyFolder  # the next steps come when others had their turn
        assert (await client.delete("/folders/trash/emails")).status_code == 204
        assert await subjects(client, "trash") == []
        cursor = (await got(client, "/me"))["cursor"]
        await desk.log.work_off()
        assert (await got(client, "/me"))["cursor"] == cursor
        assert len(await subjects(client, "deleted")) == 5


@memory_alone
async def test_a_trash_that_takes_too_long_to_empty_is_said_to_be_under_way(
    a_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def hurried_place() -> AsyncGenerator[Place]:
        async with memory_place() as place:
            yield replace(place, patience_s=0.0)

    monkeypatch.setattr(mailbox, "STEP", 1)
    async with a_desk(hurried_place) as desk:
        client = await desk.signed_in()
        for number in range(3):
            mail = await desk.receive(f"mail {number}")
            await client.delete(f"/emails/{mail}")
        desk.log.is_slow_for = EmptyFolder
        answer = await client.delete("/folders/trash/emails")
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
        await desk.log.work_off()
        assert await subjects(client, "trash") == []


async def test_without_a_time_to_restore_what_is_deleted_is_gone(a_desk: Desks) -> None:
    async with a_desk(restorable_days=0) as desk:
        client = await desk.signed_in()
        mail = await desk.receive("precious")
        await client.delete(f"/emails/{mail}?permanent=true")
        assert await subjects(client, "deleted") == []
        answer = await client.post("/emails/restore", json={"email_ids": [mail]})
        assert answer.status_code == 404


async def test_restoring_from_trash_leads_back_to_the_folder(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        folder = (await client.post("/folders", json={"name": "Work"})).json()["folder_id"]
        mail = await desk.receive("one")
        await client.patch(f"/emails/{mail}", json={"folder_id": folder})
        await client.delete(f"/emails/{mail}")
        desk.clock.move(timedelta(days=1))
        [line] = (await client.post("/emails/restore", json={"email_ids": [mail]})).json()["emails"]
        assert line["folder_id"] == folder


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/folders/inbox/emails", 409),
        ("DELETE", "/folders/none/emails", 404),
        ("PATCH", "/folders/deleted", 404),
        ("DELETE", "/folders/deleted", 404),
        ("POST", "/emails/restore", 422),
    ],
)
@memory_alone
async def test_what_makes_no_sense_is_told(
    a_desk: Desks, method: str, path: str, status: int
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        bodies: dict[str, Any] = {"PATCH": {"name": "x"}, "POST": {"email_ids": []}}
        body = bodies.get(method)
        answer = await client.request(method, path, json=body)
        assert answer.status_code == status, answer.text


async def subjects(client: httpx.AsyncClient, folder: str) -> list[str]:
    page = await got(client, f"/folders/{folder}/emails")
    return [line["subject"] for line in page["emails"]]
