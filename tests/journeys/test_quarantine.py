"""A mail that is held, looked at, let out and accounted for, alike on both profiles."""

import base64

import pytest

from tests.contracts.hostile_files import PROGRAM, TEXT, zipped
from tests.journeys.place import ANN, PATIENCE_S, Place, mail, quarantined
from tests.process import eventually

pytestmark = pytest.mark.process


def test_a_held_mail_is_let_out_by_command_and_by_api_and_is_there_once(place: Place) -> None:
    bo, root = place.person("bo"), place.person("root", "--admin")
    raw = with_file("plan.jpg", zipped({"plan.jpg": PROGRAM}))
    place.send(raw, bo)
    [email_id] = eventually(lambda: quarantined(root, bo.address), len, PATIENCE_S)
    shown = place.told("quarantine", "show", email_id)
    assert (shown["recipients"], shown["mail_from"]) == ([bo.address], ANN)
    assert shown["findings"] == [
        {"kind": "executable", "name": "Windows program (PE)", "part": "plan.jpg/plan.jpg"}
    ]
    assert place.told("quarantine", "release", email_id) == {"released": [email_id], "failed": {}}
    [line] = bo.awaited()
    again = root.client.post(f"/admin/quarantine/{email_id}/release")
    assert again.is_success, again.text
    eventually(lambda: quarantined(root, bo.address), lambda held: email_id not in held, PATIENCE_S)
    place.send(mail("afterwards"), bo)  # what comes later is there, so all before it is
    subjects = [each["subject"] for each in bo.awaited(2)]
    assert sorted(subjects) == ["A file", "afterwards"]
    assert bo.raw(line["email_id"]) == raw
    note = bo.get(f"/emails/{line['email_id']}")["note"]
    assert note.startswith("let out of the quarantine")
    assert accounted(place)


def test_a_held_mail_that_is_dropped_is_gone_and_accounted_for(place: Place) -> None:
    bo, root = place.person("bo"), place.person("root", "--admin")
    place.send(with_file("order.pdf.exe", PROGRAM), bo)
    [email_id] = eventually(lambda: quarantined(root, bo.address), len, PATIENCE_S)
    place.rillmail("quarantine", "drop", email_id)
    eventually(lambda: quarantined(root, bo.address), lambda held: not held, PATIENCE_S)
    path = f"/admin/quarantine/{email_id}"
    eventually(lambda: root.client.get(path).status_code, lambda code: code == 404, PATIENCE_S)
    assert accounted(place)


def test_what_can_not_be_looked_into_arrives_with_a_note(place: Place) -> None:
    bo = place.person("bo")
    place.send(with_file("a.zip", zipped({"letter.txt": TEXT}, is_locked=True)), bo)
    [line] = bo.awaited()
    told = bo.get(f"/emails/{line['email_id']}")
    assert told["findings"][0]["kind"] == "encrypted"
    assert told["note"].startswith("could not be scanned for viruses")


def accounted(place: Place) -> bool:
    """Return whether every mail of this place is accounted for; others may lack some."""
    account = place.told("audit", "--hours", "1")
    return not [d for d in account["differences"] if place.domain in d["detail"]]


def with_file(name: str, content: bytes) -> bytes:
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return (
        b"Subject: A file\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello.\r\n--b\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename="
        + name.encode()
        + b"\r\n\r\n"
        + encoded
        + b"\r\n--b--\r\n"
    )
