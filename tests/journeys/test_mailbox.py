"""What people do with their mail, alike on both profiles."""

import email.message
from pathlib import Path

import httpx
import pytest

from tests.engines.test_whole_topology import EICAR
from tests.journeys.place import PATIENCE_S, Place, mail, quarantined, told
from tests.process import eventually

pytestmark = pytest.mark.process


def test_a_mail_is_sent_by_the_command_told_by_the_socket_and_read(place: Place) -> None:
    bo = place.person("bo")
    with bo.socket(since=0) as socket:
        place.rillmail(
            *("send", "--server", f"127.0.0.1:{place.service.smtp_port}"),
            *("--to", bo.address, "--subject", "Lunch", "--body", "At one?"),
        )
        change = told(socket)
        assert (change["type"], change["cursor"], change["folder_id"]) == (
            "email.added",
            1,
            "inbox",
        )
        read = bo.get(f"/emails/{change['email_id']}")
        assert (read["subject"], read["body"].strip(), read["is_read"]) == (
            "Lunch",
            "At one?",
            False,
        )
        [line] = bo.emails()
        assert line["email_id"] == change["email_id"]
    assert eventually(lambda: bo.found("lunch"), len, PATIENCE_S) == ["Lunch"]
    assert "<title>Rillmail" in httpx.get(place.service.http_url).text


def test_who_writes_to_another_is_answered_the_same_however_often_they_ask(place: Place) -> None:
    ann, bo = place.person("ann"), place.person("bo")
    sending = {"to": [bo.address], "subject": "once", "body": "only"}
    answers = [
        ann.client.post("/emails/send", json=sending, headers={"Idempotency-Key": "k-1"})
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [202] * 3
    [told_of] = {answer.json()["email_id"] for answer in answers}
    [sent] = ann.awaited(folder_id="sent")
    assert (sent["email_id"], sent["is_read"]) == (told_of, True)
    [got] = bo.awaited()
    assert (got["subject"], got["from"]["address"]) == ("once", ann.address)
    other = ann.client.post(
        "/emails/send", json=sending | {"subject": "other"}, headers={"Idempotency-Key": "k-1"}
    )
    assert (other.status_code, other.json()["type"]) == (422, "urn:rillmail:problem:key-reused")
    reply = {"to": [ann.address], "subject": "Re: once", "in_reply_to": got["email_id"]}
    assert bo.client.post("/emails/send", json=reply).status_code == 202
    [answered] = ann.awaited()
    thread = ann.get(f"/threads/{answered['thread_id']}")
    assert {line["email_id"] for line in thread["emails"]} == {told_of, answered["email_id"]}


def test_what_is_infected_is_in_quarantine_and_what_is_spam_in_its_folder(place: Place) -> None:
    bo, root = place.person("bo"), place.person("root", "--admin")
    infected, winner = mail("Invoice", EICAR), mail("YOU WON the LOTTERY!!!", SPAM, headers=AS_HTML)
    for raw in (infected, winner, mail("Lunch")):
        place.send(raw, bo)
    assert [line["subject"] for line in bo.awaited()] == ["Lunch"]
    [spam] = bo.awaited(folder_id="spam")
    assert spam["subject"] == "YOU WON the LOTTERY!!!"
    assert bo.get(f"/emails/{spam['email_id']}")["spam_probability"] > 0.9
    kept = eventually(lambda: quarantined(root, bo.address), len, PATIENCE_S)
    [email_id] = kept
    answer = root.client.get(f"/admin/quarantine/{email_id}/raw")
    assert answer.content == infected
    assert bo.client.get("/admin/quarantine").status_code == 403


def test_who_is_full_or_not_there_gets_nothing_and_the_sender_is_told(place: Place) -> None:
    ann, bo = place.person("ann"), place.person("bo", "--quota", "20KB")
    nobody = f"nobody@{place.domain}"
    refused = place.refusals(mail("Hello"), [ann.address, nobody])
    assert [(to, code) for to, (code, _) in refused.items()] == [(nobody, 550)]
    answer = ann.client.post("/emails/send", json={"to": [nobody], "subject": "Hello"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/to/0")
    place.send(mail("first", "x" * 15_000), bo)
    bo.awaited()
    large = mail("second", "x" * 15_000)
    eventually(lambda: place.refusals(large, [bo.address]), len, PATIENCE_S)
    [(code, words)] = place.refusals(large, [bo.address]).values()
    assert (code, b"2.2" in words) == (452, True)
    full = bo.client.post("/emails/send", json={"to": [ann.address], "body": "x" * 15_000})
    assert (full.status_code, full.json()["type"]) == (507, "urn:rillmail:problem:quota-exceeded")
    ann.awaited()


def test_a_folder_is_made_filled_and_deleted_and_its_mails_lie_in_trash(place: Place) -> None:
    bo = place.person("bo")
    for number in range(3):
        place.send(mail(f"Ticket {number}"), bo)
    lines = bo.awaited(3)
    folder = bo.client.post("/folders", json={"name": "Travel"}).json()["folder_id"]
    for line in lines:
        changed = bo.client.patch(f"/emails/{line['email_id']}", json={"folder_id": folder})
        assert changed.status_code == 200
    assert (len(bo.emails(folder)), bo.emails()) == (3, [])
    assert bo.client.patch(f"/folders/{folder}", json={"name": "Journeys"}).status_code == 200
    assert bo.client.delete(f"/folders/{folder}").status_code == 204
    assert {line["subject"] for line in bo.awaited(3, "trash")} == {f"Ticket {n}" for n in range(3)}
    counts = {each["name"]: each["total_count"] for each in bo.get("/folders")}
    assert counts == {"Inbox": 0, "Sent": 0, "Drafts": 0, "Spam": 0, "Trash": 3}
    [gone, *_] = bo.emails("trash")
    assert bo.client.delete(f"/emails/{gone['email_id']}").status_code == 204
    assert len(bo.emails("trash")) == 2


def test_changes_are_told_on_from_the_cursor_when_the_api_was_away(place: Place) -> None:
    bo = place.person("bo")
    place.send(mail("one"), bo)
    with bo.socket(since=0) as socket:
        assert told(socket)["cursor"] == 1
    place.restart_api()
    place.send(mail("two"), bo)
    with bo.socket(since=1) as socket:
        assert told(socket)["cursor"] == 2
        place.send(mail("three"), bo)
        assert told(socket)["cursor"] == 3
    changes = bo.get("/changes", since=0)
    assert [change["cursor"] for change in changes["changes"]] == [1, 2, 3]


def test_attachments_are_downloaded_by_a_url_that_outlives_the_process(place: Place) -> None:
    bo = place.person("bo")
    content = bytes(range(256)) * 2_000
    place.send(with_file("plän.html", content), bo)
    [line] = bo.awaited()
    [file] = bo.get(f"/emails/{line['email_id']}")["attachments"]
    assert (file["file_name"], file["size"]) == ("plän.html", len(content))
    ours = bo.client.get(file["url"], params={"here": True}).headers["location"]
    answer = bo.client.get(file["url"])
    there = answer.headers["location"]
    assert (answer.status_code, there.startswith("/blobs/")) == (302, not place.is_cluster)
    assert bo.get(file["url"], redirect=False)["url"].partition("?")[0] == there.partition("?")[0]
    place.restart_api()
    for url in (ours, there):
        # Nobody is signed in: whoever has the URL has the content.
        fetched = httpx.get(str(httpx.URL(place.service.http_url).join(url)))
        assert fetched.content == content
        assert fetched.headers["content-disposition"] == (
            "attachment; filename=\"pl_n.html\"; filename*=UTF-8''pl%C3%A4n.html"
        )
    if place.is_cluster:
        forged = there.replace("attachment", "inline")
        assert httpx.get(forged).status_code == 403


def with_file(name: str, content: bytes) -> bytes:
    message = email.message.EmailMessage()
    message["From"] = "ann@far.example"
    message["Subject"] = Path(name).stem
    message.set_content("See the file.")
    message.add_attachment(content, maintype="text", subtype="html", filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


AS_HTML = ("MIME-Version: 1.0", "Content-Type: text/html")
SPAM = (
    "<h1>WINNER!!!</h1><p>You have won one million dollars in the lottery. Click here now to claim"
    " your free money, cheap viagra, 100% guaranteed, no credit check. Make money fast, earn $$$ at"
    ' home.</p><a href="http://10.0.0.1/win">CLICK HERE</a>'
)
