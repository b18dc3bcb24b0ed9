"""Drafts: saved as typed, never lost to another writer, and sent exactly once."""

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.memory.request_keys import MemoryRequestKeys
from tests.api.desk import DOMAIN, Desks, Place, a_desk, memory_alone, memory_place
from tests.api.test_mailbox import got
from topologies.errors import Retryable
from topologies.events import MailHeld, MailSubmitted
from topologies.ports.request_keys import Claim

BO = f"bo@{DOMAIN}"
TYPED: dict[str, Any] = {
    "to": ["bo@", {"address": BO, "name": "Bo"}],
    "cc": ["somebo"],
    "subject": "  Boats ",
    "body": "Dear Bo,\n\n four ",
    "html": "<p>Dear Bo</p>",
    "reply_to": ["late"],
    "headers": {"X-Boat": "4"},
    "in_reply_to": "nothing",
    "send_at": "2020-01-01T00:00:00Z",
}


async def test_a_draft_is_kept_as_it_was_typed_and_lies_in_its_folder(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        answer = await ann.post("/drafts", json=TYPED)
        assert answer.status_code == 201, answer.text
        draft = answer.json()
        assert answer.headers["location"] == f"/drafts/{draft['draft_id']}"
        assert answer.headers["etag"] == draft["etag"]
        assert draft == await got(ann, f"/drafts/{draft['draft_id']}")
        assert draft["to"] == [{"address": "bo@", "name": ""}, {"address": BO, "name": "Bo"}]
        for name in ("subject", "body", "html", "headers", "in_reply_to", "send_at"):
            assert draft[name] == TYPED[name]
        page = await got(ann, "/folders/drafts/emails")
        assert [(m["email_id"], m["subject"], m["is_read"]) for m in page["emails"]] == [
            (draft["draft_id"], "  Boats ", True)
        ]
        [folder] = [f for f in await got(ann, "/folders") if f["folder_id"] == "drafts"]
        assert (folder["total_count"], folder["unread_count"]) == (1, 0)
        mail = await got(ann, f"/emails/{draft['draft_id']}")
        assert (mail["is_draft"], mail["to"], mail["cc"]) == (True, draft["to"], draft["cc"])
        raw = await ann.get(f"/emails/{draft['draft_id']}/raw")
        assert BO in raw.text
        assert "somebo" not in raw.text
        assert "immutable" not in raw.headers["cache-control"]


async def test_a_draft_without_anything_is_a_draft(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        draft = await begun(ann)
        assert (draft["to"], draft["subject"], draft["body"], draft["html"]) == ([], "", "", None)
        told = await ann.post(f"/drafts/{draft['draft_id']}/send")
        assert [e["pointer"] for e in told.json()["errors"]] == ["/to"]
        assert (await got(ann, f"/drafts/{draft['draft_id']}")) == draft


async def test_a_saved_draft_replaces_the_version_before_wholly(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        first = await begun(ann, subject="Oranges", body="about juice", cc=["x"])
        answer = await put(ann, first, subject="Lemons")
        assert answer.status_code == 200, answer.text
        second = answer.json()
        assert second["draft_id"] == first["draft_id"]
        assert second["etag"] == answer.headers["etag"] != first["etag"]
        assert (second["cc"], second["body"], second["created_at"]) == ([], "", first["created_at"])
        page = await got(ann, "/folders/drafts/emails")
        assert [mail["subject"] for mail in page["emails"]] == ["Lemons"]
        assert page["total_count"] == 1
        assert await found(ann, "lemons") == [first["draft_id"]]
        assert await found(ann, "juice") == []
        used = (await got(ann, "/me"))["used_bytes"]
        assert used == page["emails"][0]["size"]


async def test_who_wrote_on_another_version_is_told_and_changes_nothing(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        first = await begun(ann, body="mine")
        second = (await put(ann, first, body="theirs")).json()
        refused = await put(ann, first, body="mine again")
        assert refused.status_code == 412
        assert refused.json()["type"].endswith(":draft-changed")
        assert (await got(ann, f"/drafts/{first['draft_id']}")) == second
        path = f"/drafts/{first['draft_id']}"
        assert (await ann.put(path, json={"body": "x"})).status_code == 428
        assert (await ann.put(path, json={}, headers={"If-Match": "bare"})).status_code == 400
        several = {"If-Match": f'"other", {second["etag"]}'}
        assert (await ann.put(path, json={"body": "y"}, headers=several)).status_code == 200
        anyone = await ann.put(path, json={"body": "z"}, headers={"If-Match": "*"})
        assert anyone.json()["body"] == "z"


async def test_a_request_to_save_that_is_asked_again_is_answered_alike(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        key = {"Idempotency-Key": "one"}
        first = (await ann.post("/drafts", json={"body": "a"}, headers=key)).json()
        assert (await ann.post("/drafts", json={"body": "a"}, headers=key)).json() == first
        other = await ann.post("/drafts", json={"body": "b"}, headers=key)
        assert other.json()["type"].endswith(":key-reused")
        second = (await put(ann, first, body="b")).json()
        assert (await put(ann, first, body="b")).json() == second
        # Begun again, it is not taken for what was saved since.
        again = await ann.post("/drafts", json={"body": "a"}, headers=key)
        assert (again.json()["body"], again.headers["etag"]) == ("b", first["etag"])
        assert (await put(ann, again.json(), body="c")).status_code == 412
        third = (await put(ann, second, body="a")).json()
        # Its text was saved and then replaced: it must not take the last version for its own.
        assert (await put(ann, first, body="b")).status_code == 412
        assert (await got(ann, f"/drafts/{first['draft_id']}")) == third
        assert (await got(ann, "/folders/drafts/emails"))["total_count"] == 1


async def test_of_two_who_save_at_once_one_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        first = await begun(ann, body="as it was")
        desk.log.is_stuck = True  # both are checked against the same version
        for text in ("one", "two"):
            assert (await put(ann, first, body=text)).status_code == 202
        await desk.log.work_off()
        assert (await got(ann, f"/drafts/{first['draft_id']}"))["body"] == "one"
        assert (await put(ann, first, body="two")).status_code == 412


async def test_files_stay_by_their_ids_and_go_when_they_are_left_out(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        uploaded = await ann.post(
            "/attachments?file_name=large.bin", content=bytes(range(256)) * 400
        )
        data = base64.b64encode(b"hi").decode()
        first = await begun(
            ann,
            attachments=[
                {"file_name": "hi.txt", "data": data, "content_type": "text/plain"},
                {"attachment_id": uploaded.json()["attachment_id"]},
                {"file_name": "hi.txt", "data": data, "content_type": "text/plain"},
            ],
        )
        names = [(a["file_name"], a["content_type"], a["size"]) for a in first["attachments"]]
        assert names == [
            ("hi.txt", "text/plain", 2),
            ("large.bin", "application/octet-stream", 102_400),
            ("hi.txt", "text/plain", 2),
        ]
        hi, large, again = (a["attachment_id"] for a in first["attachments"])
        assert len({hi, large, again}) == 3
        content = await ann.get(first["attachments"][1]["url"], params={"here": "true"})
        assert (await ann.get(content.headers["location"])).content == bytes(range(256)) * 400
        kept = [{"attachment_id": large}, {"attachment_id": again}]
        second = (await put(ann, first, attachments=kept)).json()
        assert [a["attachment_id"] for a in second["attachments"]] == [large, again]
        # What was left out comes back by its id, for as long as an upload is there to be used.
        second = (await put(ann, second, attachments=[*kept, {"attachment_id": hi}])).json()
        assert [a["attachment_id"] for a in second["attachments"]] == [large, again, hi]
        bo = await desk.signed_in("bo")
        theirs = await bo.post("/drafts", json={"attachments": [{"attachment_id": hi}]})
        assert theirs.json()["errors"][0]["pointer"] == "/attachments/0/attachment_id"
        third = (await put(ann, second, to=[BO], attachments=[{"attachment_id": large}])).json()
        assert (await ann.post(f"/drafts/{third['draft_id']}/send")).status_code == 202
        [line] = (await got(bo, "/folders/inbox/emails"))["emails"]
        [file] = (await got(bo, f"/emails/{line['email_id']}"))["attachments"]
        assert (file["file_name"], file["size"]) == ("large.bin", 102_400)


async def test_a_draft_that_is_sent_is_in_sent_instead_and_arrives_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        parent = await desk.receive("Lunch")
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        draft = await begun(
            ann, to=[BO], bcc=[f"ann@{DOMAIN}"], body="At noon?", in_reply_to=parent
        )
        thread = (await got(ann, f"/emails/{parent}"))["thread_id"]
        assert draft["thread_id"] == thread
        path = f"/drafts/{draft['draft_id']}/send"
        answer = await ann.post(path, headers={"If-Match": draft["etag"]})
        assert answer.status_code == 202, answer.text
        assert (await got(ann, "/folders/drafts/emails"))["emails"] == []
        sent = await got(ann, f"/emails/{answer.json()['email_id']}")
        assert (sent["folder_id"], sent["thread_id"], sent["is_draft"]) == ("sent", thread, False)
        assert (sent["in_reply_to"], sent["references"]) == (["Lunch@far.example"],) * 2
        assert [each["address"] for each in sent["bcc"]] == [f"ann@{DOMAIN}"]
        again = await ann.post(path)
        assert (again.status_code, again.json()) == (202, answer.json())
        assert (await ann.get(f"/drafts/{draft['draft_id']}")).status_code == 404
        assert (await put(ann, draft, body="late")).status_code == 404
        assert (await got(bo, "/folders/inbox/emails"))["total_count"] == 1
        assert (await got(ann, "/folders/sent/emails"))["total_count"] == 1
        assert await found(ann, "noon in:drafts") == []


async def test_the_answered_mail_may_be_gone_when_the_draft_is_sent(a_desk: Desks) -> None:
    async with a_desk() as desk:
        parent = await desk.receive("Lunch")
        ann = await desk.signed_in()
        draft = await begun(ann, to=[BO], in_reply_to=parent)
        await ann.delete(f"/emails/{parent}", params={"permanent": "true"})
        draft = (await put(ann, draft, to=[BO], in_reply_to=parent, body="yes")).json()
        answer = await ann.post(f"/drafts/{draft['draft_id']}/send")
        sent = await got(ann, f"/emails/{answer.json()['email_id']}")
        assert sent["in_reply_to"] == ["Lunch@far.example"]


async def test_what_can_t_be_sent_yet_is_told_by_its_field_and_stays_a_draft(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        draft = await begun(ann, to=[BO, "bo@"], cc=[f"nobody@{DOMAIN}"])
        told = await ann.post(f"/drafts/{draft['draft_id']}/send")
        assert told.status_code == 422
        assert [each["pointer"] for each in told.json()["errors"]] == ["/to/1", "/cc/0"]
        assert (await got(ann, "/folders/drafts/emails"))["total_count"] == 1
        stale = {"If-Match": '"another"'}
        refused = await ann.post(f"/drafts/{draft['draft_id']}/send", headers=stale)
        assert refused.status_code == 412


async def test_a_draft_that_is_sent_later_waits_in_its_folder_and_can_be_taken_back(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        draft = await begun(ann, to=[BO], body="wait", undo_s=30)
        path = f"/drafts/{draft['draft_id']}"
        desk.log.is_stuck = True  # for a timer nobody waits here
        first = (await ann.post(f"{path}/send")).json()
        assert first["status"] == "scheduled"
        assert (await ann.post(f"{path}/send")).json() == first
        assert (await got(ann, path))["sending"] == first
        for answer in (await put(ann, draft, body="late"), await ann.delete(path)):
            assert answer.status_code == 409
            assert answer.json()["type"].endswith(":draft-scheduled")
        assert (await ann.delete(f"/emails/{first['email_id']}/send")).status_code == 204
        desk.log.is_stuck = False
        assert (await got(ann, path))["sending"] is None
        draft = (await put(ann, draft, to=[BO], body="now")).json()
        second = (await ann.post(f"{path}/send")).json()
        assert second["email_id"] != first["email_id"]
        desk.clock.move(timedelta(seconds=60))
        await desk.log.work_off()  # what was taken back comes to its time
        assert (await got(bo, "/folders/inbox/emails"))["total_count"] == 1
        assert (await got(ann, "/folders/drafts/emails"))["total_count"] == 0
        assert (await ann.post(f"{path}/send")).json() == second


async def test_a_draft_that_is_sent_later_is_not_deleted_by_the_ways_of_other_mails(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        draft = await begun(ann, to=[BO], body="wait", undo_s=30)
        path = f"/emails/{draft['draft_id']}"
        desk.log.is_stuck = True  # for a timer nobody waits here
        first = (await ann.post(f"/drafts/{draft['draft_id']}/send")).json()
        for answer in (
            await ann.delete(path),
            await ann.delete(f"{path}?permanent=true"),
            await ann.patch(path, json={"folder_id": "trash"}),
        ):
            assert answer.status_code == 409
            assert answer.json()["type"].endswith(":draft-scheduled")
        for field, value in (("delete", True), ("folder_id", "trash")):
            item = {"email_id": draft["draft_id"], field: value}
            answer = await ann.post("/emails/batch", json={"items": [item]})
            [result] = answer.json()["results"]
            assert result["status"] == 409
            assert result["problem"]["type"].endswith(":draft-scheduled")
            assert result["problem"]["errors"][0]["pointer"] == f"/items/0/{field}"
        assert (await ann.delete(f"/emails/{first['email_id']}/send")).status_code == 204
        await desk.log.work_off()
        assert (await ann.delete(path)).status_code == 204
        assert (await got(bo, "/folders/inbox/emails"))["total_count"] == 0


async def test_a_draft_that_was_taken_back_is_sent_again_unchanged(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        draft = await begun(ann, to=[BO], undo_s=30)
        path = f"/drafts/{draft['draft_id']}"
        desk.log.is_stuck = True
        first = (await ann.post(f"{path}/send")).json()
        await ann.delete(f"/emails/{first['email_id']}/send")
        second = (await ann.post(f"{path}/send")).json()
        assert second["mail_id"] != first["mail_id"]
        desk.clock.move(timedelta(seconds=60))
        await desk.log.work_off()
        assert (await got(bo, "/folders/inbox/emails"))["total_count"] == 1
        assert (await got(ann, "/folders/drafts/emails"))["total_count"] == 0


@pytest.mark.parametrize("fails", ["before it is written", "after it is written"])
async def test_a_send_that_failed_is_made_good_by_the_next_and_sent_once(
    a_desk: Desks, fails: str
) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        draft = await begun(ann, to=[BO], body="once")
        path = f"/drafts/{draft['draft_id']}/send"
        if fails == "before it is written":
            desk.log.error = Retryable("the log is away")
            assert (await ann.post(path)).status_code == 503
            desk.log.error = None
        else:
            desk.log.is_stuck = True  # killed when the log had it, before anybody worked on it
            assert (await ann.post(path)).status_code == 202
            desk.log.is_stuck = False
        first = (await ann.post(path)).json()
        await desk.log.work_off()
        assert (await ann.post(path)).json() == first
        submitted = [e for e in desk.log.appended if isinstance(e, MailSubmitted)]
        assert {each.mail_id for each in submitted} == {first["mail_id"]}
        assert (await got(bo, "/folders/inbox/emails"))["total_count"] == 1
        assert (await got(ann, "/folders/sent/emails"))["total_count"] == 1
        assert (await got(ann, "/folders/drafts/emails"))["total_count"] == 0


async def test_an_old_draft_whose_first_claim_is_forgotten_is_sent_once() -> None:
    keys = ForgetfulKeys()

    @asynccontextmanager
    async def place() -> AsyncGenerator[Place]:
        async with memory_place() as found:
            yield replace(found, request_keys=keys)

    async with a_desk(place) as desk:
        ann = await desk.signed_in()
        draft = await begun(ann, to=[BO], undo_s=30)
        path = f"/drafts/{draft['draft_id']}/send"
        desk.log.is_stuck = True
        first = (await ann.post(path)).json()
        await ann.delete(f"/emails/{first['email_id']}/send")
        desk.clock.move(timedelta(days=20))
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        second = (await ann.post(path)).json()
        keys.forgotten = f"draft {draft['draft_id']} 0"
        assert (await ann.post(path)).json() == second
        desk.clock.move(timedelta(seconds=60))
        await desk.log.work_off()
        assert (await ann.post(path)).json() == second
        assert (await got(bo, "/folders/inbox/emails"))["total_count"] == 1
        assert (await got(ann, "/folders/drafts/emails"))["total_count"] == 0


async def test_what_is_saved_after_it_was_sent_stays_a_draft(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        draft = await begun(ann, to=[BO], subject="first")
        desk.log.is_stuck = True
        assert (await ann.post(f"/drafts/{draft['draft_id']}/send")).status_code == 202
        sending = desk.log.taken_away()
        desk.log.is_stuck = False
        later = (await put(ann, draft, to=[BO], subject="second")).json()
        await desk.log.append(sending)
        [line] = (await got(bo, "/folders/inbox/emails"))["emails"]
        assert line["subject"] == "first"
        assert await got(ann, f"/drafts/{draft['draft_id']}") == later
        assert (await ann.post(f"/drafts/{draft['draft_id']}/send")).status_code == 202
        page = await got(bo, "/folders/inbox/emails")
        assert {mail["subject"] for mail in page["emails"]} == {"second", "first"}
        assert page["total_count"] == 2
        assert (await got(ann, "/folders/drafts/emails"))["total_count"] == 0


async def test_a_discarded_draft_is_in_trash_and_saving_it_brings_it_back(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        draft = await begun(ann, subject="keep")
        path = f"/drafts/{draft['draft_id']}"
        stale = {"If-Match": '"another"'}
        assert (await ann.delete(path, headers=stale)).status_code == 412
        assert (await ann.delete(path, headers={"If-Match": draft["etag"]})).status_code == 204
        assert (await got(ann, path))["folder_id"] == "trash"
        saved = (await put(ann, draft, subject="keep it")).json()
        assert saved["folder_id"] == "drafts"
        assert (await got(ann, "/folders/trash/emails"))["total_count"] == 0
        changes = (await got(ann, "/changes"))["changes"]
        assert [(c["type"], c.get("is_rewritten", False)) for c in changes] == [
            ("email.added", False),
            ("email.moved", False),
            ("email.moved", True),
        ]
        await ann.delete(path, params={"permanent": "true"})
        assert (await ann.get(path)).status_code == 404
        assert (await ann.delete(path)).status_code == 404


async def test_a_star_leaves_the_version_and_a_save_leaves_the_star(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        draft = await begun(ann)
        await ann.patch(f"/emails/{draft['draft_id']}", json={"is_starred": True})
        saved = await put(ann, draft, body="more")
        assert saved.status_code == 200
        assert (await got(ann, f"/emails/{draft['draft_id']}"))["is_starred"]


async def test_drafts_count_for_the_quota(a_desk: Desks) -> None:
    async with a_desk() as desk:
        user = await desk.user("ann")
        await desk.directory.change_user(user.user_id, quota_bytes=5_000)
        ann = await desk.signed_in()
        draft = await begun(ann, to=[BO], body="x" * 3_000)
        assert (await ann.post("/drafts", json={"body": "x" * 3_000})).status_code == 507
        refused = await put(ann, draft, body="x" * 6_000)
        assert refused.json()["type"].endswith(":quota-exceeded")
        # It takes the place of the one before, and of itself when it is sent.
        draft = (await put(ann, draft, to=[BO], body="y" * 3_100)).json()
        assert (await ann.post(f"/drafts/{draft['draft_id']}/send")).status_code == 202


async def test_a_large_draft_is_given_back_as_it_was_typed(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        text = "A line with ü and no end. " * 20_000 + "\n\n"
        draft = await begun(ann, body=text, html="<p>x</p>")
        assert draft["body"] == text
        assert (await got(ann, f"/drafts/{draft['draft_id']}"))["body"] == text


async def test_nobody_sees_or_changes_anothers_draft_and_a_mail_is_none(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in(), await desk.signed_in("bo")
        draft = await begun(ann, to=[BO])
        mail = await desk.receive("No draft")
        for client, name in (
            (bo, draft["draft_id"]),
            (ann, mail),
            (ann, "nothing"),
            (ann, "\u20ac"),
        ):
            path = f"/drafts/{name}"
            star = {"If-Match": "*"}
            assert (await client.get(path)).status_code == 404
            assert (await client.put(path, json={}, headers=star)).status_code == 404
            assert (await client.delete(path)).status_code == 404
            assert (await client.post(f"{path}/send")).status_code == 404
        assert (await got(ann, f"/drafts/{draft['draft_id']}")) == draft


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"subject": "a\nb"}, "/subject"),
        ({"to": ["ok", "a\r\nBcc: eve"]}, "/to/1"),
        ({"cc": [{"address": "a", "name": "a\x00"}]}, "/cc/0"),
        ({"from": "a\nb"}, "/from"),
        ({"headers": {"Bcc": "eve@evil.example"}}, "/headers/Bcc"),
        ({"to": ["x"] * 101}, "/to"),
        ({"reply_to": ["x"] * 101}, "/reply_to"),
        ({"attachments": [{"attachment_id": "x.y"}]}, "/attachments/0/attachment_id"),
        ({"nothing": 1}, ""),
        ({"send_at": "2026-03-01T13:00:00"}, "/send_at"),
        ({"body": 1}, "/body"),
    ],
)
@memory_alone
async def test_what_no_draft_can_hold_is_told_by_its_field(
    a_desk: Desks, body: dict[str, Any], pointer: str
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        told = await ann.post("/drafts", json=body)
        assert told.status_code == 422
        assert [each.get("pointer", "") for each in told.json()["errors"]] == [pointer]


@memory_alone
async def test_a_token_that_may_not_send_may_write_drafts(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in(scope="read")
        draft = await begun(ann, to=[BO])
        assert (await ann.post(f"/drafts/{draft['draft_id']}/send")).status_code == 403


@memory_alone
async def test_a_draft_is_held_at_most_as_often_as_it_may_be_taken_back(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in()
        draft = await begun(ann, to=[BO], undo_s=30)
        desk.log.is_stuck = True
        path = f"/drafts/{draft['draft_id']}/send"
        for _ in range(8):
            told = await ann.post(path)
            assert told.status_code == 202
            await ann.delete(f"/emails/{told.json()['email_id']}/send")
        assert (await ann.post(path)).status_code == 409
        held = [event for event in desk.log.appended if isinstance(event, MailHeld)]
        assert len({event.mail_id for event in held}) == 8


class ForgetfulKeys(MemoryRequestKeys):
    """Has forgotten one of the keys."""

    forgotten = ""

    async def find(self, user_id: str, key: str) -> Claim | None:
        return None if key == self.forgotten else await super().find(user_id, key)


async def begun(client: httpx.AsyncClient, **typed: Any) -> dict[str, Any]:
    answer = await client.post("/drafts", json=typed)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def put(client: httpx.AsyncClient, draft: dict[str, Any], **typed: Any) -> httpx.Response:
    """Save on the version that *draft* is."""
    path, version = f"/drafts/{draft['draft_id']}", {"If-Match": draft["etag"]}
    return await client.put(path, json=typed, headers=version)


async def found(client: httpx.AsyncClient, query: str) -> list[str]:
    page = await got(client, f"/emails/search?query={query.replace(' ', '+')}")
    return [mail["email_id"] for mail in page["emails"]]
