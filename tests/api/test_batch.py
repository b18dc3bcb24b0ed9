"""Many mails at once: each item is answered, and what is asked alike is one command."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from connectors.memory.notices import MOST_WAITING
from tests.api.desk import Desk, Desks, a_desk, memory_alone, patient_place
from tests.engines.stages import until
from topologies.events import CommandAnswered, DeleteEmails, MoveEmails, SetFlags
from topologies.ports.notices import Missed


async def test_each_mail_is_changed_in_its_own_way_and_shown_so_at_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        read, starred, moved, spam, gone = [await desk.receive(f"mail {n}") for n in range(5)]
        client = await desk.signed_in()
        folder = (await client.post("/folders", json={"name": "Boats"})).json()["folder_id"]
        results = await batch(
            client,
            {"email_id": read, "is_read": True},
            {"email_id": starred, "is_starred": True, "folder_id": folder},
            {"email_id": moved, "folder_id": "trash"},
            {"email_id": spam, "is_spam": True},
            {"email_id": gone, "delete": True},
        )
        assert results == [
            {"email_id": email_id, "status": 200} for email_id in (read, starred, moved, spam, gone)
        ]
        told = {each: (await client.get(f"/emails/{each}")).json() for each in (read, starred)}
        assert told[read]["is_read"]
        assert (told[starred]["is_starred"], told[starred]["folder_id"]) == (True, folder)
        counts = {
            each["folder_id"]: (each["total_count"], each["unread_count"])
            for each in (await client.get("/folders")).json()
        }
        assert counts | {folder: (1, 1), "inbox": (1, 0), "trash": (1, 1), "spam": (1, 1)} == counts
        assert (await client.get(f"/emails/{gone}")).status_code == 404


async def test_what_can_not_be_done_is_told_with_its_place_and_the_rest_is_done(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        mine, other = await desk.receive("mine"), await desk.receive("other")
        anothers = await desk.receive("another's", to="bo")
        client = await desk.signed_in()
        results = await batch(
            client,
            {"email_id": anothers, "delete": True},
            {"email_id": mine, "is_read": True},
            {"email_id": other, "folder_id": "nowhere"},
            {"email_id": "no such", "is_read": True},
        )
        assert [each["status"] for each in results] == [404, 200, 404, 404]
        pointers = [
            each["problem"]["errors"][0]["pointer"] for each in results if "problem" in each
        ]
        assert pointers == ["/items/0/email_id", "/items/2/folder_id", "/items/3/email_id"]
        assert results[2]["problem"]["detail"] == "there is no such folder in the mailbox"
        assert results[2]["problem"]["status"] == 404
        assert (await client.get(f"/emails/{mine}")).json()["is_read"]
        bo = await desk.signed_in("bo")
        assert (await bo.get(f"/emails/{anothers}")).status_code == 200


async def test_labels_are_put_on_too_and_one_that_is_not_there_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        one, other = await desk.receive("one"), await desk.receive("other")
        client = await desk.signed_in()
        label = (await client.post("/labels", json={"name": "Boats"})).json()["label_id"]
        results = await batch(
            client,
            {"email_id": one, "labels": [label]},
            {"email_id": other, "labels": ["no such label"]},
        )
        assert results[0] == {"email_id": one, "status": 200}
        assert results[1]["status"] == 404
        assert results[1]["problem"]["errors"][0]["pointer"] == "/items/1"
        assert (await client.get(f"/emails/{one}")).json()["labels"] == [label]


async def test_of_an_item_that_can_not_be_done_whole_nothing_is_done(a_desk: Desks) -> None:
    async with a_desk() as desk:
        mails = [await desk.receive(f"mail {number}") for number in range(4)]
        client = await desk.signed_in()
        draft_id = (await client.post("/drafts", json={"subject": "Boats"})).json()["draft_id"]
        later = "2026-03-02T08:00:00Z"
        results = await batch(
            client,
            {"email_id": mails[0], "is_read": True, "folder_id": "nowhere"},
            {"email_id": mails[1], "is_read": True, "labels": ["no such label"]},
            {"email_id": mails[2], "snooze_until": later, "labels": ["no such label"]},
            {"email_id": draft_id, "is_starred": True, "snooze_until": later},
            {"email_id": mails[3], "is_read": True, "folder_id": "trash"},
        )
        assert [each["status"] for each in results] == [404, 404, 404, 409, 200]
        pointers = [each["problem"]["errors"][0]["pointer"] for each in results[:4]]
        assert pointers == [
            "/items/0/folder_id",
            "/items/1/labels",
            "/items/2/labels",
            "/items/3/snooze_until",
        ]
        lines = [(await client.get(f"/emails/{each}")).json() for each in (*mails[:3], draft_id)]
        assert [each["folder_id"] for each in lines] == ["inbox", "inbox", "inbox", "drafts"]
        assert [each["is_read"] for each in lines] == [False, False, False, True]
        assert not lines[3]["is_starred"]


@memory_alone
async def test_what_is_asked_alike_is_one_command_and_all_are_written_at_once(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ids = [await desk.receive(f"mail {n}") for n in range(9)]
        client = await desk.signed_in()
        before = len(desk.log.appended)
        results = await batch(
            client,
            *({"email_id": each, "is_read": True} for each in ids[:4]),
            *({"email_id": each, "folder_id": "trash", "is_read": True} for each in ids[4:8]),
            {"email_id": ids[8], "delete": True},
        )
        assert {each["status"] for each in results} == {200}
        flags, move, delete = desk.log.appended[before:]
        assert isinstance(flags, SetFlags)
        assert isinstance(move, MoveEmails)
        assert isinstance(delete, DeleteEmails)
        assert (flags.email_ids, move.email_ids, delete.email_ids) == (
            tuple(ids[:8]),
            tuple(ids[4:8]),
            (ids[8],),
        )


async def test_asked_again_it_does_no_more_than_it_did(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch")
        client = await desk.signed_in()
        asked = {"email_id": email_id, "folder_id": "trash", "is_read": True}
        for _ in range(3):
            assert await batch(client, asked) == [{"email_id": email_id, "status": 200}]
        assert (await client.get(f"/emails/{email_id}")).json()["folder_id"] == "trash"


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        ({"email_id": "a", "is_read": "yes"}, "/items/1/is_read"),
        ({"email_id": "a", "colour": "red"}, "/items/1"),
        ({"email_id": "a"}, "/items/1"),
        ({"email_id": "a", "delete": True, "is_read": True}, "/items/1/delete"),
        ({"email_id": "a", "is_spam": True, "folder_id": "inbox"}, "/items/1/is_spam"),
        ({"email_id": "THERE", "is_read": False}, "/items/1/email_id"),
        ({"is_read": False}, "/items/1"),
        (7, "/items/1"),
    ],
)
@memory_alone
async def test_what_makes_no_sense_is_refused_before_anything_is_done(
    a_desk: Desks, item: Any, pointer: str
) -> None:
    async with a_desk() as desk:
        there = await desk.receive("Lunch")
        client = await desk.signed_in()
        before = len(desk.log.appended)
        asked = json.dumps({"items": [{"email_id": there, "is_read": True}, item]})
        answer = await client.post("/emails/batch", content=asked.replace("THERE", there))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
        assert len(desk.log.appended) == before


@memory_alone
async def test_a_thousand_items_are_taken_and_one_more_is_not(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        items = [{"email_id": f"{n:036}", "folder_id": "f" * 64} for n in range(1_000)]
        results = await batch(client, *items)
        assert [each["status"] for each in results] == [404] * 1_000
        for wrong in ([], [*items, {"email_id": "x", "is_read": True}]):
            answer = await client.post("/emails/batch", json={"items": wrong})
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/items")
        answer = await client.post("/emails/batch", content=b" " * (1024 * 1024 + 1))
        assert answer.status_code == 413


@memory_alone
async def test_what_is_not_seen_in_time_is_safe_and_said_to_be_under_way(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch")
        client = await desk.signed_in()
        desk.log.is_stuck = True
        asked = ({"email_id": email_id, "is_read": True}, {"email_id": "none", "is_read": True})
        assert [each["status"] for each in await batch(client, *asked)] == [202, 404]
        await desk.log.work_off()
        assert (await client.get(f"/emails/{email_id}")).json()["is_read"]


async def test_answers_that_were_missed_are_read_from_the_mailbox() -> None:
    async with a_desk(patient_place) as desk:
        email_id = await desk.receive("Lunch")
        client, ann = await desk.signed_in(), (await desk.user("ann")).user_id
        desk.log.is_stuck = True
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(batch(client, {"email_id": email_id, "is_read": True}))
            await written(desk)
            # More at once than is kept for whoever waits, and then its answer is lost.
            for _ in range(MOST_WAITING + 1):
                await desk.notices.publish(
                    CommandAnswered(user_id=ann, command_id="another's", status="done", seq=1)
                )
            desk.notices.is_losing = True
            await desk.log.work_off()
            desk.notices.is_losing = False
            await desk.notices.publish(Missed(user_id=ann))
        assert asked.result() == [{"email_id": email_id, "status": 200}]


async def batch(client: httpx.AsyncClient, *items: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = await client.post("/emails/batch", json={"items": items})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


async def written(desk: Desk) -> None:
    """Return when a command waits to be worked on."""
    await until(lambda: isinstance(desk.log.appended[-1], SetFlags))
