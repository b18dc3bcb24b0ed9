"""Labels by HTTP: what they are called, which mails carry them, and that nobody sees another's."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got


async def test_a_label_is_made_put_on_mails_found_by_and_taken_off(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        mails: list[str] = []
        for number in range(3):
            mails.append(await desk.receive(f"labelled {number}"))
            desk.clock.move(timedelta(seconds=1))
        label = await made(client, "To read", colour="#1F6FEB")
        assert (label["name"], label["colour"]) == ("To read", "#1f6feb")
        assert (label["total_count"], label["unread_count"]) == (0, 0)
        label_id = label["label_id"]
        body = {"email_ids": mails, "add": [label_id]}
        answer = await client.post("/emails/labels", json=body)
        assert answer.status_code == 200, answer.text
        assert [mail["labels"] for mail in answer.json()["emails"]] == [[label_id]] * 3
        await client.patch(f"/emails/{mails[0]}", json={"is_read": True})
        await client.delete(f"/emails/{mails[1]}")

        page = await got(client, f"/labels/{label_id}/emails?limit=2")
        assert [mail["email_id"] for mail in page["emails"]] == [mails[2], mails[1]]
        assert (page["total_count"], page["has_more"]) == (3, True)
        rest = await got(client, f"/labels/{label_id}/emails?cursor={page['next_cursor']}")
        assert [mail["email_id"] for mail in rest["emails"]] == [mails[0]]
        read = await got(client, f"/labels/{label_id}/emails?is_read=true")
        assert [mail["email_id"] for mail in read["emails"]] == [mails[0]]
        [listed] = await got(client, "/labels")
        assert (listed["total_count"], listed["unread_count"]) == (3, 2)

        assert (await got(client, f"/emails/{mails[0]}"))["labels"] == [label_id]
        off = await client.patch(f"/emails/{mails[0]}", json={"labels": []})
        assert off.json()["labels"] == []
        found = await got(client, '/emails/search?query=labelled label:"to READ" in:inbox')
        assert [mail["email_id"] for mail in found["emails"]] == [mails[2]]
        found = await got(client, f"/emails/search?query=-label:{label_id}")
        assert [mail["email_id"] for mail in found["emails"]] == [mails[0]]
        found = await got(client, "/emails/search?label=to read")
        assert found["total_count"] == 2


async def test_a_label_is_called_and_coloured_otherwise_and_deleted(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        mail = await desk.receive("one")
        label_id = (await made(client, "Later"))["label_id"]
        await client.patch(f"/emails/{mail}", json={"labels": [label_id]})
        cursor = (await got(client, "/me"))["cursor"]
        changed = await client.patch(f"/labels/{label_id}", json={"name": "Soon"})
        assert changed.json()["name"] == "Soon"
        changed = await client.patch(f"/labels/{label_id}", json={"colour": "#aa0000"})
        assert (changed.json()["name"], changed.json()["colour"]) == ("Soon", "#aa0000")
        assert (await client.delete(f"/labels/{label_id}")).status_code == 204
        assert await got(client, "/labels") == []
        assert (await client.get(f"/labels/{label_id}/emails")).status_code == 404
        [line] = (await got(client, "/folders/inbox/emails"))["emails"]
        assert line["labels"] == []
        changes = (await got(client, f"/changes?since={cursor}"))["changes"]
        assert [(c["type"], c.get("label_id", ""), c.get("labels")) for c in changes] == [
            ("label.updated", label_id, None),
            ("label.updated", label_id, None),
            ("email.updated", "", []),
            ("label.removed", label_id, None),
        ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "pointer"),
    [
        ("POST", "/labels", {"name": ""}, 422, "/name"),
        ("POST", "/labels", {"name": "x", "colour": "red"}, 422, "/colour"),
        ("POST", "/labels", {"name": "later"}, 409, None),
        ("POST", "/labels", {"name": "x", "size": 1}, 422, ""),
        ("PATCH", "/labels/none", {"name": "x"}, 404, None),
        ("DELETE", "/labels/none", None, 404, None),
        ("GET", "/labels/none/emails", None, 404, None),
        ("PATCH", "/emails/{mail}", {"labels": ["none"]}, 422, "/labels/0"),
        ("PATCH", "/emails/{mail}", {"labels": ["x"] * 51}, 422, "/labels"),
        ("POST", "/emails/labels", {"email_ids": []}, 422, "/email_ids"),
        ("POST", "/emails/labels", {"email_ids": ["x"], "add": ["a", "b"]}, 422, "/add/0 /add/1"),
        ("POST", "/emails/labels", {"email_ids": ["none"]}, 404, None),
        ("GET", "/emails/search?query=label:none", None, 400, None),
        ("GET", "/emails/search?query=label:", None, 400, None),
    ],
)
@memory_alone
async def test_what_makes_no_sense_is_told(
    a_desk: Desks, method: str, path: str, body: Any, status: int, pointer: str | None
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        await made(client, "Later")
        mail = await desk.receive("one")
        answer = await client.request(method, path.format(mail=mail), json=body)
        assert answer.status_code == status, answer.text
        if pointer is not None:
            found = [error.get("pointer", "") for error in answer.json()["errors"]]
            assert " ".join(found) == pointer


async def test_another_s_labels_are_not_there(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        label_id = (await made(ann, "Mine"))["label_id"]
        for method, path in (
            ("PATCH", f"/labels/{label_id}"),
            ("DELETE", f"/labels/{label_id}"),
            ("GET", f"/labels/{label_id}/emails"),
        ):
            body = {"name": "mine"} if method == "PATCH" else None
            answer = await bo.request(method, path, json=body)
            assert answer.status_code == 404, (method, path)
        mail = await desk.receive("one", to="bo")
        answer = await bo.patch(f"/emails/{mail}", json={"labels": [label_id]})
        assert answer.status_code == 422
        assert await got(bo, "/labels") == []


async def made(client: httpx.AsyncClient, name: str, **more: str) -> dict[str, Any]:
    answer = await client.post("/labels", json={"name": name} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()
