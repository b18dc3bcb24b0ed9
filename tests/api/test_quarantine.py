"""The quarantine: administrators look at held mails, let them out, or delete them."""

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_mailbox import got
from tests.contracts.hostile_files import TEXT, zipped
from tests.engines.test_whole_topology import EICAR
from tests.services import DOMAIN
from topologies.errors import NoSpace
from topologies.events import MailReceived
from topologies.mail import ids
from topologies.quarantine import released_id

BAD = f"From: zoe@far.example\r\nSubject: bad\r\n\r\n{EICAR}\r\n".encode()


async def test_held_mails_are_listed_with_whom_they_were_for_and_what_was_found(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        await receive_for_all(desk)
        [held] = await listed(await desk.signed_in("root"))
        assert (held["state"], held["mail_from"]) == ("held", "zoe@far.example")
        assert held["recipients"] == [f"all@{DOMAIN}"]
        assert held["findings"] == [{"kind": "malware", "name": "Eicar-Test-Signature", "part": ""}]
        assert held["note"] == "infected: Eicar-Test-Signature"


async def test_the_list_goes_on_by_cursor(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for number in range(5):
            await desk.receive("", raw=BAD.replace(b"bad", b"bad %d" % number))
            desk.clock.move(timedelta(seconds=1))
        root = await desk.signed_in("root")
        subjects: list[str] = []
        page = await got(root, "/admin/quarantine?limit=2")
        while True:
            assert page["total_count"] == 5
            subjects += [mail["subject"] for mail in page["emails"]]
            if not page["has_more"]:
                break
            page = await got(root, f"/admin/quarantine?limit=2&cursor={page['next_cursor']}")
        assert subjects == [f"bad {number}" for number in (4, 3, 2, 1, 0)]
        assert (await root.get("/admin/quarantine?cursor=nonsense")).status_code == 400


async def test_a_mail_that_is_let_out_reaches_all_whom_it_was_for(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await receive_for_all(desk)
        root = await desk.signed_in("root")
        [held] = await listed(root)
        answer = await root.post(f"/admin/quarantine/{held['email_id']}/release")
        assert answer.status_code == 200, answer.text
        assert answer.json()["recipients"] == [f"all@{DOMAIN}"]
        for name in ("ann", "bo"):
            client = await desk.signed_in(name)
            [line] = (await got(client, "/folders/inbox/emails"))["emails"]
            mail = await got(client, f"/emails/{line['email_id']}")
            assert mail["mail_id"] == answer.json()["mail_id"] == released_id(held["mail_id"])
            assert mail["note"] == (
                "let out of the quarantine by an administrator; infected: Eicar-Test-Signature"
            )
            assert [finding["kind"] for finding in mail["findings"]] == ["malware"]
            assert (await client.get(f"/emails/{line['email_id']}/raw")).content == BAD


async def test_what_is_let_out_twice_is_there_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.receive("", raw=BAD)
        root, ann = await desk.signed_in("root"), await desk.signed_in("ann")
        [held] = await listed(root)
        for _ in range(2):
            answer = await root.post(f"/admin/quarantine/{held['email_id']}/release")
            assert answer.json()["state"] == "released"
        assert (await got(ann, "/folders/inbox/emails"))["total_count"] == 1
        assert await listed(root) == []
        assert [mail["email_id"] for mail in await listed(root, "released")] == [held["email_id"]]


async def test_a_large_mail_is_let_out_byte_for_byte(a_desk: Desks) -> None:
    async with a_desk() as desk:
        padding = b"\r\n" + b"x" * 70 + b"\r\n"
        raw = BAD + padding * 2_000
        await desk.receive("", raw=raw)
        root, ann = await desk.signed_in("root"), await desk.signed_in("ann")
        [held] = await listed(root)
        assert (await root.post(f"/admin/quarantine/{held['email_id']}/release")).is_success
        [line] = (await got(ann, "/folders/inbox/emails"))["emails"]
        assert (await ann.get(f"/emails/{line['email_id']}/raw")).content == raw


@memory_alone
async def test_it_is_judged_as_it_was_when_it_came_in(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.receive("", raw=BAD)
        [first] = [event for event in desk.log.appended if isinstance(event, MailReceived)]
        root = await desk.signed_in("root")
        [held] = await listed(root)
        await root.post(f"/admin/quarantine/{held['email_id']}/release")
        again = [event for event in desk.log.appended if isinstance(event, MailReceived)][-1]
        assert again.released is not None
        assert (again.released.by, again.released.mail_id) == (f"root@{DOMAIN}", first.mail_id)
        for name in MailReceived.__struct_fields__:
            if name not in ("mail_id", "released"):
                assert getattr(again, name) == getattr(first, name), name


async def test_a_dropped_mail_is_gone_for_good(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.receive("", raw=BAD)
        root, ann = await desk.signed_in("root"), await desk.signed_in("ann")
        [held] = await listed(root)
        path = f"/admin/quarantine/{held['email_id']}"
        assert (await root.delete(path)).status_code == 204
        assert await listed(root) == []
        for answer in (
            await root.get(path),
            await root.delete(path),
            await root.post(path + "/release"),
        ):
            assert answer.status_code == 404
        assert (await got(ann, "/folders/inbox/emails"))["total_count"] == 0


@memory_alone
async def test_nothing_is_let_out_while_the_log_takes_nothing(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.receive("", raw=BAD)
        root = await desk.signed_in("root")
        [held] = await listed(root)
        desk.log.error = NoSpace("the log is full")
        answer = await root.post(f"/admin/quarantine/{held['email_id']}/release")
        assert answer.status_code == 507
        desk.log.error = None
        assert len(await listed(root)) == 1


async def test_a_mail_that_is_only_tagged_reaches_its_recipient_with_a_note(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.receive("", raw=with_file("a.zip", zipped({"a.txt": TEXT}, is_locked=True)))
        mail = await only(desk, "ann")
        assert mail["note"] == (
            "could not be scanned for viruses: archive with a password in a.zip/a.txt"
        )
        assert [finding["kind"] for finding in mail["findings"]] == ["encrypted"]


@memory_alone
@pytest.mark.parametrize("path", ["", "/raw", "/release"])
async def test_whose_mail_it_is_does_not_matter_to_who_is_no_administrator(
    a_desk: Desks, path: str
) -> None:
    async with a_desk() as desk:
        await desk.receive("", raw=BAD)
        [held] = await listed(await desk.signed_in("root"))
        ann = await desk.signed_in("ann")
        method = "POST" if path == "/release" else "GET"
        answer = await ann.request(method, f"/admin/quarantine/{held['email_id']}{path}")
        assert answer.status_code == 403


# --- builders -----------------------------------------------------------------------


async def receive_for_all(desk: Desk) -> None:
    """Let ``BAD`` come in for an alias of both."""
    mail = MailReceived(
        mail_id=ids.new_id(desk.clock.now()),
        received_at=desk.clock.now(),
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=(f"all@{DOMAIN}",),
        size_bytes=len(BAD),
        raw=BAD,
    )
    await desk.log.append([mail])


async def listed(root: httpx.AsyncClient, state: str = "held") -> list[dict[str, Any]]:
    return (await got(root, f"/admin/quarantine?state={state}"))["emails"]


async def only(desk: Desk, name: str) -> dict[str, Any]:
    client = await desk.signed_in(name)
    [line] = (await got(client, "/folders/inbox/emails"))["emails"]
    return await got(client, f"/emails/{line['email_id']}")


def with_file(name: str, content: bytes) -> bytes:
    return (
        b"From: zoe@far.example\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nHello.\r\n--b\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename="
        + name.encode()
        + b"\r\n\r\n"
        + base64.encodebytes(content).replace(b"\n", b"\r\n")
        + b"\r\n--b--\r\n"
    )
