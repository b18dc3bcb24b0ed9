"""Folders and mails: what is there, what changes, and that nobody sees another's."""

import base64
import hashlib
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.api.desk import Desks, memory_alone
from topologies.errors import NoSpace, Retryable

HTML = """<html><body onload="x()"><script>alert(1)</script><p style="color:red">Hello</p>
<a href="javascript:x()">a</a><a href="https://far.example/">b</a>
<img src="https://far.example/t.gif"><img src="cid:logo@x"><form action="/"><input></form>
<iframe src="//far.example"></iframe></body></html>"""
PICTURE = b"\x89PNG picture"
MULTIPART = (
    "From: Zoe <zoe@far.example>\r\nTo: ann@shop.example\r\nSubject: pictures\r\n"
    "Content-Type: multipart/related; boundary=b\r\n\r\n"
    f"--b\r\nContent-Type: text/html\r\n\r\n{HTML}\r\n"
    "--b\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n"
    f"{base64.b64encode(PICTURE).decode()}\r\n"
    "--b\r\nContent-Type: text/html\r\n"
    "Content-Disposition: attachment; filename*=utf-8''%C3%BC.html\r\n\r\n<script>1</script>\r\n"
    "--b--\r\n"
).encode()


async def test_a_mail_is_listed_and_read(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch", "At one?")
        client = await desk.signed_in()
        page = await got(client, "/folders/inbox/emails")
        assert (page["total_count"], page["has_more"], page["next_cursor"]) == (1, False, None)
        [line] = page["emails"]
        assert (line["email_id"], line["subject"], line["snippet"]) == (
            email_id,
            "Lunch",
            "At one?",
        )
        assert line["from"] == {"address": "zoe@far.example", "name": "Zoe"}
        mail = await got(client, f"/emails/{email_id}")
        assert (mail["body"].strip(), mail["html"], mail["attachments"]) == ("At one?", None, [])
        assert {name: mail[name] for name in line if name != "to"} == {
            name: line[name] for name in line if name != "to"
        }
        inbox = (await got(client, "/folders"))[0]
        assert inbox == {
            "folder_id": "inbox",
            "name": "Inbox",
            "is_system": True,
            "total_count": 1,
            "unread_count": 1,
            "parent_id": None,
            "path": "Inbox",
        }


async def test_html_is_shown_without_what_acts_and_remote_images_only_when_asked_for(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("", raw=MULTIPART)
        client = await desk.signed_in()
        mail = await got(client, f"/emails/{email_id}")
        html = mail["html"]
        for unwanted in ("script", "onload", "javascript", "iframe", "form", "input", "t.gif"):
            assert unwanted not in html, unwanted
        assert '<p style="color:red">Hello</p>' in html
        assert mail["blocked_images"] == 1
        shown = await got(client, f"/emails/{email_id}?images=true")
        assert "https://far.example/t.gif" in shown["html"]
        assert shown["blocked_images"] == 0


async def test_an_attachment_is_fetched_by_a_signed_url_as_a_download_that_runs_nothing(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("", raw=MULTIPART)
        client = await desk.signed_in()
        picture, page = (await got(client, f"/emails/{email_id}"))["attachments"]
        assert (picture["is_inline"], page["file_name"], page["is_inline"]) == (
            True,
            "ü.html",
            False,
        )
        answer = await client.get(page["url"])
        assert answer.status_code == 302
        fetched = await desk.stranger().get(answer.headers["location"])
        assert fetched.content == b"<script>1</script>"
        disposition = fetched.headers["content-disposition"]
        assert disposition == "attachment; filename=\"_.html\"; filename*=UTF-8''%C3%BC.html"
        assert fetched.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert fetched.headers["x-content-type-options"] == "nosniff"
        part = await desk.stranger().get(answer.headers["location"], headers={"Range": "bytes=1-6"})
        assert (part.status_code, part.content) == (206, b"script")
        forged = answer.headers["location"][:-2] + "AA"
        assert (await desk.stranger().get(forged)).status_code == 404


async def test_the_raw_message_is_given_back_byte_for_byte(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("", raw=MULTIPART)
        client = await desk.signed_in()
        answer = await client.get(f"/emails/{email_id}/raw")
        assert answer.content == MULTIPART
        assert answer.headers["content-type"] == "message/rfc822"
        assert answer.headers["etag"] == f'"{hashlib.sha256(MULTIPART).hexdigest()}"'
        known = {"If-None-Match": answer.headers["etag"]}
        again = await client.get(f"/emails/{email_id}/raw", headers=known)
        assert (again.status_code, again.content) == (304, b"")


async def test_the_raw_message_may_be_given_out_with_our_trace_and_without_forged_ones(
    a_desk: Desks,
) -> None:
    async with a_desk(hostname="mx.shop.example") as desk:
        ours = b"mx.shop.example"
        forged = b"Authentication-Results: " + ours + b"; dkim=pass header.d=bank.example\r\n"
        email_id = await desk.receive("", raw=forged + MULTIPART)
        client = await desk.signed_in()
        answer = await client.get(f"/emails/{email_id}/raw?trace=true")
        front = answer.content.removesuffix(MULTIPART)
        assert answer.headers["content-type"] == "message/rfc822"
        assert "etag" not in answer.headers
        assert front.count(b"\r\nReceived: by " + ours) == 1
        assert front.count(b"Authentication-Results: " + ours) == 1
        assert forged not in answer.content
        plain = await client.get(f"/emails/{email_id}/raw?trace=false")
        assert plain.content == forged + MULTIPART
        assert (await client.get(f"/emails/{email_id}/raw?trace=odd")).status_code == 400


async def test_all_header_fields_are_told_when_asked_for(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive(
            "", raw=b"X-One: a\r\n b\r\nSubject: =?utf-8?q?=C3=BC?=\r\n\r\nx"
        )
        client = await desk.signed_in()
        mail = await got(client, f"/emails/{email_id}?headers=true")
        assert mail["headers"] == [
            {"name": "X-One", "value": "a b"},
            {"name": "Subject", "value": "ü"},
        ]


async def test_a_change_answers_when_the_view_shows_it(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch")
        client = await desk.signed_in()
        line = await patched(client, email_id, {"is_read": True, "is_starred": True})
        assert (line["is_read"], line["is_starred"]) == (True, True)
        assert (await got(client, "/folders"))[0]["unread_count"] == 0
        assert (await patched(client, email_id, {"folder_id": "trash"}))["folder_id"] == "trash"
        assert (await patched(client, email_id, {"is_spam": True}))["is_spam"]
        assert (await patched(client, email_id, {"is_spam": False}))["folder_id"] == "inbox"
        assert (await patched(client, email_id, {}))["folder_id"] == "inbox"


async def test_deleting_moves_to_trash_and_from_there_for_good(a_desk: Desks) -> None:
    async with a_desk() as desk:
        one, other = await desk.receive("one"), await desk.receive("other")
        client = await desk.signed_in()
        assert (await client.delete(f"/emails/{one}")).status_code == 204
        assert (await got(client, f"/emails/{one}"))["folder_id"] == "trash"
        assert (await client.delete(f"/emails/{one}")).status_code == 204
        assert (await client.get(f"/emails/{one}")).status_code == 404
        assert (await client.delete(f"/emails/{other}?permanent=true")).status_code == 204
        assert (await client.delete(f"/emails/{other}")).status_code == 404


async def test_a_folder_is_made_renamed_and_deleted(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch")
        client = await desk.signed_in()
        made = await client.post("/folders", json={"name": "Bills"})
        assert made.status_code == 201
        folder = made.json()
        assert made.headers["location"] == f"/folders/{folder['folder_id']}/emails"
        await patched(client, email_id, {"folder_id": folder["folder_id"]})
        renamed = await client.patch(f"/folders/{folder['folder_id']}", json={"name": "Paid"})
        assert (renamed.json()["name"], renamed.json()["total_count"]) == ("Paid", 1)
        taken = await client.post("/folders", json={"name": "paid"})
        assert (taken.status_code, taken.json()["type"]) == (409, "urn:rillmail:problem:name-taken")
        assert (await client.delete(f"/folders/{folder['folder_id']}")).status_code == 204
        assert (await got(client, f"/emails/{email_id}"))["folder_id"] == "trash"
        assert (await client.delete("/folders/inbox")).status_code == 409
        assert (await client.patch("/folders/nothing", json={"name": "x"})).status_code == 404


async def test_a_listing_is_paged_by_cursor_and_by_offset(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ids = [await desk.receive(f"mail {number}") for number in range(5)]
        client = await desk.signed_in()
        await patched(client, ids[0], {"is_read": True})
        found: list[str] = []
        cursor = ""
        while True:
            page = await got(client, f"/folders/inbox/emails?limit=2&cursor={cursor}")
            assert page["total_count"] == 5
            found += [line["email_id"] for line in page["emails"]]
            if not page["has_more"]:
                break
            cursor = page["next_cursor"]
        assert sorted(found) == sorted(ids)
        second = await got(client, "/folders/inbox/emails?limit=2&offset=2")
        assert [line["email_id"] for line in second["emails"]] == found[2:4]
        unread = await got(client, "/folders/inbox/emails?is_read=false")
        assert unread["total_count"] == 4


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/folders/inbox/emails?limit=0", 400),
        ("/folders/inbox/emails?limit=501", 400),
        ("/folders/inbox/emails?limit=x", 400),
        ("/folders/inbox/emails?offset=-1", 400),
        ("/folders/inbox/emails?cursor=junk", 400),
        ("/folders/inbox/emails?surprise=1", 400),
        ("/folders/inbox/emails?is_read=perhaps", 400),
        ("/folders/inbox/emails?limit=%FF", 400),
        ("/folders/nothing/emails", 404),
        ("/emails/nothing", 404),
        ("/emails/nothing/raw", 404),
        ("/threads/nothing", 404),
        ("/nowhere", 404),
        ("/changes?since=-1", 400),
        ("/changes?since=99", 410),
        ("/web/../app.py", 404),
        ("/web/..%2fapp.py", 404),
    ],
)
@memory_alone
async def test_what_can_t_be_answered_is_a_problem(a_desk: Desks, path: str, status: int) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        answer = await client.get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert answer.json()["title"]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"{", 400, None),
        (b'"x"', 422, ""),
        (b'{"is_read": "yes"}', 422, "/is_read"),
        (b'{"is_red": true}', 422, ""),
        (b'{"folder_id": "nothing"}', 404, None),
        (b'{"folder_id": "trash", "is_spam": true}', 422, "/is_spam"),
        (b'{"is_read":' * 5_000, 422, None),
        (b"{}" + b" " * 70_000, 413, None),
    ],
)
@memory_alone
async def test_a_body_that_does_not_fit_is_told_with_a_pointer(
    a_desk: Desks, body: bytes, status: int, pointer: str | None
) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch")
        client = await desk.signed_in()
        answer = await client.patch(
            f"/emails/{email_id}", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status, answer.text
        if pointer is not None:
            assert [e.get("pointer", "") for e in answer.json()["errors"]] == [pointer]


async def test_what_can_not_be_done_whole_is_not_done_in_part(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch")
        client = await desk.signed_in()
        asked = {"is_read": True, "is_starred": True, "folder_id": "nothing"}
        answer = await client.patch(f"/emails/{email_id}", json=asked)
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["pointer"] == "/folder_id"
        mail = await got(client, f"/emails/{email_id}")
        assert (mail["is_read"], mail["is_starred"]) == (False, False)


async def test_another_s_things_are_not_there(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("", raw=MULTIPART)
        ann = await desk.signed_in("ann")
        folder = (await ann.post("/folders", json={"name": "Bills"})).json()["folder_id"]
        thread = (await got(ann, f"/emails/{email_id}"))["thread_id"]
        bo = await desk.signed_in("bo")
        for method, path in (
            ("GET", f"/emails/{email_id}"),
            ("GET", f"/emails/{email_id}/raw"),
            ("GET", f"/emails/{email_id}/attachments/1"),
            ("PATCH", f"/emails/{email_id}"),
            ("DELETE", f"/emails/{email_id}"),
            ("DELETE", f"/emails/{email_id}?permanent=true"),
            ("GET", f"/folders/{folder}/emails"),
            ("PATCH", f"/folders/{folder}"),
            ("DELETE", f"/folders/{folder}"),
            ("GET", f"/threads/{thread}"),
        ):
            body = {"name": "mine"} if "folders" in path else {"is_read": True}
            answer = await bo.request(method, path, json=body if method == "PATCH" else None)
            assert answer.status_code == 404, (method, path)
        mine = await desk.receive("mine", to="bo")
        moved = await bo.patch(f"/emails/{mine}", json={"folder_id": folder})
        assert moved.status_code == 404
        assert (await got(bo, "/emails/search?query=pictures"))["total_count"] == 0
        assert (await got(ann, f"/emails/{email_id}"))["is_read"] is False


async def test_threads_and_changes_are_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.receive("root")
        answer = (
            b"Subject: Re\r\nIn-Reply-To: <root@far.example>\r\nMessage-ID: <2@x.example>\r\n\r\n"
        )
        reply = await desk.receive("", raw=answer)
        client = await desk.signed_in()
        thread = (await got(client, f"/emails/{reply}"))["thread_id"]
        told = await got(client, f"/threads/{thread}")
        assert {line["email_id"] for line in told["emails"]} == {root, reply}
        changes = await got(client, "/changes?since=0&limit=1")
        assert (changes["cursor"], changes["has_more"]) == (1, True)
        [change] = changes["changes"]
        assert (change["type"], change["email_id"], change["cursor"]) == ("email.added", root, 1)
        rest = await got(client, "/changes?since=1")
        assert [each["email_id"] for each in rest["changes"]] == [reply]
        assert not rest["has_more"]
        old = await client.get("/changes?since=77")
        assert old.json()["type"].endswith(":cursor-too-old")


async def test_what_is_not_shown_in_time_is_answered_202(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch")
        client = await desk.signed_in()
        desk.log.is_stuck = True
        answer = await client.patch(f"/emails/{email_id}", json={"is_read": True})
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
        assert len(desk.log.appended) == 2


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (NoSpace("full"), 507, "no-space"),
        (Retryable("log.db is locked"), 503, "unavailable"),
        (RuntimeError("secret detail"), 500, ""),
    ],
)
async def test_a_failure_behind_the_api_is_told_without_its_inside(
    a_desk: Desks, error: Exception, status: int, kind: str
) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("Lunch")
        client = await desk.signed_in()
        desk.log.error = error
        answer = await client.patch(f"/emails/{email_id}", json={"is_read": True})
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert str(error) not in answer.text
        if kind:
            assert answer.json()["type"] == f"urn:rillmail:problem:{kind}"
            assert int(answer.headers["retry-after"]) >= 1


async def test_who_leaves_in_the_middle_of_a_request_is_no_bug(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        told: list[object] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/folders",
            "query_string": b"",
            "headers": [(b"authorization", client.headers["Authorization"].encode())],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: object) -> None:
            told.append(message)

        with capture_logs() as logs:
            await desk.app(scope, receive, send)  # type: ignore[arg-type]
        assert (told, logs) == ([], [])


async def test_a_method_that_is_not_there_is_told_with_those_that_are(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        answer = await client.put("/folders")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


async def patched(client: httpx.AsyncClient, email_id: str, body: dict[str, Any]) -> Any:
    answer = await client.patch(f"/emails/{email_id}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def got(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.json()
