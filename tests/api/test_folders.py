"""Nested folders by HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got


async def test_folders_lie_in_each_other_are_moved_and_deleted_with_all_within(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        work = await made(client, "Work")
        ideas = await made(client, "Ideas", work)
        old = await made(client, "Old", ideas)
        assert await tree(client) == ["Work", "Work/Ideas", "Work/Ideas/Old"]
        mail = await desk.receive("plan")
        await client.patch(f"/emails/{mail}", json={"folder_id": old})
        found = await got(client, "/emails/search?query=in:work/ideas/old")
        assert found["total_count"] == 1
        moved = await client.patch(f"/folders/{ideas}", json={"parent_id": None, "name": "Plans"})
        assert moved.json()["parent_id"] is None
        assert await tree(client) == ["Plans", "Plans/Old", "Work"]
        back = await client.patch(f"/folders/{ideas}", json={"parent_id": work})
        assert back.json()["path"] == "Work/Plans"
        renamed = await client.patch(f"/folders/{work}", json={"name": "Job"})
        assert renamed.json()["name"] == "Job"
        assert (await client.delete(f"/folders/{work}")).status_code == 204
        assert await tree(client) == []
        [line] = (await got(client, "/folders/trash/emails"))["emails"]
        assert line["email_id"] == mail


@pytest.mark.parametrize(
    ("method", "body", "status", "pointer"),
    [
        ("POST", {"name": "x", "parent_id": "none"}, 422, "/parent_id"),
        ("POST", {"name": "x", "parent_id": "trash"}, 422, "/parent_id"),
        ("POST", {"name": "within", "parent_id": "{outer}"}, 409, None),
        ("PATCH", {"parent_id": "{outer}"}, 422, ""),
        ("PATCH", {"parent_id": "{inner}"}, 422, ""),
        ("PATCH", {"parent_id": 1}, 422, "/parent_id"),
    ],
)
@memory_alone
async def test_what_would_be_no_tree_is_told(
    a_desk: Desks, method: str, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        ids = {"outer": await made(client, "Outer")}
        ids["inner"] = await made(client, "Within", ids["outer"])
        if isinstance(given := body.get("parent_id"), str):
            body = body | {"parent_id": given.format(**ids)}
        path = "/folders" if method == "POST" else f"/folders/{ids['outer']}"
        answer = await client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        if pointer is not None:
            assert [e.get("pointer", "") for e in answer.json()["errors"]] == [pointer]
        assert await tree(client) == ["Outer", "Outer/Within"]


async def made(client: httpx.AsyncClient, name: str, parent_id: str | None = None) -> str:
    answer = await client.post("/folders", json={"name": name, "parent_id": parent_id})
    assert answer.status_code == 201, answer.text
    return answer.json()["folder_id"]


async def tree(client: httpx.AsyncClient) -> list[str]:
    return [each["path"] for each in await got(client, "/folders") if not each["is_system"]]
