"""Senders whose mail one does not want to see, by the API."""

from urllib.parse import quote

import pytest

from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got


async def test_a_blocked_sender_s_mail_goes_to_spam_until_they_are_unblocked(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        assert (await got(ann, "/settings/blocked"))["blocked"] == []
        answer = await ann.post("/settings/blocked", json={"target": "Zoe@Far.example"})
        assert answer.status_code == 201, answer.text
        assert (answer.json()["target"], answer.json()["into"]) == ("zoe@far.example", "spam")
        first = await desk.receive("Not wanted")
        assert (await got(ann, f"/emails/{first}"))["folder_id"] == "spam"
        assert (await got(ann, f"/emails/{first}"))["note"] == "you have blocked zoe@far.example"

        whole = {"target": "@far.example", "into": "trash"}
        assert (await ann.post("/settings/blocked", json=whole)).status_code == 201
        listed = (await got(ann, "/settings/blocked"))["blocked"]
        assert [each["target"] for each in listed] == ["@far.example", "zoe@far.example"]
        assert (await ann.delete("/settings/blocked/zoe@far.example")).status_code == 204
        second = await desk.receive("Still not wanted")
        assert (await got(ann, f"/emails/{second}"))["folder_id"] == "trash"

        assert (await ann.delete("/settings/blocked/@far.example")).status_code == 204
        assert (await ann.delete("/settings/blocked/@far.example")).status_code == 404
        third = await desk.receive("Wanted again")
        assert (await got(ann, f"/emails/{third}"))["folder_id"] == "inbox"


async def test_who_is_blocked_is_one_s_own_affair(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        await ann.post("/settings/blocked", json={"target": "@far.example"})
        assert (await got(bo, "/settings/blocked"))["blocked"] == []
        assert (await bo.delete("/settings/blocked/@far.example")).status_code == 404
        email_id = await desk.receive("For bo", to="bo")
        assert (await got(bo, f"/emails/{email_id}"))["folder_id"] == "inbox"
        assert (await desk.stranger().get("/settings/blocked")).status_code == 401


@memory_alone
@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"target": "ann@shop.example"}, "/target"),
        ({"target": "nobody"}, "/target"),
        ({"target": "@"}, "/target"),
        ({"target": "x@far.example", "into": "inbox"}, "/into"),
    ],
)
async def test_what_can_t_be_blocked_is_told(
    a_desk: Desks, given: dict[str, str], pointer: str
) -> None:
    async with a_desk() as desk:
        answer = await (await desk.signed_in()).post("/settings/blocked", json=given)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("target", ["a/b@far.example", "50%41off@far.example"])
@memory_alone
async def test_an_address_that_means_something_in_a_path_is_unblocked(
    a_desk: Desks, target: str
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        await ann.post("/settings/blocked", json={"target": target})
        path = f"/settings/blocked/{quote(target, safe='')}"
        assert (await ann.delete(path)).status_code == 204
        assert (await got(ann, "/settings/blocked"))["blocked"] == []
