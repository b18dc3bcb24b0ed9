"""What becomes of a sent mail, from the sender's chair: told, seen, and learnt from."""

import json
import secrets
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from api.cli.main import main
from tests.journeys import test_between_systems as between
from tests.journeys.place import Place
from tests.journeys.test_between_systems import Systems, send, titled
from tests.process import emails_of, eventually

pytestmark = pytest.mark.process

# Fixtures: two services that find each other.
dns, systems = between.dns, between.systems

NOBODY = "nobody@b.test"


def test_mail_to_nobody_comes_back_and_is_not_sent_again(systems: Systems) -> None:
    ann = systems.ann()
    sent = send(ann, to=[NOBODY], subject="One")
    assert "The mailbox does not exist." in report_about(ann, "One")
    [delivery] = ann.get(f"/emails/{sent}/delivery").json()["deliveries"]
    [recipient] = delivery["recipients"]
    assert (recipient["state"], recipient["enhanced"]) == ("failed", "5.1.1")
    [entry] = eventually(lambda: suppressed(ann), lambda found: len(found) == 1)
    assert (entry["target"], entry["reason"]) == (NOBODY, "bounce")
    again = send(ann, to=[NOBODY, "bo@b.test"], subject="Two")
    assert "is on your suppression list" in report_about(ann, "Two")
    eventually(lambda: titled(systems.bo(), "Two"), lambda found: len(found) == 1)
    [delivery] = ann.get(f"/emails/{again}/delivery").json()["deliveries"]
    states = {each["recipient"]: each["state"] for each in delivery["recipients"]}
    assert states == {NOBODY: "failed", "bo@b.test": "delivered"}
    assert ann.delete(f"/suppressions/{NOBODY}").status_code == 204
    send(ann, to=[NOBODY], subject="Three")
    assert "The mailbox does not exist." in report_about(ann, "Three")


def test_mail_that_waits_is_seen_held_and_tried_when_an_operator_says_so(systems: Systems) -> None:
    ann = systems.ann()
    systems.b.kill()
    sent = send(ann, to=["bo@b.test"], subject="Waits")
    [waiting] = eventually(lambda: queued(systems), lambda found: len(found) == 1)
    assert (waiting["state"], waiting["destination"]) == ("deferred", "b.test")
    [delivery] = ann.get(f"/emails/{sent}/delivery").json()["deliveries"]
    assert delivery["next_try_at"] is not None
    rillmail(systems, "queue", "hold", waiting["delivery_id"])
    assert [each["state"] for each in queued(systems)] == ["held"]
    systems.b.start()
    rillmail(systems, "queue", "release", "--all", "--yes")
    bo = systems.bo()

    def tried() -> list[dict[str, Any]]:
        rillmail(systems, "queue", "retry", "--all", "--yes")
        return titled(bo, "Waits")

    # It was found dead a moment ago, so the first tries may not ask it at all.
    eventually(tried, lambda found: len(found) == 1, 120.0)
    eventually(lambda: queued(systems), lambda found: found == [])
    assert len(titled(bo, "Waits")) == 1


def test_who_is_suppressed_is_not_written_to_on_either_profile(place: Place) -> None:
    ann = place.person("ann")
    domain = f"{secrets.token_hex(6)}.example"
    place.rillmail("suppress", "add", f"@{domain}", "--why", "a trap")
    sent = send(ann.client, to=[f"bo@{domain}"], subject="Trapped")
    [report] = ann.awaited()
    assert report["subject"] == "Your mail could not be delivered: Trapped"
    body = ann.get(f"/emails/{report['email_id']}")["body"]
    assert f"@{domain} is on our suppression list" in body
    assert "(a trap)" in body
    [delivery] = ann.get(f"/emails/{sent}/delivery")["deliveries"]
    [recipient] = delivery["recipients"]
    assert (recipient["state"], recipient["code"], recipient["host"]) == ("failed", 550, "")
    listed = place.told("queue", "list", "--state", "failed", "--to", domain)
    assert [each["delivery_id"] for each in listed] == [delivery["delivery_id"]]
    shown = place.rillmail("queue", "trace", listed[0]["mail_id"])
    assert f"bo@{domain}: failed" in shown


def queued(systems: Systems) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(rillmail(systems, "queue", "list", "--json"))
    return found


def rillmail(systems: Systems, *words: str) -> str:
    """Run a command on the sender's side, and return what it prints."""
    done = CliRunner(env=systems.a.settings).invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def report_about(client: httpx.Client, subject: str) -> str:
    """Return the text of the report about a mail, as soon as it is there."""
    title = f"Your mail could not be delivered: {subject}"

    def found() -> list[dict[str, Any]]:
        return [each for each in emails_of(client) if each["subject"] == title]

    [line] = eventually(found, lambda lines: len(lines) == 1)
    return str(client.get(f"/emails/{line['email_id']}").json()["body"])


def suppressed(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/suppressions").json()["suppressions"]
    return found
