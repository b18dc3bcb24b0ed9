"""Sending: what is sent arrives once for each, and what can't be sent is told field by field."""

import asyncio
import base64
import email
import email.policy
from typing import Any

import httpx
import pytest

from tests.api.desk import DOMAIN, Desks, memory_alone
from tests.api.test_mailbox import got
from topologies.errors import Retryable
from topologies.events import MailSubmitted

BO = f"bo@{DOMAIN}"


async def test_a_mail_that_is_sent_arrives_and_lies_in_sent(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        answer = await ann.post(
            "/emails/send",
            json={
                "to": [{"address": BO, "name": "Bo, the boss"}],
                "cc": [f"Ann@{DOMAIN}"],
                "subject": "Grüße",
                "body": "Hello\n.\nBo",
                "html": "<p>Hello</p>",
                "attachments": [{"file_name": "ü.txt", "data": base64.b64encode(b"hi").decode()}],
            },
        )
        assert answer.status_code == 202
        sent = await got(ann, f"/emails/{answer.json()['email_id']}")
        assert (sent["folder_id"], sent["is_read"], sent["subject"]) == ("sent", True, "Grüße")
        [line] = (await got(bo, "/folders/inbox/emails"))["emails"]
        mail = await got(bo, f"/emails/{line['email_id']}")
        assert mail["from"] == {"address": f"ann@{DOMAIN}", "name": "Ann"}
        assert mail["to"] == [{"address": BO, "name": "Bo, the boss"}]
        assert mail["body"].split() == ["Hello", ".", "Bo"]
        assert (mail["html"], mail["attachments"][0]["file_name"]) == ("<p>Hello</p>\n", "ü.txt")
        assert mail["authentication"]["is_signed_in"]
        # Who writes to themselves has two copies, and deleting one leaves the other.
        [own] = (await got(ann, "/folders/inbox/emails"))["emails"]
        assert own["email_id"] != answer.json()["email_id"]


async def test_bcc_is_seen_by_the_sender_alone(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        root = await desk.signed_in("root")
        answer = await sent(ann, to=[BO], bcc=[f"root@{DOMAIN}"])
        mine = await got(ann, f"/emails/{answer['email_id']}")
        assert [each["address"] for each in mine["bcc"]] == [f"root@{DOMAIN}"]
        for other in (bo, root):
            [line] = (await got(other, "/folders/inbox/emails"))["emails"]
            assert (await got(other, f"/emails/{line['email_id']}"))["bcc"] == []
            raw = (await other.get(f"/emails/{line['email_id']}/raw")).text
            assert "root@" not in raw


async def test_an_answer_refers_to_the_mail_it_answers(a_desk: Desks) -> None:
    async with a_desk() as desk:
        first = await desk.receive("Lunch")
        ann = await desk.signed_in()
        answer = await sent(ann, to=[BO], in_reply_to=first)
        mine = await got(ann, f"/emails/{answer['email_id']}")
        assert (mine["in_reply_to"], mine["references"]) == (["Lunch@far.example"],) * 2
        assert mine["thread_id"] == (await got(ann, f"/emails/{first}"))["thread_id"]
        again = await sent(ann, to=[BO], in_reply_to=answer["email_id"])
        mine = await got(ann, f"/emails/{again['email_id']}")
        assert mine["references"][0] == "Lunch@far.example"
        assert len(mine["references"]) == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/to"),
        ({"to": ["no address"]}, "/to/0"),
        ({"to": [BO, "x@far..example"]}, "/to/1"),
        ({"to": [f"nobody@{DOMAIN}"]}, "/to/0"),
        ({"to": [BO], "cc": ["a\r\nBcc: eve@far.example"]}, "/cc/0"),
        ({"to": [{"address": BO, "name": "x\r\nBcc: eve"}]}, "/to/0/name"),
        ({"to": [BO], "subject": "x\nBcc: eve@far.example"}, "/subject"),
        ({"to": [BO], "subject": "x\x00"}, "/subject"),
        ({"to": [BO], "subject": "x\u2028Bcc: eve"}, "/subject"),
        ({"to": [BO], "from": BO}, "/from"),
        ({"to": [BO], "from": {"address": f"ann@{DOMAIN}", "name": "x\rBcc: e"}}, "/from/name"),
        ({"to": [BO], "in_reply_to": "<a@b>\r\nBcc: eve"}, "/in_reply_to"),
        ({"to": [BO], "in_reply_to": "nothing"}, "/in_reply_to"),
        (
            {"to": [BO], "attachments": [{"file_name": "a\r\nb", "data": ""}]},
            "/attachments/0/file_name",
        ),
        (
            {
                "to": [BO],
                "attachments": [{"file_name": "a", "data": "", "content_type": "a/b\r\nc"}],
            },
            "/attachments/0/content_type",
        ),
        ({"to": [BO], "attachments": [{"file_name": "a", "data": "?"}]}, "/attachments/0/data"),
        ({"to": [BO], "nothing": 1}, ""),
        ({"to": [BO], "headers": {"X": "y"}}, "/headers/X"),
        ({"to": [BO], "headers": {"X-A": "1\nBcc: eve@evil.example"}}, "/headers/X-A"),
        ({"to": [BO], "headers": {"X-B\r\nBcc": "e"}}, "/headers/X-B\r\nBcc"),
        ({"to": [BO], "headers": {"X-A/~": "e"}}, "/headers/X-A~1~0"),
        ({"to": [BO], "headers": {"bcc": "eve@evil.example"}}, "/headers/bcc"),
        ({"to": [BO], "headers": {"DKIM-Signature": "x"}}, "/headers/DKIM-Signature"),
        ({"to": [BO], "headers": {"X-Spam-Flag": "NO"}}, "/headers/X-Spam-Flag"),
        ({"to": [BO], "headers": {"X-A": "1", "x-a": "2"}}, "/headers/x-a"),
        ({"to": [BO], "headers": {"X-A": ""}}, "/headers/X-A"),
        ({"to": [BO], "reply_to": ["a\r\nBcc: eve@evil.example"]}, "/reply_to/0"),
        ({"to": [BO], "reply_to": [{"address": BO, "name": "a\r\nb"}]}, "/reply_to/0/name"),
        ({"to": [BO], "stream": "marketing"}, "/unsubscribe"),
        ({"to": [BO], "stream": "other"}, "/stream"),
        ({"to": [BO], "unsubscribe": {"url": "http://a.example"}}, "/unsubscribe/url"),
        ({"to": [BO], "unsubscribe": {"url": "https://a.example/\r\nx"}}, "/unsubscribe/url"),
        (
            {"to": [BO], "unsubscribe": {"url": "https://a.example/", "mailto": "x"}},
            "/unsubscribe/mailto",
        ),
        ({"to": [BO], "send_at": "2026-03-01T13:00:00"}, "/send_at"),
        ({"to": [BO], "send_at": "2027-03-01T13:00:00Z"}, "/send_at"),
        ({"to": [BO], "undo_s": 121}, "/undo_s"),
        ({"to": [BO], "attachments": [{"file_name": "a"}]}, "/attachments/0"),
        ({"to": [BO], "attachments": [{"data": ""}]}, "/attachments/0/file_name"),
        (
            {"to": [BO], "attachments": [{"attachment_id": "x.y"}]},
            "/attachments/0/attachment_id",
        ),
        ({"to": BO}, "/to"),
        ({"to": [BO], "subject": "x" * 2_001}, "/subject"),
        ({"to": [BO] * 101}, "/to"),
    ],
)
@memory_alone
async def test_what_can_t_be_sent_is_told_by_its_field(
    a_desk: Desks, body: dict[str, Any], pointer: str
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        answer = await ann.post("/emails/send", json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0].get("pointer", "") == pointer
        assert desk.log.appended == []


@memory_alone
async def test_all_that_is_wrong_is_told_at_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        body = {"to": ["x", BO], "cc": ["y@@far.example"], "subject": "a\nb"}
        answer = await ann.post("/emails/send", json=body)
        assert [e["pointer"] for e in answer.json()["errors"]] == ["/to/0", "/cc/0", "/subject"]


async def test_a_key_makes_one_mail_of_many_requests(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        key = {"Idempotency-Key": "k-1"}
        body = {"to": [BO], "subject": "once"}
        answers = await asyncio.gather(
            *(ann.post("/emails/send", json=body, headers=key) for _ in range(5))
        )
        again = await ann.post("/emails/send", json=body, headers=key)
        assert {answer.status_code for answer in (*answers, again)} <= {202, 409}
        done = {answer.text for answer in (*answers, again) if answer.status_code == 202}
        assert done == {again.text}
        assert (await got(bo, "/folders/inbox/emails"))["total_count"] == 1
        assert (await got(ann, "/folders/sent/emails"))["total_count"] == 1
        other = await ann.post("/emails/send", json=body | {"subject": "twice"}, headers=key)
        assert (other.status_code, other.json()["type"]) == (422, "urn:rillmail:problem:key-reused")
        mine = await bo.post("/emails/send", json=body, headers=key)
        assert mine.status_code == 202  # a key is one user's
        bad = await ann.post("/emails/send", json=body, headers={"Idempotency-Key": "a b"})
        assert (bad.status_code, bad.json()["errors"][0]["parameter"]) == (400, "Idempotency-Key")


async def test_what_was_sent_is_told_again_whatever_happened_since(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.user("bo")
        key = {"Idempotency-Key": "k-1"}
        body = {"to": [BO], "subject": "once"}
        first = await ann.post("/emails/send", json=body, headers=key)
        await desk.directory.delete_user(bo.user_id)
        await desk.directory.change_user((await desk.user("ann")).user_id, quota_bytes=1)
        again = await ann.post("/emails/send", json=body, headers=key)
        assert (again.status_code, again.json()) == (202, first.json())
        other = await ann.post("/emails/send", json=body, headers={"Idempotency-Key": "k-2"})
        assert other.status_code == 422


async def test_a_request_that_failed_before_anything_was_written_is_made_good_by_the_next(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        key = {"Idempotency-Key": "k-1"}
        body = {"to": [BO], "subject": "once"}
        desk.log.error = Retryable("log.db is locked")
        assert (await ann.post("/emails/send", json=body, headers=key)).status_code == 503
        desk.log.error = None
        assert (await ann.post("/emails/send", json=body, headers=key)).status_code == 202
        assert (await ann.post("/emails/send", json=body, headers=key)).status_code == 202
        assert (await got(bo, "/folders/inbox/emails"))["total_count"] == 1


async def test_without_a_key_each_request_is_a_mail(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        assert (await sent(ann, to=[BO]))["email_id"] != (await sent(ann, to=[BO]))["email_id"]


async def test_a_user_may_write_as_any_address_that_leads_to_them_alone(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.directory.add_alias(f"sales@{DOMAIN}", [f"ann@{DOMAIN}"])
        ann = await desk.signed_in()
        for sender in (f"sales@{DOMAIN}", f"ann+shop@{DOMAIN}"):
            answer = await sent(ann, to=[BO], **{"from": sender})
            mine = await got(ann, f"/emails/{answer['email_id']}")
            assert mine["from"]["address"] == sender
        refused = await ann.post("/emails/send", json={"to": [BO], "from": f"all@{DOMAIN}"})
        assert refused.status_code == 422


async def test_a_large_mail_goes_by_the_blob_store_and_too_large_a_one_nowhere(
    a_desk: Desks,
) -> None:
    async with a_desk(max_message_bytes=300_000) as desk:
        ann = await desk.signed_in()
        answer = await sent(ann, to=[BO], body="line\n" * 20_000)
        [submitted] = [e for e in desk.log.appended if isinstance(e, MailSubmitted)]
        assert submitted.raw is None
        raw = (await ann.get(f"/emails/{answer['email_id']}/raw")).content
        assert len(raw) == submitted.size_bytes
        refused = await ann.post("/emails/send", json={"to": [BO], "body": "x" * 310_000})
        assert refused.status_code == 413
        huge = await ann.post("/emails/send", json={"to": [BO], "body": "x" * 700_000})
        assert huge.status_code == 413


async def test_a_mail_goes_by_tls_alone_or_all_the_same_as_its_sender_says(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        for wish in (True, False, None):
            await sent(ann, to=[BO], require_tls=wish)
        draft = await ann.post("/drafts", json={"to": [BO], "require_tls": True})
        assert draft.json()["require_tls"] is True
        answer = await ann.post(f"/drafts/{draft.json()['draft_id']}/send")
        assert answer.status_code == 202
        submitted = [e for e in desk.log.appended if isinstance(e, MailSubmitted)]
        assert [mail.tls_required for mail in submitted] == ["yes", "", "", "yes"]
        said = [b"\r\nTLS-Required: No\r\n" in (mail.raw or b"") for mail in submitted]
        assert said == [False, True, False, False]
        refused = await ann.post("/emails/send", json={"to": [BO], "require_tls": "maybe"})
        assert refused.status_code == 422


async def test_a_full_mailbox_sends_nothing(a_desk: Desks) -> None:
    async with a_desk() as desk:
        user = await desk.user("ann")
        await desk.directory.change_user(user.user_id, quota_bytes=10)
        ann = await desk.signed_in()
        answer = await ann.post("/emails/send", json={"to": [BO], "body": "hello"})
        assert answer.status_code == 507
        assert answer.json()["type"] == "urn:rillmail:problem:quota-exceeded"


async def test_what_is_made_is_a_sound_message_in_7_bit_lines(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        text = "é" * 2_000 + "\r\nFrom here\n" + "x" * 5_000
        answer = await sent(ann, to=[BO], subject="ü" * 500, body=text, html="<b>ü</b>")
        raw = (await ann.get(f"/emails/{answer['email_id']}/raw")).content
        assert raw.isascii()
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert message["Subject"] == "ü" * 500
        body = message.get_body(("plain",))
        assert body is not None
        assert body.get_content().replace("\r\n", "\n") == text.replace("\r\n", "\n") + "\n"


async def sent(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/emails/send", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()
