"""Search by HTTP: what is typed, what a form adds, and what can't be read."""

import pytest

from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("query=lunch", ["lunch"]),
        ("query=from:zoe", ["dinner", "lunch"]),
        ("from=zoe", ["dinner", "lunch"]),
        ("from=nobody", []),
        ("query=lunch&from=zoe", ["lunch"]),
        ("query=in:trash", ["dinner"]),
        ("folder=Trash", ["dinner"]),
        ("folder=inbox&query=in:trash", []),
        ("query=is:read&is_read=false", []),
        ("is_read=false", ["dinner", "lunch"]),
        ("has_attachment=true", []),
        ("after=2026-03-01", ["dinner", "lunch"]),
        ("after=2026-03-01T13:00:00Z", []),
        ("before=2026-03-01T13:00:00Z&after=1d", ["dinner", "lunch"]),
        ("", ["dinner", "lunch"]),
    ],
)
async def test_what_is_asked_for_is_found(a_desk: Desks, query: str, found: list[str]) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        await desk.receive("lunch")
        dinner = await desk.receive("dinner")
        await client.delete(f"/emails/{dinner}")
        page = await got(client, f"/emails/search?{query}")
        assert sorted(line["subject"] for line in page["emails"]) == found
        assert page["total_count"] == len(found)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("query=%22open", "invalid-search"),
        ("query=after:tomorrow", "invalid-search"),
        ("query=in:nowhere", "invalid-parameter"),
        ("folder=nowhere", "invalid-parameter"),
        ("after=tomorrow", "invalid-parameter"),
        ("cursor=junk&query=a", "invalid-parameter"),
        ("surprise=1", "invalid-parameter"),
    ],
)
@memory_alone
async def test_what_can_t_be_read_is_told(a_desk: Desks, query: str, kind: str) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        answer = await client.get(f"/emails/search?{query}")
        assert (answer.status_code, answer.json()["type"]) == (400, f"urn:rillmail:problem:{kind}")
        if kind == "invalid-search":
            assert isinstance(answer.json()["position"], int)
            assert answer.json()["advice"]


async def test_hits_are_paged(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for number in range(5):
            await desk.receive(f"mail {number}")
        client = await desk.signed_in()
        first = await got(client, "/emails/search?query=mail&limit=3")
        assert (len(first["emails"]), first["total_count"], first["has_more"]) == (3, 5, True)
        rest = await got(client, f"/emails/search?query=mail&limit=3&cursor={first['next_cursor']}")
        assert (len(rest["emails"]), rest["has_more"], rest["next_cursor"]) == (2, False, None)
