"""What goes beyond a plain mail: others' systems, own fields, uploads, limits, later, undo."""

import asyncio
import email
import email.policy
import tracemalloc
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import httpx

from api.context import MESSAGES_BYTES
from connectors.memory.request_keys import MemoryRequestKeys
from tests.api.desk import DOMAIN, Desk, Desks, memory_alone
from tests.api.test_mailbox import got
from topologies.events import (
    HOLDS,
    Deliver,
    MailHeld,
    MailSubmitted,
)
from topologies.outbound.release import release
from topologies.ports.restraints import Restraint

BO = f"bo@{DOMAIN}"
TEXT = "x" * 100_000
ZOE = "zoe@far.example"


@memory_alone
async def test_mail_for_other_systems_is_taken(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        answer = await sent(ann, to=[ZOE, BO], bcc=["ida@bücher.example"], subject="x")
        [submitted] = submissions(desk)
        assert submitted.recipients == (ZOE, BO, "ida@xn--bcher-kva.example")
        assert (submitted.origin, submitted.stream, submitted.body_type) == (
            *("api", "default"),
            "7BIT",
        )
        assert (await got(ann, f"/emails/{answer['email_id']}"))["folder_id"] == "sent"


@memory_alone
async def test_an_address_beyond_ascii_is_told_to_whoever_delivers(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        await sent(ann, to=["jürgen@far.example"])
        [submitted] = submissions(desk)
        assert (submitted.smtputf8, submitted.body_type) == (True, "8BITMIME")


@memory_alone
async def test_own_fields_and_reply_to_are_in_the_message(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        await sent(
            ann,
            to=[ZOE],
            reply_to=[{"address": "team@far.example", "name": "Die Größten"}],
            headers={"X-Campaign": "März", "Auto-Submitted": "auto-generated"},
        )
        message = message_of(desk)
        assert message["X-Campaign"] == "März"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Reply-To"] == "Die Größten <team@far.example>"


@memory_alone
async def test_marketing_mail_can_be_ended_with_one_click(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        url = "https://shop.example/u?id=1&k=2"
        await sent(
            ann,
            to=[ZOE],
            stream="marketing",
            unsubscribe={"url": url, "mailto": "out@shop.example"},
        )
        message = message_of(desk)
        assert message["List-Unsubscribe"] == f"<{url}>, <mailto:out@shop.example>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert submissions(desk)[0].stream == "marketing"


@memory_alone
async def test_the_injections_of_old_are_told_field_by_field(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        body: dict[str, Any] = {
            "to": [BO],
            "subject": "Hi\r\nBcc: eve@evil.example\r\nX-Injected: yes",
            "headers": {"X-A": "1\nBcc: eve@evil.example", "X-B\r\nBcc": "eve@evil.example"},
            "reply_to": ['"a\r\nBcc: eve@evil.example" <ada@sender.example>'],
            "attachments": [{"file_name": 'a"\r\nX-Injected: 2\r\n.txt', "data": "eA=="}],
        }
        answer = await ann.post("/emails/send", json=body)
        assert answer.status_code == 422
        assert {each["pointer"] for each in answer.json()["errors"]} == {
            "/subject",
            "/headers/X-A",
            "/headers/X-B\r\nBcc",
            "/reply_to/0",
            "/attachments/0/file_name",
        }
        assert desk.log.appended == []


# --- uploads ------------------------------------------------------------------------------


async def test_a_file_is_uploaded_once_and_sent_by_its_id(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        answer = await uploaded(ann, b"\0" * 100_000, "größe.bin", "image/png")
        assert (answer["size"], answer["content_type"]) == (100_000, "image/png")
        file = {"attachment_id": answer["attachment_id"]}
        await sent(ann, to=[BO], attachments=[file, {**file, "file_name": "b.png"}])
        [line] = (await got(bo, "/folders/inbox/emails"))["emails"]
        files = (await got(bo, f"/emails/{line['email_id']}"))["attachments"]
        assert [(f["file_name"], f["content_type"], f["size"]) for f in files] == [
            ("größe.bin", "image/png", 100_000),
            ("b.png", "image/png", 100_000),
        ]


@memory_alone
async def test_an_upload_is_its_users_alone_and_for_a_day(a_desk: Desks) -> None:
    async with a_desk(token_hours=100) as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        answer = await uploaded(ann, b"x", "a.txt", "text/plain")
        files = [{"attachment_id": answer["attachment_id"]}]
        for client, moves in ((bo, timedelta()), (ann, timedelta(hours=25))):
            desk.clock.move(moves)
            refused = await client.post("/emails/send", json={"to": [BO], "attachments": files})
            assert refused.status_code == 422
            [error] = refused.json()["errors"]
            assert error["pointer"] == "/attachments/0/attachment_id"


@memory_alone
async def test_an_upload_that_is_too_large_or_no_file_is_refused(a_desk: Desks) -> None:
    async with a_desk(max_message_bytes=1_000) as desk:
        ann = await desk.signed_in()
        for query, kind, status in (
            ({"file_name": "a"}, "text/plain", 413),
            ({}, "text/plain", 400),
            ({"file_name": "a\r\nb"}, "text/plain", 400),
            ({"file_name": "a"}, "no type", 400),
        ):
            answer = await ann.post(
                "/attachments",
                params=query,
                content=b"x" * 1_001,
                headers={"Content-Type": kind},
            )
            assert answer.status_code == status, answer.text


@memory_alone
async def test_files_that_are_too_large_together_are_refused_before_they_are_read(
    a_desk: Desks,
) -> None:
    async with a_desk(max_message_bytes=1_000_000) as desk:
        ann = await desk.signed_in()
        answer = await uploaded(ann, b"x" * 400_000, "a.bin", "application/pdf")
        files = [{"attachment_id": answer["attachment_id"]}] * 200
        tracemalloc.start()
        refused = await ann.post("/emails/send", json={"to": [BO], "attachments": files})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert refused.status_code == 413
        assert peak < 10_000_000  # 80 MB, and all that is made of them
        assert submissions(desk) == []


@memory_alone
async def test_large_mails_wait_for_room_in_memory_and_small_ones_pass_them(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        file = await uploaded(ann, b"x" * 200_000, "a.bin", "application/pdf")
        by_id = {"to": [BO], "attachments": [{"attachment_id": file["attachment_id"]}]}
        draft = (await ann.post("/drafts", json=by_id)).json()
        async with asyncio.TaskGroup() as sending, desk.room.taken(MESSAGES_BYTES):
            waiting = [
                sending.create_task(ann.post("/emails/send", json=by_id)),
                sending.create_task(ann.post("/emails/send", json={"to": [BO], "body": TEXT})),
                sending.create_task(ann.post(f"/drafts/{draft['draft_id']}/send")),
            ]
            await sent(ann, to=[BO], body="small")
            await asyncio.sleep(0.1)
            assert not any(each.done() for each in waiting)
            begun = sending.create_task(ann.post("/drafts", json={"body": TEXT}))
        assert [each.result().status_code for each in waiting] == [202] * 3
        assert begun.result().status_code == 201


# --- how much -----------------------------------------------------------------------------


@memory_alone
async def test_what_is_left_is_told_and_one_too_many_is_refused_until_later(
    a_desk: Desks,
) -> None:
    async with a_desk(user_sends_per_hour=3, user_sends_per_day=0) as desk:
        ann = await desk.signed_in()
        left: list[str] = []
        for _ in range(2):
            answer = await ann.post("/emails/send", json={"to": [BO]})
            assert answer.headers["RateLimit-Policy"] == '"user";q=3;w=3600'
            left.append(answer.headers["RateLimit"])
        assert left == ['"user";r=2', '"user";r=1']
        many = await ann.post("/emails/send", json={"to": [f"z{n}@far.example" for n in range(11)]})
        assert many.status_code == 429  # more than ten recipients count twice
        assert (await ann.post("/emails/send", json={"to": [BO]})).status_code == 202
        refused = await ann.post("/emails/send", json={"to": [BO]})
        assert (refused.status_code, refused.json()["type"]) == (
            429,
            "urn:rillmail:problem:too-much-mail",
        )
        wait_s = int(refused.headers["Retry-After"])
        assert refused.headers["RateLimit"] == f'"user";r=0;t={wait_s}'
        assert len(submissions(desk)) == 3
        desk.clock.move(timedelta(seconds=wait_s))
        assert (await ann.post("/emails/send", json={"to": [BO]})).status_code == 202


@memory_alone
async def test_who_is_throttled_may_send_a_tenth_and_who_is_suspended_nothing(
    a_desk: Desks,
) -> None:
    async with a_desk(user_sends_per_hour=20, user_sends_per_day=0) as desk:
        ann, user = await desk.signed_in(), await desk.user("ann")
        throttled = Restraint(
            user_id=user.user_id,
            kind="throttled",
            since=desk.clock.now(),
            reason="spam was sent",
            until=desk.clock.now() + timedelta(days=1),
        )
        await desk.restraints.put(throttled)
        statuses = [
            (await ann.post("/emails/send", json={"to": [BO]})).status_code for _ in range(3)
        ]
        assert statuses == [202, 202, 429]
        await desk.restraints.put(
            Restraint(
                user_id=user.user_id,
                kind="suspended",
                since=desk.clock.now(),
                reason="spam was sent",
            )
        )
        refused = await ann.post("/emails/send", json={"to": [BO]})
        assert refused.status_code == 403
        assert refused.json()["type"] == "urn:rillmail:problem:sending-suspended"
        assert "spam was sent" in refused.json()["detail"]


# --- later, and undone --------------------------------------------------------------------


async def test_a_mail_for_later_waits_and_can_be_taken_back_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        due_at = desk.clock.now() + timedelta(hours=9)
        answer = await sent(ann, to=[BO], subject="later", send_at=due_at.isoformat())
        assert (answer["status"], answer["undo_until"]) == ("scheduled", "2026-03-01T21:00:00Z")
        [held] = [event for event in desk.log.appended if isinstance(event, MailHeld)]
        assert (held.due_at, held.submitted_at) == (due_at, due_at)
        assert not [event for event in desk.log.appended if isinstance(event, Deliver)]
        for _ in range(2):
            gone = await ann.delete(f"/emails/{answer['email_id']}/send")
            assert gone.status_code == 204
        desk.clock.move(timedelta(hours=10))
        await desk.log.append([held])  # as the timer brings it back
        assert (await got(ann, "/folders/sent/emails"))["total_count"] == 0


async def test_what_was_sent_can_not_be_taken_back(a_desk: Desks) -> None:
    async with a_desk(undo_s=30, token_hours=100) as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        answer = await sent(ann, to=[BO], subject="soon")
        assert answer["undo_until"] == "2026-03-01T12:00:30Z"
        [held] = [event for event in desk.log.appended if isinstance(event, MailHeld)]
        desk.clock.move(timedelta(seconds=30))
        await desk.log.append([held])
        late = await ann.delete(f"/emails/{answer['email_id']}/send")
        assert (late.status_code, late.json()["type"]) == (409, "urn:rillmail:problem:sent")
        assert (await got(ann, "/folders/sent/emails"))["total_count"] == 1
        at_once = await sent(ann, to=[BO], undo_s=0)
        assert (at_once["status"], at_once["undo_until"]) == ("queued", None)
        late = await ann.delete(f"/emails/{at_once['email_id']}/send")
        assert late.status_code == 409
        assert (await bo.delete(f"/emails/{answer['email_id']}/send")).status_code == 404
        assert (await ann.delete("/emails/nothing/send")).status_code == 404


async def test_a_key_makes_one_mail_for_later_and_taken_back_it_stays_so(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        key = {"Idempotency-Key": "k-1"}
        body = {"to": [BO], "subject": "later", "undo_s": 60}
        first = await ann.post("/emails/send", json=body, headers=key)
        assert first.status_code == 202
        await ann.delete(f"/emails/{first.json()['email_id']}/send")
        desk.clock.move(timedelta(minutes=5))
        again = await ann.post("/emails/send", json=body, headers=key)
        assert again.json() == first.json()
        assert (await got(ann, "/folders/sent/emails"))["total_count"] == 0


@memory_alone
async def test_what_waits_long_waits_in_long_steps(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        due_at = desk.clock.now() + timedelta(hours=9)
        await sent(ann, to=[BO], send_at=due_at.isoformat())
        [held] = [event for event in desk.log.appended if isinstance(event, MailHeld)]
        waits: list[float] = []
        while True:
            [event] = await release(
                held,
                clock=desk.clock,
                directory=desk.directory,
                request_keys=desk.request_keys,
            )
            if isinstance(event, MailSubmitted) and not isinstance(event, MailHeld):
                break
            [wait] = [wait for wait, kind in HOLDS.items() if type(event) is kind]
            waits.append(wait.total_seconds())
            desk.clock.move(wait)
        assert waits == [4 * 3600, 4 * 3600, 1800, 1800]
        assert desk.clock.now() == due_at


@memory_alone
async def test_what_waits_of_a_user_who_is_deleted_meanwhile_does_not_go_out(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        due_at = desk.clock.now() + timedelta(hours=9)
        await sent(ann, to=[BO], send_at=due_at.isoformat())
        [held] = [event for event in desk.log.appended if isinstance(event, MailHeld)]
        desk.clock.move(timedelta(hours=9))
        keys = MemoryRequestKeys()

        [event] = await release(held, clock=desk.clock, directory=desk.directory, request_keys=keys)
        await desk.directory.delete_user(held.user_id)
        gone = await release(
            held, clock=desk.clock, directory=desk.directory, request_keys=desk.request_keys
        )

        assert type(event) is MailSubmitted
        assert gone == []


# --- app passwords ------------------------------------------------------------------------


@memory_alone
async def test_an_app_password_is_told_once_listed_and_removed(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        made = await ann.post("/app-passwords", json={"name": "phone"})
        assert made.status_code == 201
        assert made.json()["username"] == f"ann@{DOMAIN}"
        [listed] = await got(ann, "/app-passwords")
        assert listed == {k: made.json()[k] for k in ("password_id", "name", "created_at")}
        assert await got(bo, "/app-passwords") == []
        path = f"/app-passwords/{listed['password_id']}"
        assert (await bo.delete(path)).status_code == 404
        assert [(await ann.delete(path)).status_code for _ in range(2)] == [204, 404]
        bad = await ann.post("/app-passwords", json={"name": "a\nb"})
        assert bad.json()["errors"][0]["pointer"] == "/name"


# --- builders -----------------------------------------------------------------------


async def sent(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/emails/send", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def uploaded(
    client: httpx.AsyncClient, content: bytes, name: str, kind: str
) -> dict[str, Any]:
    answer = await client.post(
        "/attachments",
        params={"file_name": name},
        content=content,
        headers={"Content-Type": kind},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def submissions(desk: Desk) -> list[MailSubmitted]:
    return [event for event in desk.log.appended if type(event) is MailSubmitted]


def message_of(desk: Desk) -> EmailMessage:
    raw = submissions(desk)[0].raw
    assert raw is not None
    return email.message_from_bytes(raw, policy=email.policy.default)
