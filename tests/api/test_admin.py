"""What administrators see: dead letters and the quarantine; health, figures, description, page."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from api.endpoint import Endpoint
from api.routes import ENDPOINTS
from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got
from tests.engines.test_whole_topology import EICAR
from topologies.ports.dead_letters import DeadLetter


async def test_dead_letters_are_listed_read_replayed_and_dropped(a_desk: Desks) -> None:
    async with a_desk() as desk:
        desk.dead_letters.kept += [letter("a", b'{"x": 1}'), letter("b", b"\xff")]
        root = await desk.signed_in("root")
        told = await got(root, "/admin/dead-letters")
        assert [each["letter_id"] for each in told["dead_letters"]] == ["b", "a"]
        assert told["counts"] == {"inbound": 2}
        one = await got(root, "/admin/dead-letters/a")
        assert (one["value"], one["value_base64"], one["stage"]) == ({"x": 1}, None, "parse")
        assert (await got(root, "/admin/dead-letters/b"))["value_base64"] == "/w=="
        replayed = await root.post("/admin/dead-letters/a/replay")
        assert replayed.json() == {"letter_id": "a", "state": "replayed"}
        assert (await root.post("/admin/dead-letters/a/replay")).status_code == 404
        assert (await root.delete("/admin/dead-letters/b")).json()["state"] == "dropped"
        assert (await got(root, "/admin/dead-letters"))["dead_letters"] == []
        settled = await got(root, "/admin/dead-letters?settled=true")
        assert len(settled["dead_letters"]) == 2


async def test_infected_mail_lies_in_the_quarantine_and_nowhere_else(a_desk: Desks) -> None:
    async with a_desk() as desk:
        raw = f"From: zoe@far.example\r\nSubject: bad\r\n\r\n{EICAR}\r\n".encode()
        await desk.receive("", raw=raw)
        ann, root = await desk.signed_in("ann"), await desk.signed_in("root")
        assert (await got(ann, "/folders/inbox/emails"))["total_count"] == 0
        page = await got(root, "/admin/quarantine")
        [line] = page["emails"]
        mail = await got(root, f"/admin/quarantine/{line['email_id']}")
        assert mail["note"].startswith("infected")
        answer = await root.get(f"/admin/quarantine/{line['email_id']}/raw")
        assert answer.content == raw
        assert answer.headers["content-disposition"].startswith("attachment")
        assert (await ann.get(f"/emails/{line['email_id']}")).status_code == 404


async def test_an_attachment_in_quarantine_can_be_fetched_by_its_url(a_desk: Desks) -> None:
    async with a_desk() as desk:
        raw = (
            b"Content-Type: application/pdf; name=a.pdf\r\n"
            b"Content-Disposition: attachment\r\n\r\n" + EICAR.encode() + b"\r\n"
        )
        await desk.receive("", raw=raw)
        root = await desk.signed_in("root")
        [line] = (await got(root, "/admin/quarantine"))["emails"]
        mail = await got(root, f"/admin/quarantine/{line['email_id']}")
        [file] = mail["attachments"]
        answer = await root.get(file["url"])
        assert answer.status_code == 302
        fetched = await desk.stranger().get(answer.headers["location"])
        assert fetched.content.strip() == EICAR.encode()
        assert (await root.get(file["url"] + "0")).status_code == 404


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.path.startswith("/admin")])
@memory_alone
async def test_nobody_else_is_let_in(a_desk: Desks, endpoint: Endpoint) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        path = re.sub(r"{\w+}", "a", endpoint.path)
        answer = await ann.request(endpoint.method, path)
        assert answer.status_code == 403


async def test_health_is_told_to_whoever_asks(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = desk.stranger()
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).status_code == 200
        desk.health.update(ready=False, reason="store: the disk is full")
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "store: the disk is full")
        assert "rillmail_mails_total" in (await client.get("/metrics")).text


@memory_alone
async def test_each_request_is_counted_by_the_template_of_its_route(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        desk.answered.clear()
        for path in ("/folders", "/emails/nothing", "/nowhere", "/", "/healthz"):
            await ann.get(path)
        await ann.request("BREW", "/folders")
        assert [asked[:3] for asked in desk.answered] == [
            ("GET", "/folders", 200),
            ("GET", "/emails/{email_id}", 404),
            ("GET", "", 404),
            ("GET", "", 200),
            ("GET", "/healthz", 200),
            ("BREW", "/folders", 405),
        ]
        assert all(0 < seconds < 60 for *_, seconds in desk.answered)


@memory_alone
async def test_the_description_names_every_endpoint_and_only_what_is_there(a_desk: Desks) -> None:
    async with a_desk() as desk:
        described = await got(desk.stranger(), "/openapi.json")
        assert described["openapi"] == "3.1.0"
        told = {
            (method.upper(), path)
            for path, methods in described["paths"].items()
            for method in methods
        }
        assert told == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
        operations = [o for methods in described["paths"].values() for o in methods.values()]
        ids = [operation["operationId"] for operation in operations]
        assert len(set(ids)) == len(ids)
        known = described["components"]["schemas"]
        assert all(name in known for name in _references(described))


@memory_alone
async def test_the_page_may_run_only_what_comes_from_here(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = desk.stranger()
        page = await client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        known = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        script = await client.get("/web/app.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert (await client.head("/")).status_code == 200
        assert (await client.post("/")).status_code == 405


def _references(described: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))


def letter(letter_id: str, value: bytes) -> DeadLetter:
    return DeadLetter(
        letter_id=letter_id,
        path="inbound",
        stage="parse",
        kind="bug",
        reason="KeyError",
        traceback="Traceback",
        attempts=1,
        key="k",
        value=value,
        event_id="e",
        origin="mail.received/0/1",
        buried_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
