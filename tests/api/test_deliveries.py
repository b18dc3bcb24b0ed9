"""What became of mail to other systems, and suppression lists, by the API."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_mailbox import got
from tests.services import AT
from topologies.events import DeliveryAttempted, DeliveryDue, RecipientResult
from topologies.mail import ids
from topologies.ports.suppressions import Suppression


async def test_a_sender_sees_what_became_of_each_recipient(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Sent before")
        await desk.deliveries.tell(await attempted(desk, email_id))
        told = await got(await desk.signed_in("ann"), f"/emails/{email_id}/delivery")
        [delivery] = told["deliveries"]
        assert (delivery["destination"], delivery["state"]) == ("far.example", "deferred")
        bea, bo = delivery["recipients"]
        assert (bea["state"], bea["next_try_at"]) == ("deferred", "2026-03-01T12:05:00Z")
        assert (bo["state"], bo["meaning"]) == ("failed", "The mailbox does not exist.")
        assert (bo["code"], bo["enhanced"], bo["host"]) == (550, "5.1.1", "mx.far.example")
        assert "user_id" not in delivery


async def test_of_another_user_s_mail_nothing_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Of ann")
        await desk.deliveries.tell(await attempted(desk, email_id))
        bo = await desk.signed_in("bo")
        assert (await bo.get(f"/emails/{email_id}/delivery")).status_code == 404
        assert (await desk.stranger().get(f"/emails/{email_id}/delivery")).status_code == 401


async def test_a_receiver_is_told_nothing_of_the_sender_s_other_recipients(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("To both", to="bo")
        of_ann = await attempted(desk, email_id, user="ann")
        await desk.deliveries.tell(of_ann)
        told = await got(await desk.signed_in("bo"), f"/emails/{email_id}/delivery")
        assert told["deliveries"] == []


async def test_a_mail_that_went_to_no_other_system_has_no_deliveries(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Hello")
        told = await got(await desk.signed_in("ann"), f"/emails/{email_id}/delivery")
        assert told == {"email_id": email_id, "deliveries": []}


async def test_the_queue_is_listed_counted_and_ordered_about(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Waits")
        waiting = await attempted(desk, email_id)
        await desk.deliveries.tell(waiting)
        root = await desk.signed_in("root")
        mine = f"user_id={waiting.user_id}"
        listed = await got(root, f"/admin/queue?{mine}&destination=FAR.example")
        [line] = listed["deliveries"]
        assert (line["sender"], line["order"]) == ("ann@shop.example", "go")
        assert (listed["has_more"], listed["next_cursor"]) == (False, None)
        counts = await got(root, f"/admin/queue/counts?{mine}")
        assert (counts["count"], counts["is_complete"]) == (1, True)
        [count] = counts["destinations"]
        assert (count["by_age"]["1h"], count["reason"]) == (1, "Mailbox busy")
        place = f"/admin/queue/{waiting.delivery_id}"
        for word, state, tried in (
            ("hold", "held", []),
            ("release", "deferred", [waiting.delivery_id]),
            ("retry", "deferred", [waiting.delivery_id] * 2),
            ("cancel", "deferred", [waiting.delivery_id] * 3),
        ):
            answer = await root.post(f"{place}/order", json={"order": word})
            assert answer.status_code == 200, answer.text
            assert (await got(root, place))["state"] == state
            assert desk.tried_now == tried
        assert (await got(root, place))["order"] == "cancel"
        assert (await got(root, f"/admin/queue?{mine}&older_than_s=60"))["deliveries"] == []


async def test_nothing_is_ordered_about_what_is_done_or_is_not_there(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Done")
        done = await attempted(desk, email_id, state="failed")
        await desk.deliveries.tell(done)
        root = await desk.signed_in("root")
        for word in ("retry", "hold"):
            answer = await root.post(f"/admin/queue/{done.delivery_id}/order", json={"order": word})
            assert answer.status_code == 409
        answer = await root.post("/admin/queue/nothing/order", json={"order": "hold"})
        assert answer.status_code == 404
        answer = await root.post(f"/admin/queue/{done.delivery_id}/order", json={"order": "x"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/order")


async def test_deliveries_are_rerouted_one_and_all(a_desk: Desks) -> None:
    async with a_desk() as desk:
        waiting = await attempted(desk, await desk.receive("Waits"))
        await desk.deliveries.tell(waiting)
        root = await desk.signed_in("root")
        place = f"/admin/queue/{waiting.delivery_id}"
        one = {"order": "reroute", "via": "Relay.example:2525"}
        answer = await root.post(f"{place}/order", json=one)
        assert (answer.status_code, answer.json()["is_tried_now"]) == (200, True)
        assert (await got(root, place))["via"] == "relay.example:2525"
        every = {"order": "reroute", "user_id": waiting.user_id, "destination": "far.example"}
        answer = await root.post("/admin/queue/orders", json=every)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "order": "reroute",
            "delivery_ids": [waiting.delivery_id],
            "tried_now": 1,
            "has_more": False,
            "next_cursor": None,
        }
        assert (await got(root, place))["via"] == ""
        held = await root.post("/admin/queue/orders", json={**every, "order": "hold"})
        assert held.json()["tried_now"] == 0
        assert (await got(root, place))["state"] == "held"


async def test_what_is_no_host_or_no_order_is_told_with_its_place(a_desk: Desks) -> None:
    async with a_desk() as desk:
        waiting = await attempted(desk, await desk.receive("Waits"))
        await desk.deliveries.tell(waiting)
        root = await desk.signed_in("root")
        for path in (f"/admin/queue/{waiting.delivery_id}/order", "/admin/queue/orders"):
            for body, pointer in (
                ({"order": "reroute", "via": "no host"}, "/via"),
                ({"order": "hold", "via": "relay.example"}, "/via"),
                ({"order": "dance"}, "/order"),
            ):
                answer = await root.post(path, json=body)
                assert answer.status_code == 422, answer.text
                assert answer.json()["errors"][0]["pointer"] == pointer
        answer = await root.post("/admin/queue/orders", json={"order": "hold", "cursor": "x"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/cursor")


async def test_the_queue_is_for_administrators(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        for path in ("/admin/queue", "/admin/queue/counts", "/admin/queue/x"):
            assert (await ann.get(path)).status_code == 403
        assert (await ann.get("/admin/suppressions")).status_code == 403


async def test_a_user_keeps_a_list_of_whom_not_to_write_to(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        answer = await ann.post(
            "/suppressions", json={"target": "Cy@Far.example", "detail": "asked me to", "days": 7}
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["target"] == "cy@far.example"
        assert (await ann.post("/suppressions", json={"target": "@bücher.example"})).json()[
            "target"
        ] == "@xn--bcher-kva.example"
        listed = await got(ann, "/suppressions")
        assert [each["target"] for each in listed["suppressions"]] == [
            "@xn--bcher-kva.example",
            "cy@far.example",
        ]
        assert (await got(bo, "/suppressions"))["suppressions"] == []
        assert (await bo.delete("/suppressions/cy@far.example")).status_code == 404
        assert (await ann.delete("/suppressions/CY@far.example")).status_code == 204
        assert (await ann.delete("/suppressions/cy@far.example")).status_code == 404
        assert (await ann.delete("/suppressions/nonsense")).status_code == 404


@pytest.mark.parametrize("target", ["a/b@far.example", "50%41off@far.example"])
@memory_alone
async def test_an_address_that_means_something_in_a_path_is_written_to_again(
    a_desk: Desks, target: str
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in("root")
        for path in ("/suppressions", "/admin/suppressions"):
            await client.post(path, json={"target": target})
            gone = await client.delete(f"{path}/{quote(target, safe='')}")
            assert gone.status_code == 204
            assert (await got(client, path))["suppressions"] == []


async def test_what_is_no_address_gets_on_no_list(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        for target in ("nonsense", "@", "a@b@c", "a b@far.example"):
            answer = await ann.post("/suppressions", json={"target": target})
            assert answer.status_code == 422, (target, answer.text)
            assert answer.json()["errors"][0]["pointer"] == "/target"
        assert (await ann.get("/suppressions?cursor=nonsense")).status_code == 400


async def test_an_administrator_keeps_a_list_for_all(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        user = await desk.user("ann")
        await desk.suppressions.add(
            Suppression(owner=user.user_id, target="cy@far.example", reason="bounce", since=AT)
        )
        assert (await root.post("/admin/suppressions", json={"target": "@spam.example"})).is_success
        everybody = await got(root, "/admin/suppressions")
        assert "@spam.example" in [each["target"] for each in everybody["suppressions"]]
        of_ann = await got(root, f"/admin/suppressions?owner={user.user_id}")
        assert [each["reason"] for each in of_ann["suppressions"]] == ["bounce"]
        gone = await root.delete(f"/admin/suppressions/cy@far.example?owner={user.user_id}")
        assert gone.status_code == 204
        assert (await root.delete("/admin/suppressions/@spam.example")).status_code == 204


async def attempted(
    desk: Desk, email_id: str, *, user: str = "ann", state: Any = "deferred"
) -> DeliveryAttempted:
    email = None
    for name in ("ann", "bo"):
        owner = await desk.user(name)
        email = email or await desk.mailboxes.email(owner.user_id, email_id)
    assert email is not None
    due = DeliveryDue(
        delivery_id=ids.new_id(AT),
        mail_id=email.mail_id,
        user_id=(await desk.user(user)).user_id,
        submitted_at=AT,
        mail_from="ann@shop.example",
        destination="far.example",
        recipients=("bea@far.example", "bo@far.example"),
        size_bytes=1,
        due_at=AT,
    )
    fields = (name for name in DeliveryAttempted.__struct_fields__ if hasattr(due, name))
    known: dict[str, Any] = {name: getattr(due, name) for name in fields}
    return DeliveryAttempted(
        **known,
        attempted_at=AT,
        next_try_at=AT + timedelta(minutes=5),
        results=(
            RecipientResult(
                recipient="bea@far.example",
                status=state,
                code=450,
                enhanced="4.2.1",
                text="Mailbox busy",
                host="mx.far.example",
            ),
            RecipientResult(
                recipient="bo@far.example",
                status="failed",
                code=550,
                enhanced="5.1.1",
                text="No such user",
                host="mx.far.example",
            ),
        ),
    )
