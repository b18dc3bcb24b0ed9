"""Webhooks by the API: made, changed, tried, switched off, and whose they are."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec

from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_mailbox import got
from tests.services import AT, DOMAIN
from topologies.events import WebhookDue
from topologies.mail.standard_webhooks import PREFIX
from topologies.ports.webhooks import MOST_OF_OWNER, WebhookAttempt

URL = "https://shop.example/hook"
ALL = [
    *("email.delivered", "email.deferred", "email.bounced", "email.complained"),
    *("email.suppressed", "sender.throttled", "sender.suspended"),
]


async def test_a_webhook_is_made_and_its_secret_told_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        made = await posted(ann, "/webhooks", {"url": "HTTPS://Shop.example/hook"})
        assert made["secret"].startswith(PREFIX)
        del made["secret"]
        assert (made["url"], made["events"], made["is_enabled"]) == (URL, ALL, True)
        assert await got(ann, f"/webhooks/{made['webhook_id']}") == made
        assert await got(ann, "/webhooks") == [made]


async def test_what_can_be_told_is_listed(a_desk: Desks) -> None:
    async with a_desk() as desk:
        listed = await got(await desk.signed_in("ann"), "/webhooks/event-types")
        assert [each["type"] for each in listed] == ALL
        assert all(each["meaning"] for each in listed)


async def test_another_s_webhook_is_not_there(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        path = f"/webhooks/{(await posted(ann, '/webhooks', {'url': URL}))['webhook_id']}"
        assert await got(bo, "/webhooks") == []
        for method, place in (
            *(("GET", path), ("DELETE", path), ("GET", f"{path}/attempts")),
            *(("POST", f"{path}/test"), ("POST", f"{path}/secret")),
        ):
            assert (await bo.request(method, place)).status_code == 404, (method, place)
        assert (await bo.patch(path, json={"is_enabled": False})).status_code == 404
        assert (await desk.stranger().get("/webhooks")).status_code == 401
        reader = await desk.signed_in("ann", scope="read")
        assert (await reader.post("/webhooks", json={"url": URL})).status_code == 403
        assert (await got(ann, path))["is_enabled"]


async def test_it_is_changed_switched_off_and_on_again_and_deleted(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        path = f"/webhooks/{(await posted(ann, '/webhooks', {'url': URL}))['webhook_id']}"
        changed = await patched(
            ann,
            path,
            events=["email.bounced", "email.delivered", "email.bounced"],
            description="orders",
        )
        assert changed["events"] == ["email.delivered", "email.bounced"]
        assert (changed["url"], changed["description"]) == (URL, "orders")
        off = await patched(ann, path, is_enabled=False)
        assert (off["is_enabled"], off["disabled_at"]) == (False, "2026-03-01T12:00:00Z")
        assert off["disabled_why"] == "its owner switched it off"
        assert await patched(ann, path, is_enabled=False) == off
        on = await patched(ann, path, is_enabled=True)
        assert (on["is_enabled"], on["disabled_at"], on["disabled_why"]) == (True, None, "")
        assert await got(ann, path) == on
        assert (await ann.delete(path)).status_code == 204
        assert (await ann.delete(path)).status_code == 404
        assert (await ann.get(path)).status_code == 404


async def test_who_failed_begins_anew_when_switched_on(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        webhook_id = (await posted(ann, "/webhooks", {"url": URL}))["webhook_id"]
        await failing(desk, webhook_id, times=3)
        await desk.webhooks.disable(await owner(desk), webhook_id, AT, "it answered 410 Gone")
        told = await got(ann, f"/webhooks/{webhook_id}")
        assert (told["disabled_why"], told["failures"]) == ("it answered 410 Gone", 3)
        assert told["failing_since"] == "2026-03-01T12:00:00Z"
        desk.clock.move(timedelta(hours=1))
        on = await patched(ann, f"/webhooks/{webhook_id}", is_enabled=True)
        assert (on["failing_since"], on["failures"]) == (None, 0)


async def test_the_last_attempts_are_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        webhook_id = (await posted(ann, "/webhooks", {"url": URL}))["webhook_id"]
        await failing(desk, webhook_id, times=3)
        told = await got(ann, f"/webhooks/{webhook_id}/attempts?limit=2")
        assert [each["message_id"] for each in told] == ["2", "1"]
        assert (told[0]["status"], told[0]["text"], told[0]["attempt"]) == (503, "busy", 1)
        for limit in ("0", "101", "x"):
            answer = await ann.get(f"/webhooks/{webhook_id}/attempts?limit={limit}")
            assert answer.status_code == 400


async def test_a_trial_is_on_its_way_and_seen_among_the_attempts(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        webhook_id = (await posted(ann, "/webhooks", {"url": URL}))["webhook_id"]
        answer = await ann.post(f"/webhooks/{webhook_id}/test")
        assert answer.status_code == 202, answer.text
        [message] = [each for each in desk.log.appended if isinstance(each, WebhookDue)]
        assert message.message_id == answer.json()["message_id"]
        assert msgspec.json.decode(message.body)["type"] == "webhook.test"
        [attempt] = await got(ann, f"/webhooks/{webhook_id}/attempts")
        assert (attempt["type"], attempt["status"]) == ("webhook.test", 204)


async def test_trials_are_limited(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        webhook_id = (await posted(ann, "/webhooks", {"url": URL}))["webhook_id"]
        for _ in range(30):
            assert (await ann.post(f"/webhooks/{webhook_id}/test")).status_code == 202
        answer = await ann.post(f"/webhooks/{webhook_id}/test")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_secret_is_replaced_and_the_old_one_signs_beside_it_for_a_day(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        made = await posted(ann, "/webhooks", {"url": URL})
        path = f"/webhooks/{made['webhook_id']}"
        answer = await ann.post(f"{path}/secret")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["old_signs_until"] == "2026-03-02T12:00:00Z"
        kept = await desk.webhooks.find(await owner(desk), made["webhook_id"])
        assert kept is not None
        assert [(each.text, each.until) for each in kept.secrets] == [
            (told["secret"], None),
            (made["secret"], AT + timedelta(days=1)),
        ]
        for _ in range(5):
            await ann.post(f"{path}/secret")
        kept = await desk.webhooks.find(await owner(desk), made["webhook_id"])
        assert kept is not None
        assert len(kept.secrets) == 4


@memory_alone
async def test_what_can_t_be_posted_to_is_refused_with_a_pointer(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        for body, pointer in (
            ({}, ""),
            ({"url": "http://shop.example/"}, "/url"),
            ({"url": "https://10.0.0.1/"}, "/url"),
            ({"url": ""}, "/url"),
            ({"url": URL, "events": []}, "/events"),
            ({"url": URL, "events": ["email.read"]}, "/events/0"),
            ({"url": URL, "description": "a\x00b"}, "/description"),
            ({"url": URL, "secret": "whsec_x"}, ""),
        ):
            answer = await ann.post("/webhooks", json=body)
            assert answer.status_code == 422, (body, answer.text)
            assert answer.json()["errors"][0].get("pointer", "") == pointer
        made = await posted(ann, "/webhooks", {"url": URL})
        answer = await ann.patch(f"/webhooks/{made['webhook_id']}", json={"url": "https://x/"})
        assert answer.json()["errors"][0]["pointer"] == "/url"
    async with a_desk(webhooks_to_private=True) as desk:
        ann = await desk.signed_in("ann")
        await posted(ann, "/webhooks", {"url": "http://127.0.0.1:8000/"})


async def test_so_many_are_made_and_no_more(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        for _ in range(MOST_OF_OWNER):
            await posted(ann, "/webhooks", {"url": URL})
        answer = await ann.post("/webhooks", json={"url": URL})
        assert answer.status_code == 409
        assert "remove one first" in answer.json()["detail"]


async def test_those_of_a_domain_are_the_administrators(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, root = await desk.signed_in("ann"), await desk.signed_in("root")
        whose = f"?domain={DOMAIN.upper()}"
        made = await posted(root, f"/webhooks{whose}", {"url": URL})
        path = f"/webhooks/{made['webhook_id']}"
        assert [each["webhook_id"] for each in await got(root, f"/webhooks{whose}")] == [
            made["webhook_id"]
        ]
        assert await got(root, "/webhooks") == []
        assert (await root.get(path)).status_code == 404
        assert (await root.get(path + whose)).status_code == 200
        for place in (f"/webhooks{whose}", path + whose):
            assert (await ann.get(place)).status_code == 403
        without = await desk.signed_in("root", scope="read send")
        assert (await without.get(f"/webhooks{whose}")).status_code == 403
        assert (await root.get("/webhooks?domain=a..b")).status_code == 400
        assert (await root.delete(path + whose)).status_code == 204


async def failing(desk: Desk, webhook_id: str, *, times: int) -> None:
    """Let messages have failed, a second after another."""
    for number in range(times):
        webhook = await desk.webhooks.find(await owner(desk), webhook_id)
        assert webhook is not None
        attempt = WebhookAttempt(
            webhook_id=webhook_id,
            message_id=str(number),
            type="email.bounced",
            attempt=1,
            attempted_at=AT + timedelta(seconds=number),
            status=503,
            text="busy",
        )
        await desk.webhooks.note(webhook, attempt)


async def owner(desk: Desk) -> str:
    return (await desk.user("ann")).user_id


async def posted(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def patched(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.patch(path, json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told
