"""Whom one wrote to, by the API."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got


async def test_whom_one_wrote_to_is_found_renamed_and_forgotten(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        await sent(ann, "Zoë Lund <zoe@far.example>", "al@far.example")
        await sent(ann, "zoe@far.example")
        [zoe, al] = (await got(ann, "/contacts"))["contacts"]
        assert zoe | {"last_used_at": ""} == {
            "address": "zoe@far.example",
            "name": "Zoë Lund",
            "use_count": 2,
            "last_used_at": "",
        }
        assert (al["address"], al["name"]) == ("al@far.example", "")
        for sought, found in (("lund", [zoe]), ("ZOE", [zoe]), ("far", [zoe, al]), ("bo", [])):
            assert (await got(ann, f"/contacts?q={sought}"))["contacts"] == found
        assert (await got(ann, "/contacts?limit=1"))["contacts"] == [zoe]

        named = await ann.put("/contacts/AL@far.example", json={"name": " Al\tBo "})
        assert (named.status_code, named.json()["name"]) == (200, "Al Bo")
        assert (await ann.delete("/contacts/al@far.example")).status_code == 204
        assert (await got(ann, "/contacts?q=al"))["contacts"] == []
        await sent(ann, "al@far.example")
        [al] = (await got(ann, "/contacts?q=al"))["contacts"]
        assert al["name"] == ""


@pytest.mark.parametrize(
    "address", ["a/b@far.example", "50%41off@far.example", "a?b#c@far.example", "a%2fb@far.example"]
)
@memory_alone
async def test_an_address_may_hold_what_means_something_in_a_path(
    a_desk: Desks, address: str
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        await sent(ann, address)
        path = f"/contacts/{quote(address, safe='')}"
        assert (await ann.put(path, json={"name": "Al"})).status_code == 200
        [al] = (await got(ann, "/contacts"))["contacts"]
        assert (al["address"], al["name"]) == (address, "Al")
        assert (await ann.delete(path)).status_code == 204
        assert (await got(ann, "/contacts"))["contacts"] == []


async def test_contacts_are_one_s_own(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await sent(await desk.signed_in("ann"), "zoe@far.example")
        bo = await desk.signed_in("bo")
        assert (await got(bo, "/contacts"))["contacts"] == []
        for answer in (
            await bo.put("/contacts/zoe@far.example", json={"name": "Z"}),
            await bo.delete("/contacts/zoe@far.example"),
            await bo.delete("/contacts/nonsense"),
        ):
            assert answer.status_code == 404
        assert (await desk.stranger().get("/contacts")).status_code == 401


async def test_what_does_not_fit_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        for query in ("limit=0", "limit=501", f"q={'x' * 321}", "name=x"):
            assert (await ann.get(f"/contacts?{query}")).status_code == 400
        answer = await ann.put("/contacts/a@b.example", json={"name": "x" * 201})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/name")


async def sent(client: httpx.AsyncClient, *to: str) -> None:
    people = [_person(each) for each in to]
    answer = await client.post("/emails/send", json={"to": people, "subject": "Hi", "body": "!"})
    assert answer.status_code == 202, answer.text


def _person(text: str) -> Any:
    name, _, address = text.rpartition(" <")
    return {"name": name, "address": address.rstrip(">")} if name else text
