"""Users' own rules, aliases and domains that stand for others, alike on both profiles."""

import pytest

from tests.journeys.place import PATIENCE_S, Place, mail
from tests.process import eventually

pytestmark = pytest.mark.process

SCRIPT = """require ["fileinto", "mailbox", "imap4flags"];
if header :contains "subject" "pump" {
    addflag "\\\\Flagged";
    fileinto :create "Pumps";
} elsif header :contains "subject" "junk" {
    discard;
}
"""


def test_a_script_files_flags_and_drops_and_nothing_is_missed(place: Place) -> None:
    bo = place.person("bo")
    put = bo.client.put("/rules/scripts/mine", json={"source": SCRIPT})
    assert put.status_code == 201, put.text
    assert bo.client.put("/rules/active", json={"name": "mine"}).status_code == 200
    for subject in ("a pump", "junk", "lunch"):
        place.send(mail(subject), bo)
    [kept] = bo.awaited()
    assert kept["subject"] == "lunch"
    folders = eventually(  # the mails may overtake each other
        lambda: {each["name"]: each["folder_id"] for each in bo.get("/folders")},
        lambda found: "Pumps" in found,
        PATIENCE_S,
    )
    [filed] = bo.awaited(folder_id=folders["Pumps"])
    assert (filed["subject"], filed["is_starred"]) == ("a pump", True)
    place.send(mail("another pump"), bo)
    assert len(bo.awaited(2, folder_id=folders["Pumps"])) == 2


def test_a_colleague_who_is_away_answers_once_and_forwards(place: Place) -> None:
    ann, bo, zoe = place.person("ann"), place.person("bo"), place.person("zoe")
    away = {"is_on": True, "text": "Back on Monday."}
    assert ann.client.put("/settings/vacation", json=away).status_code == 200
    onward = {"is_on": True, "addresses": [zoe.address]}
    assert ann.client.put("/settings/forwarding", json=onward).status_code == 200
    for subject in ("first", "second"):
        sending = {"to": [ann.address], "subject": subject, "body": "x"}
        assert bo.client.post("/emails/send", json=sending).status_code == 202
    assert {each["subject"] for each in zoe.awaited(2)} == {"first", "second"}
    assert {each["subject"] for each in ann.awaited(2)} == {"first", "second"}
    [answer] = bo.awaited()
    assert answer["subject"].startswith("Auto: ")


def test_a_domain_stands_for_another_and_a_group_hears_its_members(place: Place) -> None:
    ann, bo = place.person("ann"), place.person("bo")
    place.rillmail("domain", "alias", "add", f"other-{place.domain}", place.domain)
    team = f"team@{place.domain}"
    place.rillmail("alias", "add", team, ann.address, bo.address, "--members-only")
    other = f"bo@other-{place.domain}"
    eventually(
        lambda: place.refusals(mail("hello"), [other]), lambda found: found == {}, PATIENCE_S
    )
    assert [each["subject"] for each in bo.awaited()] == ["hello"]
    assert place.refusals(mail("spam"), [team])[team][0] == 550
    sending = {"to": [team], "subject": "to all of us", "body": "x"}
    assert ann.client.post("/emails/send", json=sending).status_code == 202
    assert [each["subject"] for each in ann.awaited()] == ["to all of us"]
    assert len(bo.awaited(2)) == 2
