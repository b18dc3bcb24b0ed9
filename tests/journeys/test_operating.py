"""What operators do by the command line and the admin API, alike on both profiles."""

import asyncio
import json
import secrets
import smtplib
from pathlib import Path
from typing import Any

import pytest

from connectors.assembly import open_stores
from connectors.settings import load
from tests.journeys.place import ANN, PATIENCE_S, Person, Place, mail
from tests.process import emails_of, eventually
from topologies.ports.log import Entry

pytestmark = pytest.mark.process


def test_the_two_people_of_the_demo_write_to_each_other(place: Place) -> None:
    (alice, _), (bob, _) = place.service.users
    subject = secrets.token_hex(8)  # others write to them as well
    place.service.send(mail(subject), [alice, bob])
    for user in (0, 1):
        client = place.service.signed_in(user)
        found = eventually(
            lambda client=client: [m["subject"] for m in emails_of(client)],
            lambda subjects: subject in subjects,
            PATIENCE_S,
        )
        assert found.count(subject) == 1


def test_domains_users_and_aliases_are_made_and_mail_goes_by_them(place: Place) -> None:
    bo, ann = place.person("bo"), place.person("ann")
    assert place.domain in place.rillmail("domain", "list")
    place.rillmail("alias", "add", f"all@{place.domain}", bo.address, ann.address)
    assert f"all@{place.domain}" in place.rillmail("alias", "list")
    raw = mail("To all of you")
    eventually(
        lambda: place.refusals(raw, [f"all@{place.domain}"]), lambda found: not found, PATIENCE_S
    )
    for person in (bo, ann):
        [line] = person.awaited()
        assert line["subject"] == "To all of you"
    place.rillmail("user", "suspend", ann.address)
    eventually(lambda: ann.client.get("/me").status_code, lambda status: status == 401, PATIENCE_S)
    users = place.rillmail("user", "list")
    assert (bo.address in users, ann.address in users) == (True, True)


def test_an_mbox_is_imported_once_however_often_it_is_brought(place: Place, tmp_path: Path) -> None:
    bo = place.person("bo")
    mbox = tmp_path / "old.mbox"
    mbox.write_bytes(
        b"".join(
            b"From ann@far.example Mon Mar  2 10:00:%02d 2026\nSubject: old %d\n\nkept\n\n" % (n, n)
            for n in range(20)
        )
    )
    bring = ("import", str(mbox), "--user", bo.address, "--wait", str(PATIENCE_S))
    assert place.told(*bring)["added"] == 20
    assert place.told(*bring) == {
        "added": 0,
        "already_there": 20,
        "not_seen_yet": 0,
        "refused": [],
    }
    lines = bo.awaited(20)
    assert all(line["is_read"] for line in lines)
    assert bo.raw(lines[0]["email_id"]).endswith(b"\r\n\r\nkept\r\n")
    assert (
        len(eventually(lambda: bo.found("kept"), lambda found: len(found) == 20, PATIENCE_S)) == 20
    )


def test_the_audit_accounts_for_what_came_in(place: Place) -> None:
    bo = place.person("bo")
    for number in range(5):
        place.send(mail(f"mail {number}"), bo)
    bo.awaited(5)
    account = place.told("audit", "--grace", "300")
    assert account["mails"] >= 5
    assert account["differences"] == []


def test_a_mail_that_comes_again_as_its_sender_heard_no_answer_is_there_once(place: Place) -> None:
    bo = place.person("bo")
    raw = mail("Once", headers=[f"Message-ID: <{secrets.token_hex(8)}@far.example>"])
    with smtplib.SMTP("127.0.0.1", place.service.smtp_port, timeout=60) as client:
        client.ehlo()
        client.mail(ANN)
        client.rcpt(bo.address)
        client.docmd("DATA")
        client.send(raw + b"\r\n.\r\n")
        [line] = bo.awaited()
        client.close()
    place.restart_api()  # and, where it is the same process, who takes mail
    place.send(raw + b"\r\n", bo)
    place.send(mail("After"), bo)
    assert {each["subject"] for each in bo.awaited(2)} == {"Once", "After"}
    assert bo.get(f"/emails/{line['email_id']}")["subject"] == "Once"
    assert place.told("audit", "--grace", "300")["differences"] == []


def test_a_mailbox_is_made_anew_from_the_log_while_mail_comes_in(place: Place) -> None:
    bo = place.person("bo")
    for number in range(5):
        place.send(mail(f"mail {number}"), bo)
    lines = bo.awaited(5)
    read = {"is_read": True, "is_starred": True}
    assert bo.client.patch(f"/emails/{lines[0]['email_id']}", json=read).status_code == 200
    assert bo.client.delete(f"/emails/{lines[1]['email_id']}").status_code == 204
    before = emails_of(bo.client)
    rebuilt = place.told("rebuild", "--user", bo.address, "--mailboxes")
    assert (len(rebuilt["from_log"]["rebuilt"]), rebuilt["mails"]) == (1, 5)
    assert emails_of(bo.client) == before
    assert bo.client.get("/changes").json()["changes"][-1]["type"] == "mailbox.rebuilt"
    place.send(mail("mail 5"), bo)
    assert bo.awaited(5)[0]["subject"] == "mail 5"  # one of the first five lies in the trash
    assert len(eventually(lambda: bo.found("mail"), lambda found: len(found) == 6, PATIENCE_S)) == 6


def test_a_dead_letter_is_listed_replayed_and_dropped(place: Place) -> None:
    root = place.person("root", "--admin")
    key = secrets.token_hex(8)
    appended(place, key)
    [letter] = eventually(lambda: letters(root, key), len, PATIENCE_S)
    assert (letter["path"], letter["stage"], letter["kind"]) == ("inbound", "parse", "poison")
    path = f"/admin/dead-letters/{letter['letter_id']}"
    assert root.get(path)["value_base64"] == "bm8gZXZlbnQ="

    assert root.client.post(f"{path}/replay").json()["state"] == "replayed"
    [again] = eventually(  # it is as unreadable as before
        lambda: letters(root, key), lambda found: found not in ([], [letter]), PATIENCE_S
    )
    assert again["letter_id"] != letter["letter_id"]

    listed = json.loads(place.rillmail("dead", "list", "--path", "inbound", "--json"))
    assert again["letter_id"] in {each["letter_id"] for each in listed}
    assert "no event" in place.rillmail("dead", "show", again["letter_id"])
    assert place.rillmail("dead", "drop", again["letter_id"]) == "1 dropped\n"
    assert letters(root, key) == []
    settled = root.get("/admin/dead-letters", settled=True, limit=500)["dead_letters"]
    states = {each["state"] for each in settled if each["key"] == key}
    assert states == {"replayed", "dropped"}


def test_a_message_is_judged_by_the_command(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "lunch.eml"
    path.write_bytes(mail("Lunch", "At one, as ever?"))
    name, probability = place.rillmail("spam", "score", str(path)).split()
    assert (name, 0 <= float(probability) < 0.9) == (str(path), True)


def letters(root: Person, key: str) -> list[dict[str, Any]]:
    """Return the dead letters of *key*; others leave theirs."""
    found = root.get("/admin/dead-letters", limit=500)["dead_letters"]
    return [letter for letter in found if letter["key"] == key]


def appended(place: Place, key: str) -> None:
    """Write what is no event to the log, where mails come in."""
    entry = Entry(topic="mail.received", key=key, value=b"no event", event_id=key)

    async def append() -> None:
        async with open_stores(load(place.service.settings)) as stores:
            await stores.log.write([entry])

    asyncio.run(append())
