"""Browsers subscribe, are told when a mail comes, and are told nothing when they unsubscribed."""

from typing import Any

import pytest

from tests.api.desk import Desks, memory_alone
from tests.push import Browser
from topologies.mail import push_messages as messages


async def test_a_browser_subscribes_once_however_often_it_says_so(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        client.headers["User-Agent"] = "a browser"
        public = (await client.get("/push/key")).json()["public_key"]
        assert messages.is_public_key(messages.decoded(public))
        assert (await client.get("/push/key")).json() == {"public_key": public}
        given = Browser().said()
        first = await client.post("/push/subscriptions", json=given)
        again = await client.post("/push/subscriptions", json=given | {"expirationTime": None})
        assert (first.status_code, again.status_code) == (201, 201)
        [kept] = (await client.get("/push/subscriptions")).json()
        assert kept == again.json()
        assert (kept["host"], kept["name"]) == ("push.example", "a browser")
        assert kept["subscription_id"] == first.json()["subscription_id"]
        assert given["endpoint"] not in str(kept)  # whoever knows it could send there


async def test_nobody_sees_or_removes_another_s(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        kept = (await ann.post("/push/subscriptions", json=Browser().said())).json()
        path = f"/push/subscriptions/{kept['subscription_id']}"
        assert (await bo.get("/push/subscriptions")).json() == []
        assert (await bo.delete(path)).status_code == 404
        assert (await ann.delete(path)).status_code == 204
        assert (await ann.delete(path)).status_code == 404
        assert (await ann.get("/push/subscriptions")).json() == []


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"endpoint": "http://push.example/1"}, "/endpoint"),
        ({"endpoint": "https://127.0.0.1/1"}, "/endpoint"),
        ({"endpoint": "https://me:secret@push.example/1"}, "/endpoint"),
        ({"keys": {"p256dh": "AAAA", "auth": "A" * 22}}, "/keys/p256dh"),
        ({"keys": {"p256dh": "!", "auth": "A" * 22}}, "/keys/p256dh"),
        ({"keys": {"p256dh": "KEY", "auth": "AAAA"}}, "/keys/auth"),
        ({"keys": {"p256dh": "KEY"}}, "/keys"),
        ({"endpoint": 7}, "/endpoint"),
    ],
)
@memory_alone
async def test_what_can_not_be_used_is_refused_with_a_pointer(
    a_desk: Desks, given: dict[str, Any], pointer: str
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        usable = Browser().said()
        asked = usable | given
        if asked["keys"]["p256dh"] == "KEY":
            asked["keys"]["p256dh"] = usable["keys"]["p256dh"]
        answer = await client.post("/push/subscriptions", json=asked)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
