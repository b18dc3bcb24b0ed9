"""What becomes of a sent mail, from the sender's chair: told, seen, and learnt from."""

import asyncio
import json
import random
import secrets
import smtplib
import time
from collections import Counter
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from api.cli.main import main
from connectors.assembly.embedded import open_stores
from connectors.settings import Settings
from tests.journeys import test_between_systems as between
from tests.journeys.place import Place
from tests.journeys.test_between_systems import Systems, send, titled
from tests.process import RunningService, emails_of, eventually
from topologies.events import MailReceived
from topologies.mail import verp

pytestmark = pytest.mark.process

# Fixtures: two services that find each other.
dns, systems = between.dns, between.systems

NOBODY = "nobody@b.test"
FAILURE_NOTICE = (
    "From: MAILER-DAEMON@b.test\r\nTo: you\r\nSubject: failure notice\r\n\r\n"
    "Hi. This is the qmail-send program at mx.b.test.\r\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n"
    "<bo@b.test>:\r\nThe mailbox is closed. (#5.2.1)\r\n"
)


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

    def states() -> dict[str, str]:
        [delivery] = ann.get(f"/emails/{again}/delivery").json()["deliveries"]
        return {each["recipient"]: each["state"] for each in delivery["recipients"]}

    wanted = {NOBODY: "failed", "bo@b.test": "delivered"}
    eventually(states, lambda found: found == wanted)
    assert ann.delete(f"/suppressions/{NOBODY}").status_code == 204
    send(ann, to=[NOBODY], subject="Three")
    assert "The mailbox does not exist." in report_about(ann, "Three")


def test_mail_that_waits_is_seen_held_and_tried_when_an_operator_says_so(systems: Systems) -> None:
    ann = systems.ann()
    systems.b.kill()
    sent = send(ann, to=["bo@b.test"], subject="Waits")
    [waiting] = eventually(lambda: queued(systems), lambda found: len(found) == 1)
    assert (waiting["state"], waiting["destination"]) == ("deferred", "b.test")
    eventually(
        lambda: ann.get(f"/emails/{sent}/delivery").json()["deliveries"],
        lambda found: len(found) == 1 and found[0]["next_try_at"] is not None,
    )
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


def test_a_bounce_in_words_to_the_path_of_a_mail_is_known_to_be_about_it(systems: Systems) -> None:
    ann = systems.ann()
    sent = send(ann, to=["bo@b.test"], subject="Your order", stream="transactional")
    eventually(lambda: titled(systems.bo(), "Your order"), lambda found: len(found) == 1)

    def recipient() -> dict[str, Any]:
        [delivery] = ann.get(f"/emails/{sent}/delivery").json()["deliveries"]
        [found] = delivery["recipients"]
        return {"delivery_id": delivery["delivery_id"], **found}

    told = eventually(recipient, lambda found: found["state"] == "delivered")
    key = verp.key_of((systems.a.folder / "url.key").read_bytes())
    path = verp.made(told["delivery_id"], "ann@a.test", key)
    assert path in reverse_paths(systems.b)  # the other system was told it, and not ann's address
    with smtplib.SMTP("127.0.0.1", systems.a.smtp_port, timeout=30) as client:
        client.sendmail("", [path], FAILURE_NOTICE)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("", [path.replace("-", "-aaaa", 1)], FAILURE_NOTICE)
    told = eventually(recipient, lambda found: found["state"] == "failed")
    assert (told["enhanced"], told["text"]) == ("5.2.1", "The mailbox is closed. (#5.2.1)")
    assert len(eventually(lambda: titled(ann, "failure notice"), bool)) == 1


def test_a_service_that_is_killed_tells_of_each_failure_once(systems: Systems) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    domains = [f"{secrets.token_hex(6)}.example" for _ in range(2)]
    for domain in domains:
        rillmail(systems, "suppress", "add", f"@{domain}")
    wanted: set[tuple[str, str]] = set()
    for turn in range(3):
        for number in range(4):
            subject = f"{domains[0]} {turn}.{number}"
            send(systems.ann(), to=[f"bo@{domain}" for domain in domains], subject=subject)
            wanted |= {(subject, domain) for domain in domains}
        # News are gathered for five seconds: some kills come before they are told, some after.
        time.sleep(moments.uniform(0, 7))
        systems.a.kill()
        systems.a.start()
    ann = systems.ann()

    def told() -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for line in emails_of(ann):
            subject = line["subject"].removeprefix("Your mail could not be delivered: ")
            if subject.startswith(domains[0]):
                body = ann.get(f"/emails/{line['email_id']}").json()["body"]
                found.update((subject, domain) for domain in domains if f"bo@{domain}" in body)
        return found

    eventually(told, lambda found: set(found) >= wanted)
    eventually(lambda: work_left(systems), lambda left: left == 0)
    assert told() == dict.fromkeys(wanted, 1)


def test_failures_at_several_systems_are_one_report_on_either_profile(place: Place) -> None:
    ann = place.person("ann")
    domains = [f"{secrets.token_hex(6)}.example" for _ in range(3)]
    for domain in domains:
        place.rillmail("suppress", "add", f"@{domain}")
    send(ann.client, to=[f"bo@{domain}" for domain in domains], subject="To three")
    [report] = ann.awaited()
    body = ann.get(f"/emails/{report['email_id']}")["body"]
    assert [domain for domain in domains if f"bo@{domain}" in body] == domains


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

    def recipients() -> list[tuple[str, int, str]]:
        [told] = ann.get(f"/emails/{sent}/delivery")["deliveries"]
        return [(each["state"], each["code"], each["host"]) for each in told["recipients"]]

    eventually(recipients, lambda found: found == [("failed", 550, "")])
    [delivery] = ann.get(f"/emails/{sent}/delivery")["deliveries"]
    listed = place.told("queue", "list", "--state", "failed", "--to", domain)
    assert [each["delivery_id"] for each in listed] == [delivery["delivery_id"]]
    shown = place.rillmail("queue", "trace", listed[0]["mail_id"])
    assert f"bo@{domain}: failed" in shown


def reverse_paths(service: RunningService) -> set[str]:
    """Return those of the mails that a service was handed."""

    async def work() -> set[str]:
        async with open_stores(Settings(data_dir=str(service.folder))) as stores:
            return {
                msgspec.json.decode(record.value, type=MailReceived).mail_from
                async for record in stores.reader.read("mail.received")
            }

    return asyncio.run(work())


def work_left(systems: Systems) -> int:
    """Return how many records wait to be worked on, reports that wait their time included."""
    health = httpx.get(f"{systems.a.http_url}/readyz").json()
    return sum(health["lag"].values()) + int(health["later"]["delivery.reports.5s"])


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
