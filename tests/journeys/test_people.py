"""People on the real service: whom one writes to, what comes back, whose mail one leaves."""

import asyncio
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.contracts.dns_server import TestServer, serving
from tests.journeys.place import PATIENCE_S, Person, Place
from tests.outbound.certificates import made
from tests.process import RunningCluster, RunningService, eventually
from tests.sink import Sink, listening
from topologies.mail import dkim_private
from topologies.mail.dkim_sign import sign

pytestmark = pytest.mark.process

SOON = timedelta(seconds=8)


def test_whom_one_writes_to_is_known_whatever_is_killed_meanwhile(place: Place) -> None:
    ann, bo = place.person("ann"), place.person("bo", "--name", "Bo Ohm")
    to = [{"address": bo.address, "name": "Bo Ohm"}]
    for number in range(3):
        sent(ann, to=to, subject=f"No. {number}")
        if number == 1:
            kill(place)
    [known] = eventually(
        lambda: ann.get("/contacts", q="ohm")["contacts"],
        lambda found: found and found[0]["use_count"] == 3,
        PATIENCE_S,
    )
    assert (known["address"], known["name"]) == (bo.address, "Bo Ohm")
    assert ann.client.delete(f"/contacts/{quote(bo.address)}").status_code == 204
    assert ann.get("/contacts")["contacts"] == []


def test_a_mail_that_is_put_off_comes_back_once_whatever_is_killed_meanwhile(
    place: Place,
) -> None:
    ann = place.person("ann")
    place.send(b"Subject: Later\r\n\r\nHello.\r\n", ann)
    [mail] = ann.awaited()
    place.send(b"Subject: Newer\r\n\r\nHello.\r\n", ann)
    ann.awaited(2)
    cursor = ann.get("/me")["cursor"]
    until = (datetime.now(UTC) + SOON).isoformat()
    answer = ann.client.post(f"/emails/{mail['email_id']}/snooze", json={"until": until})
    assert answer.status_code in (200, 202), answer.text
    kill(place)
    back = eventually(
        lambda: ann.emails()[0],
        lambda top: (top["subject"], top["email_id"] != mail["email_id"]) == ("Later", True),
        PATIENCE_S,
    )
    assert back["is_read"] is False
    eventually(lambda: ann.get("/snoozed")["snoozed"], lambda left: left == [], PATIENCE_S)
    assert [each["subject"] for each in ann.emails()] == ["Later", "Newer"]
    assert ann.emails("snoozed") == []
    changes = ann.get("/changes", since=cursor)["changes"]
    added = [each for each in changes if each["type"] == "email.added"]
    assert [each["email_id"] for each in added] == [back["email_id"]]


def test_who_got_no_answer_is_reminded_once_whatever_is_killed_meanwhile(place: Place) -> None:
    ann, bo = place.person("ann"), place.person("bo")
    at = (datetime.now(UTC) + SOON).isoformat()
    email_id = sent(ann, to=[bo.address], subject="Boats", remind_at=at)
    kill(place)
    ann.awaited(1, "sent")
    kill(place)
    [line] = ann.awaited(1)
    reminder = ann.get(f"/emails/{line['email_id']}")
    assert (reminder["subject"], reminder["is_read"]) == ("Boats", False)
    assert "nobody has answered" in reminder["note"]
    place.service.settle()
    assert ann.emails() == [line | {"is_read": False}]
    assert [each["email_id"] for each in ann.emails("sent")] == [email_id]
    assert ann.get("/reminders")["reminders"] == []


def test_who_is_blocked_is_kept_out_of_the_inbox(place: Place) -> None:
    ann = place.person("ann")
    answer = ann.client.post("/settings/blocked", json={"target": "@far.example", "into": "trash"})
    assert answer.status_code == 201, answer.text

    def offered() -> list[dict[str, Any]]:
        # Rules may be a second old elsewhere, so a mail or two may be the last.
        place.send(b"From: zoe@far.example\r\nSubject: Again\r\n\r\nHello.\r\n", ann)
        return ann.emails("trash")

    found = eventually(offered, bool, PATIENCE_S)
    told = ann.get(f"/emails/{found[0]['email_id']}")
    assert told["note"] == "you have blocked @far.example"


def test_by_one_click_the_sender_is_told_over_tls_and_nobody_else(tmp_path: Path) -> None:
    key = dkim_private.parse(dkim_private.make("ed25519-sha256"))
    zones = {
        "s1._domainkey.news.test": {"TXT": [f'"{key.record()}"']},
        "list.news.test": {"A": ["127.0.0.1"]},
    }
    certificate = made(tmp_path, "list.news.test")
    with (
        listening(Sink(), certificate.context()) as sink,
        served(zones) as dns,
        RunningService(
            tmp_path / "data",
            {
                "RILLMAIL_DNS_SERVERS": dns,
                "RILLMAIL_DELIVERY_CA_FILE": certificate.pem,
                "RILLMAIL_WEBHOOKS_TO_PRIVATE": "true",
                "RILLMAIL_SPAM_THRESHOLD": "1",
            },
        ) as service,
    ):
        url = f"https://list.news.test:{sink.port}/u?id=1"
        raw = (
            f"List-Unsubscribe: <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            "From: News <news@news.test>\r\nSubject: News\r\n\r\nHello.\r\n"
        ).encode()
        signed = sign(raw, domain="news.test", keys=[("s1", key)], at=datetime.now(UTC)) + raw
        service.send(signed, [service.users[0][0]], "news@news.test")
        ann = service.signed_in(0)
        path = f"/emails/{first_of(ann)}/unsubscribe"
        assert ann.get(path).json()["way"] == "one-click"
        for _ in range(2):
            assert ann.post(path).status_code in (200, 202)
        told = eventually(lambda: ann.get(path).json(), lambda found: found["state"] == "done")
        assert told["to"] == "list.news.test"
        service.settle()
        [post] = sink.posts
        assert (post.path, post.body) == ("/u?id=1", b"List-Unsubscribe=One-Click")
        assert post.headers["content-type"] == "application/x-www-form-urlencoded"
        assert not {"cookie", "authorization"} & post.headers.keys()


def kill(place: Place) -> None:
    """End at once what works on mailboxes, and let it come again."""
    service = place.service
    if isinstance(service, RunningCluster):
        eventually(lambda: "mailbox" in service.workers().values(), bool, PATIENCE_S)
        service.kill_worker("mailbox")
    else:
        place.restart_api()


def sent(person: Person, **mail: Any) -> str:
    answer = person.client.post("/emails/send", json={"body": "Hello."} | mail)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["email_id"])


@contextmanager
def served(zones: Mapping[str, Mapping[str, list[str]]]) -> Generator[str]:
    """Run a DNS that knows *zones*, in a thread of its own; yield where it is."""
    server, is_ready, loop = TestServer(zones), threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with serving(server):
            is_ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    is_ready.wait()
    try:
        yield server.address
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def first_of(client: httpx.Client) -> str:
    def inbox() -> list[dict[str, Any]]:
        return client.get("/folders/inbox/emails").json()["emails"]

    return str(eventually(inbox, bool)[0]["email_id"])
