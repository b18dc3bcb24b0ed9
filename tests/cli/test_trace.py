"""rillmail trace, on the stores of a data folder with no service running."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.cli.trace_words import in_words
from connectors.assembly.embedded import open_stores
from connectors.settings import Settings
from tests.cli.begun import begin
from tests.examples import EXAMPLES, Example
from topologies.events import DeliveryAttempted, DeliveryDue, MailReceived, RecipientResult
from topologies.mail import ids
from topologies.ports.log import Entry

NOW = datetime.now(UTC)
MAIL_ID = ids.derived_id(NOW, "the mail")


def test_what_is_known_of_a_mail_is_a_time_line_and_where_it_is_now(tmp_path: Path) -> None:
    filled(tmp_path)
    lines = traced(tmp_path, MAIL_ID).stdout.splitlines()
    assert lines[0].startswith("Events, from ")
    assert lines[1].split()[:4] == ["+0.000", "mail.received", "from", "outside"]
    assert "zoe@far.example → ann@shop.example, 5 bytes by smtp from 192.0.2.1" in lines[2]
    [due] = [line for line in lines if " delivery.due " in line]
    assert due.split()[-1].startswith("delivery.due/")
    assert "    mx.far.example: 250 2.0.0 fine" in lines
    [letter] = [line for line in lines if "inbound/parse" in line]
    assert letter.endswith("inbound/parse: poison, dead")


def test_programs_are_told_all_of_it_as_json(tmp_path: Path) -> None:
    filled(tmp_path)
    told = json.loads(traced(tmp_path, MAIL_ID, "--json").stdout)
    assert [each["tag"] for each in told["events"]] == ["mail.received/1", "delivery.due/1"]
    assert told["mail_ids"] == [MAIL_ID]
    assert told["deliveries"][0]["state"] == "delivered"
    assert told["dead_letters"][0]["reason"] == "\x1b[2J never"
    assert "raw" not in told["events"][0]["fields"]


def test_what_strangers_wrote_steers_no_terminal(tmp_path: Path) -> None:
    filled(tmp_path, mail_from="\x1b[2Jzoe@far.example")
    assert "\x1b" not in traced(tmp_path, MAIL_ID).stdout


def test_of_a_mail_that_never_was_nothing_is_told_and_the_exit_code_says_so(tmp_path: Path) -> None:
    begin(tmp_path / "data")
    result = traced(tmp_path, MAIL_ID)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"nothing is known of a mail {MAIL_ID}" in result.stderr


@pytest.mark.parametrize("wrong", ["1", "not-an-id", "ffffffff-ffff-7fff-bfff-ffffffffffff"])
def test_what_is_no_id_is_refused_in_a_sentence(tmp_path: Path, wrong: str) -> None:
    begin(tmp_path / "data")
    result = traced(tmp_path, wrong)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {wrong} is no id of a mail")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_event_there_is_can_be_told_in_words(example: Example) -> None:
    fields: dict[str, Any] = json.loads(example.raw)
    assert len(in_words(str(fields["event"]), fields)) < 200


def filled(folder: Path, mail_from: str = "zoe@far.example") -> None:
    mail = MailReceived(
        mail_id=MAIL_ID,
        received_at=NOW,
        origin="smtp",
        mail_from=mail_from,
        recipients=("ann@shop.example",),
        size_bytes=5,
        raw=b"hello",
        client_ip="192.0.2.1",
    )
    due = DeliveryDue(
        delivery_id="d1",
        mail_id=MAIL_ID,
        submitted_at=NOW,
        mail_from="ann@shop.example",
        destination="far.example",
        recipients=("bo@far.example",),
        size_bytes=5,
        raw=b"hello",
        due_at=NOW,
    )
    other = DeliveryDue(**{n: getattr(due, n) for n in due.__struct_fields__} | {"mail_id": "x"})
    letter = Entry(
        topic="inbound.dead",
        key=MAIL_ID,
        value=b"{",
        event_id="1",
        headers={
            "stage": "parse",
            "topic": "mail.received",
            "kind": "poison",
            "reason": "\x1b[2J never",
            "traceback": "",
            "attempts": "1",
            "origin": "mail.received/0/0",
        },
    )

    async def work() -> None:
        async with open_stores(Settings(data_dir=str(folder / "data"))) as stores:
            await stores.log.append([mail])
            await asyncio.sleep(0.002)  # the log tells times in milliseconds
            await stores.log.append([due, other])
            await stores.log.write([letter])
            await stores.deliveries.tell(delivered(due))

    asyncio.run(work())


def delivered(due: DeliveryDue) -> DeliveryAttempted:
    return DeliveryAttempted(
        delivery_id=due.delivery_id,
        mail_id=due.mail_id,
        submitted_at=NOW,
        mail_from=due.mail_from,
        destination=due.destination,
        attempt=1,
        attempted_at=NOW,
        results=(
            RecipientResult(
                recipient=due.recipients[0],
                status="delivered",
                code=250,
                enhanced="2.0.0",
                text="fine",
                host="mx.far.example",
            ),
        ),
    )


def traced(folder: Path, *arguments: str) -> Result:
    env = {"RILLMAIL_DATA_DIR": str(folder / "data")}
    return CliRunner(env=env).invoke(main, ["trace", *arguments])
