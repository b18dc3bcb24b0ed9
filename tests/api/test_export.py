"""GET /export: all that one has, as a zip file whose mail comes back byte for byte."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import httpx

from tests.api.desk import Desks
from tests.services import DOMAIN
from topologies.events import MailHeld
from topologies.events.base import as_kind
from topologies.mail.mbox import messages

RAW = b"From: Cy <cy@far.example>\r\nSubject: A pump\r\n\r\nFrom here\r\n>From there\r\n"


async def test_everything_is_there_and_mail_is_as_it_was(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        await desk.receive("A pump")
        [line] = (await client.get("/folders/inbox/emails")).json()["emails"]
        raw = (await client.get(f"/emails/{line['email_id']}/raw")).content
        await client.patch(f"/emails/{line['email_id']}", json={"is_starred": True})
        draft = {"to": [{"address": "cy@far.example"}], "subject": "Not yet", "body": "half"}
        assert (await client.post("/drafts", json=draft)).status_code == 201
        script = {"source": "keep;"}
        assert (await client.put("/rules/scripts/mine", json=script)).status_code == 201
        made = await client.post("/app-passwords", json={"name": "phone"})
        answer = await client.get("/export")
        assert answer.headers["Content-Type"] == "application/zip"
        held = unzipped(answer)
        [mail] = messages(io.BytesIO(held["mail/Inbox.mbox"]), 10**6)
        assert mail.raw == raw
        assert mail.filing is not None
        assert (mail.filing.is_read, mail.filing.is_starred) == (False, True)
        assert mail.kept_id == line["email_id"]
        assert json.loads(held["drafts.jsonl"])["subject"] == "Not yet"
        assert held["rules/1.sieve"] == b"keep;"
        assert [each["name"] for each in json.loads(held["app_passwords.json"])] == ["phone"]
        assert json.loads(held["account.json"])["address"].startswith("ann@")
        secret = made.json()["password"].encode()
        assert not any(secret in content for content in held.values())


async def test_what_became_of_what_one_sent_is_there_and_nothing_of_others(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        body = {"to": ["zoe@far.example", f"bo@{DOMAIN}"], "subject": "Boats"}
        sent = (await ann.post("/emails/send", json=body)).json()
        forgotten = (await ann.post("/emails/send", json=body)).json()
        await ann.delete(f"/emails/{forgotten['email_id']}?permanent=true")
        held = unzipped(await ann.get("/export"))
        told = {each["email_id"]: each for each in lines(held["deliveries.jsonl"])}
        assert told.keys() == {sent["email_id"], forgotten["email_id"]}  # which can be restored
        line = told[sent["email_id"]]
        assert (line["destination"], line["state"]) == ("far.example", "delivered")
        assert [each["recipient"] for each in line["recipients"]] == ["zoe@far.example"]
        assert unzipped(await bo.get("/export"))["deliveries.jsonl"] == b""
        assert "deliveries.jsonl" not in unzipped(await ann.get("/export?what=mail"))


async def test_what_is_to_be_sent_later_is_there_until_it_is_sent_or_taken_back(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        at = (desk.clock.now() + timedelta(days=1)).isoformat()
        body = {"to": ["zoe@far.example"], "subject": "Boats", "send_at": at}
        first, second = [(await ann.post("/emails/send", json=body)).json() for _ in range(2)]
        undone = {"to": ["zoe@far.example"], "subject": "At once", "undo_s": 60}
        await ann.post("/emails/send", json=undone)
        held = unzipped(await ann.get("/export"))
        told = json.loads(held["scheduled.json"])
        assert {each["email_id"] for each in told} == {first["email_id"], second["email_id"]}
        assert b"Subject: Boats" in held[f"scheduled/{first['email_id']}.eml"]
        assert json.loads(unzipped(await bo.get("/export"))["scheduled.json"]) == []
        assert (await ann.delete(f"/emails/{first['email_id']}/send")).status_code == 204
        desk.clock.move(timedelta(days=2))
        await desk.log.append(
            [
                as_kind(each, MailHeld)
                for each in desk.log.appended
                if isinstance(each, MailHeld) and each.mail_id == second["mail_id"]
            ]
        )
        assert json.loads(unzipped(await ann.get("/export"))["scheduled.json"]) == []


async def test_the_mail_alone_may_be_asked_for(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        await desk.receive("A pump")
        assert list(unzipped(await client.get("/export?what=mail"))) == ["mail/Inbox.mbox"]
        assert (await client.get("/export?what=nothing")).status_code in (400, 422)


async def test_nobody_takes_along_what_is_another_s(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.receive("A pump")
        other = await desk.signed_in("bo")
        held = unzipped(await other.get("/export"))
        assert not any(b"A pump" in content for content in held.values())
        assert (await desk.stranger().get("/export")).status_code == 401


def unzipped(answer: httpx.Response) -> dict[str, Any]:
    """Return the content of each member; every one is whole."""
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def lines(content: bytes) -> list[dict[str, Any]]:
    """Return what each line of a member says."""
    return [json.loads(line) for line in content.splitlines()]
