"""Rules: scripts are kept, checked and run, and what is set without one is done."""

from typing import Any

import httpx
import pytest

from tests.api.desk import Desks, memory_alone

FILING = 'require ["fileinto", "mailbox"];\nfileinto :create "Pumps";\n'


async def test_a_script_is_kept_activated_and_obeyed(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        made = await put(client, "/rules/scripts/mine", {"source": FILING})
        assert made.status_code == 201
        assert made.headers["ETag"] == made.json()["etag"]
        assert (made.json()["is_active"], made.json()["source"]) == (False, FILING)
        [line] = (await put(client, "/rules/active", {"name": "mine"})).json()
        assert (line["name"], line["is_active"]) == ("mine", True)
        await desk.receive("A pump")
        folders = (await client.get("/folders")).json()
        [folder] = [each for each in folders if each["name"] == "Pumps"]
        assert folder["total_count"] == 1
        [line] = (await put(client, "/rules/active", {"name": None})).json()
        assert not line["is_active"]


async def test_nobody_sees_another_s_rules(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client, other = await desk.signed_in(), await desk.signed_in("bo")
        await put(client, "/rules/scripts/mine", {"source": FILING})
        assert (await other.get("/rules/scripts")).json() == []
        assert (await other.get("/rules/scripts/mine")).status_code == 404
        assert (await put(other, "/rules/active", {"name": "mine"})).status_code == 404


async def test_a_script_that_was_changed_meanwhile_is_not_overwritten(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        first = await put(client, "/rules/scripts/mine", {"source": "keep;"}, if_none_match="*")
        assert first.status_code == 201
        again = await put(client, "/rules/scripts/mine", {"source": "stop;"}, if_none_match="*")
        assert again.status_code == 412
        second = await put(
            client, "/rules/scripts/mine", {"source": "stop;"}, if_match=first.headers["ETag"]
        )
        assert second.status_code == 200
        late = await put(
            client, "/rules/scripts/mine", {"source": "keep;"}, if_match=first.headers["ETag"]
        )
        assert late.status_code == 412
        assert (await client.get("/rules/scripts/mine")).json()["source"] == "stop;"
        headers = {"If-Match": second.headers["ETag"]}
        assert (await client.delete("/rules/scripts/mine", headers=headers)).status_code == 204
        assert (await client.delete("/rules/scripts/mine")).status_code == 404


async def test_the_active_script_is_not_deleted(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        await put(client, "/rules/scripts/mine", {"source": "keep;"})
        await put(client, "/rules/active", {"name": "mine"})
        answer = await client.delete("/rules/scripts/mine")
        assert (answer.status_code, kind(answer)) == (409, "script-active")


@memory_alone
async def test_a_wrong_script_is_told_with_its_place_and_not_kept(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        given = {"source": 'keep;\n  fileinto "x";'}
        for answer in (
            await put(client, "/rules/scripts/mine", given),
            await client.post("/rules/check", json=given),
        ):
            assert (answer.status_code, kind(answer)) == (422, "invalid-script")
            told = answer.json()
            assert (told["line"], told["column"]) == (2, 3)
            assert told["errors"][0]["pointer"] == "/source"
        assert (await client.get("/rules/scripts")).json() == []
        right = await client.post("/rules/check", json={"source": FILING})
        assert (right.status_code, right.json()) == (200, {"extensions": ["fileinto", "mailbox"]})


@memory_alone
@pytest.mark.parametrize("name", ["%20", "a%0Ab", "x" * 129])
async def test_a_name_that_is_none_is_refused(a_desk: Desks, name: str) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        answer = await put(client, f"/rules/scripts/{name}", {"source": "keep;"})
        assert answer.status_code == 422


@memory_alone
async def test_there_are_not_too_many_scripts(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        told = [
            (await put(client, f"/rules/scripts/{n}", {"source": "keep;"})).status_code
            for n in range(11)
        ]
        assert told == [201] * 10 + [422]


@memory_alone
async def test_what_sends_mail_needs_a_token_that_may(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in(scope="read")
        assert (await put(client, "/rules/scripts/a", {"source": "keep;"})).status_code == 403
        away = {"is_on": True, "text": "away"}
        assert (await put(client, "/settings/vacation", away)).status_code == 403
        assert (await client.get("/settings/vacation")).status_code == 200


async def test_a_vacation_is_set(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        assert (await client.get("/settings/vacation")).json()["is_on"] is False
        wanted = {
            "is_on": True,
            "text": "Away until Monday.",
            "subject": "",
            "days": 3,
            "starts_at": None,
            "ends_at": "2999-01-01T00:00:00Z",
        }
        answer = await put(client, "/settings/vacation", wanted)
        assert (answer.status_code, answer.json()) == (200, wanted)
        assert (await client.get("/settings/vacation")).json() == wanted


async def test_a_colleague_finds_the_answer_in_their_inbox(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        await put(ann, "/settings/vacation", {"is_on": True, "text": "Away."})
        sent = await bo.post(
            "/emails/send", json={"to": ["ann@shop.example"], "subject": "Lunch?", "body": "x"}
        )
        assert sent.status_code == 202
        [line] = (await bo.get("/folders/inbox/emails")).json()["emails"]
        assert line["subject"] == "Auto: Lunch?"


async def test_forwarding_is_set_and_done(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        wanted = {"is_on": True, "addresses": ["bo@shop.example"], "keeps_copy": False}
        answer = await put(ann, "/settings/forwarding", wanted)
        assert (answer.status_code, answer.json()) == (200, wanted)
        assert (await ann.get("/settings/forwarding")).json() == wanted
        await desk.receive("A pump")
        assert (await ann.get("/folders/inbox/emails")).json()["total_count"] == 0
        [line] = (await bo.get("/folders/inbox/emails")).json()["emails"]
        assert line["subject"] == "A pump"


@memory_alone
@pytest.mark.parametrize(
    ("path", "given", "pointer"),
    [
        ("vacation", {"is_on": True}, "/text"),
        ("vacation", {"is_on": True, "text": "x", "days": 0}, "/days"),
        (
            "vacation",
            {
                "is_on": True,
                "text": "x",
                "starts_at": "2026-02-01T00:00:00Z",
                "ends_at": "2026-01-01T00:00:00Z",
            },
            "/ends_at",
        ),
        ("forwarding", {"is_on": True}, "/addresses"),
        ("forwarding", {"is_on": True, "addresses": ["x@y.example", "nobody"]}, "/addresses/1"),
        ("forwarding", {"is_on": True, "addresses": ["Ann+x@shop.example"]}, "/addresses/0"),
    ],
)
async def test_what_makes_no_sense_is_told_field_by_field(
    a_desk: Desks, path: str, given: dict[str, Any], pointer: str
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        answer = await put(client, f"/settings/{path}", given)
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


async def put(client: httpx.AsyncClient, path: str, body: Any, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.put(path, json=body, headers=named)


def kind(answer: httpx.Response) -> str:
    return answer.json()["type"].rpartition(":")[2]
