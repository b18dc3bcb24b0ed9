"""Batch jobs beside a service that runs, on both profiles."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.assembly import open_stores
from connectors.settings import load
from tests.journeys.place import Person, Place
from tests.pipelines.people import deliver
from tests.process import eventually
from topologies.events import DeliveryAttempted, RecipientResult
from topologies.mail.ids import derived_id, new_id
from topologies.mail.mbox import messages

pytestmark = pytest.mark.process


def test_mail_that_the_index_lost_is_found_again_after_a_repair(place: Place) -> None:
    bo = place.person("bo")
    place.send(b"Subject: kept\r\n\r\nkept\r\n", bo)
    bo.awaited()
    eventually(lambda: bo.found("kept"), lambda found: found == ["kept"])
    asyncio.run(lose(place, bo))

    compared = reconciled(place, "--repair", status=1)
    assert (compared["mails"], compared["missing"], compared["handed_on"]) == (2, 1, 1)
    eventually(lambda: bo.found("unheard"), lambda found: found == ["unheard"])
    assert reconciled(place)["missing"] == 0


def test_old_mail_is_let_go_and_the_rest_is_exported(place: Place, tmp_path: Path) -> None:
    bo = place.person("bo")
    for subject in ("one", "two"):
        place.send(f"Subject: {subject}\r\n\r\n\r\n".encode(), bo)
    kept, _ = bo.awaited(2)
    bo.client.patch(f"/emails/{kept['email_id']}", json={"is_starred": True}).raise_for_status()
    eventually(lambda: [e["is_starred"] for e in bo.emails()], lambda stars: stars == [True, False])
    rule = ("retention", "--domain", place.domain, "--folder", "inbox", "--days", "0")
    assert job(place, *rule, "--apply")["commands"] == 1
    assert [mail["email_id"] for mail in bo.awaited(1)] == [kept["email_id"]]
    assert bo.count("trash") == 1

    output = tmp_path / "out"
    exported = job(place, "export", "--domain", place.domain, "--output", str(output))
    assert (exported["mailboxes"], exported["mails"]) == (1, 2)
    [path] = output.glob("*.mbox")
    with path.open("rb") as file:
        raws = sorted(stored.raw for stored in messages(file, 10**6))
    lines = [*bo.emails(), *bo.emails("trash")]
    assert raws == sorted(bo.raw(line["email_id"]) for line in lines)


def test_reports_tell_what_is_held_and_what_became_of_what_was_sent(
    place: Place, tmp_path: Path
) -> None:
    bo = place.person("bo")
    place.send(b"Subject: one\r\n\r\none\r\n", bo)
    bo.awaited()
    elsewhere = f"far-from.{place.domain}"
    asyncio.run(delivered(place, elsewhere))

    output = tmp_path / "out"
    told = job(place, "reports", "--output", str(output))
    assert told["mails"] >= 1
    assert told["delivered"] >= 1
    [held] = of(output / "usage.parquet", "domain", place.domain)
    assert (held["mails"], held["users"]) == (1, 1)
    [sent] = of(output / "deliverability.parquet", "destination", elsewhere)
    assert (sent["sent"], sent["delivered"], sent["bounced"]) == (1, 1, 0)
    assert {"usage.svg", "deliverability.svg"} <= {path.name for path in output.iterdir()}


def test_made_up_mail_is_sent_to_a_server_that_takes_it(place: Place) -> None:
    bo = place.person("bo")
    place.send(b"Subject: first\r\n\r\n\r\n", bo)  # once that is taken, all is
    server = f"127.0.0.1:{place.service.smtp_port}"
    sent = job(
        place,
        *("generate", "--mails", "5", "--form", "smtp", "--server", server, "--to", bo.address),
    )
    assert (sent["mails"], sent["refused"]) == (5, 0)
    eventually(lambda: bo.count("inbox", "spam"), lambda count: count == 6)


def reconciled(place: Place, *options: str, status: int = 0) -> dict[str, Any]:
    return job(place, "reconcile", "--domain", place.domain, "--blobs", *options, status=status)


def job(place: Place, *arguments: str, status: int = 0) -> dict[str, Any]:
    return json.loads(place.rillmail("batch", *arguments, "--json", status=status))


def of(table: Path, column: str, value: str) -> list[dict[str, Any]]:
    return [row for row in pq.read_table(table).to_pylist() if row[column] == value]


async def delivered(place: Place, destination: str) -> None:
    """Let a mail to *destination* have been taken there."""
    async with open_stores(load(place.service.settings)) as stores:
        now = stores.clock.now()
        mail_id = new_id(now)
        outcome = DeliveryAttempted(
            delivery_id=derived_id(now, destination),
            mail_id=mail_id,
            submitted_at=now,
            mail_from="nobody@far.example",
            destination=destination,
            attempt=1,
            attempted_at=now,
            results=(RecipientResult(recipient=f"eve@{destination}", status="delivered"),),
        )
        await stores.log.append([outcome])


async def lose(place: Place, person: Person) -> None:
    """Put a mail into a mailbox of which nothing else hears."""
    async with open_stores(load(place.service.settings)) as stores:
        user = await stores.directory.user_by_address(person.address)
        assert user is not None
        raw = b"Subject: unheard\r\n\r\nunheard\r\n"
        await deliver(stores, user.user_id, raw, is_indexed=False)
