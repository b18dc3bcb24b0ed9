"""Conversations by HTTP: a folder thread by thread, and threads that a late parent joins."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_mailbox import got

A_MINUTE = timedelta(minutes=1)
CASES = Path(__file__).parents[3] / "shared" / "cases"


async def test_a_folder_is_listed_thread_by_thread(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await receive(desk, "1", "Lunch")
        await receive(desk, "2", "Something else")
        reply = await receive(desk, "3", "Re: Lunch", answers="1", by="Bo <bo@far.example>")
        client = await desk.signed_in()
        await client.patch(f"/emails/{reply}", json={"is_starred": True, "is_read": True})

        page = await got(client, "/threads")

        assert [line["subject"] for line in page["threads"]] == ["Lunch", "Something else"]
        lunch = page["threads"][0]
        assert [who["address"] for who in lunch["participants"]] == [
            "zoe@far.example",
            "bo@far.example",
        ]
        assert (lunch["total_count"], lunch["unread_count"], lunch["is_starred"]) == (2, 1, True)
        assert (lunch["snippet"], lunch["email_ids"]) == ("Text of 3", [reply, root])
        assert (lunch["newest"]["email_id"], lunch["created_at"]) == (
            reply,
            lunch["newest"]["created_at"],
        )
        assert (page["email_count"], page["has_more"], page["next_cursor"]) == (3, False, None)
        unread = await got(client, "/threads?folder=inbox&is_read=false")
        assert [line["newest"]["subject"] for line in unread["threads"]] == [
            "Something else",
            "Lunch",
        ]


async def test_threads_are_paged(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for number in range(5):
            await receive(desk, str(number), f"Mail {number}")
        client = await desk.signed_in()

        first = await got(client, "/threads?limit=3")
        rest = await got(client, f"/threads?limit=3&cursor={first['next_cursor']}")

        assert [len(first["threads"]), len(rest["threads"])] == [3, 2]
        assert (first["has_more"], rest["has_more"]) == (True, False)


async def test_a_late_parent_joins_two_threads_which_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await receive(desk, "1", "One half")
        await receive(desk, "3", "The other", answers="2")
        client = await desk.signed_in()
        assert len((await got(client, "/threads"))["threads"]) == 2

        await receive(desk, "2", "Between them", answers="1")

        [line] = (await got(client, "/threads"))["threads"]
        assert line["total_count"] == 3
        told = (await got(client, "/changes?since=0"))["changes"]
        [merged] = [change for change in told if change["type"] == "thread.merged"]
        assert merged["thread_id"] == line["thread_id"]
        by_old_id = await got(client, f"/threads/{merged['merged_thread_id']}")
        assert by_old_id["thread_id"] == line["thread_id"]


@pytest.mark.corpus
@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
async def test_the_cases_of_threads_lie_where_they_belong(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ids: list[str] = []
        for path in sorted(CASES.glob("17*.eml")):
            desk.clock.move(A_MINUTE)
            ids.append(await desk.receive("", raw=path.read_bytes()))
        client = await desk.signed_in()

        page = await got(client, "/threads")

        found = {tuple(line["email_ids"]) for line in page["threads"]}
        root, reply, unrelated, orphan, parent = ids
        assert found == {(reply, root), (unrelated,), (parent, orphan)}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("folder=nowhere", "folder"),
        ("cursor=junk", "cursor"),
        ("limit=0", "limit"),
        ("surprise=1", "surprise"),
    ],
)
@memory_alone
async def test_what_can_t_be_read_is_told(a_desk: Desks, query: str, parameter: str) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        answer = await client.get(f"/threads?{query}")
        assert answer.status_code == 400
        assert parameter in str(answer.json()["errors"])


async def test_another_s_threads_are_not_there(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await receive(desk, "1", "Lunch")
        bo = await desk.signed_in("bo")
        ann = await desk.signed_in("ann")
        folder: dict[str, Any] = (await ann.post("/folders", json={"name": "Bills"})).json()

        assert (await got(bo, "/threads"))["threads"] == []
        assert (await bo.get(f"/threads?folder={folder['folder_id']}")).status_code == 400


# --- builders -----------------------------------------------------------------------


async def receive(
    desk: Desk,
    name: str,
    subject: str,
    *,
    answers: str = "",
    by: str = "Zoe <zoe@far.example>",
) -> str:
    fields = [f"From: {by}", f"Subject: {subject}", f"Message-ID: <{name}@far.example>"]
    if answers:
        fields.append(f"In-Reply-To: <{answers}@far.example>")
    raw = "\r\n".join([*fields, "", f"Text of {name}", ""]).encode()
    desk.clock.move(A_MINUTE)  # or it could not be told which came first
    return await desk.receive(subject, raw=raw)
