"""rillmail audit, on the stores of the embedded profile with no service running."""

import asyncio
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner, Result

from api.cli.main import main
from connectors.assembly import open_stores
from connectors.settings import load
from tests.cli.begun import begin
from topologies.events import MailReceived
from topologies.mail import ids

ANN = "ann@shop.example"


def test_a_log_that_holds_nothing_is_accounted_for(tmp_path: Path) -> None:
    begin(tmp_path / "data")
    result = audited(tmp_path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "0 mails: 0 delivered, 0 in quarantine, 0 undeliverable, 0 dead letters, 0 under way",
        "All accounted for.",
    ]


def test_a_folder_that_holds_no_deployment_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    result = audited(tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{tmp_path}/data holds no mail and no users: let RILLMAIL_DATA_DIR" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_mail_that_nobody_got_is_named_and_the_exit_code_tells(tmp_path: Path) -> None:
    [mail_id] = accepted(tmp_path, [ANN])
    result = audited(tmp_path, "--grace", "0")
    assert result.exit_code == 1
    assert f"missing  {mail_id}  no copy for {ANN}, and nothing tells why" in result.stdout
    assert result.stdout.endswith("Not everything is accounted for.\n")


def test_programs_are_told_all_of_it_as_json(tmp_path: Path) -> None:
    [mail_id] = accepted(tmp_path, [ANN])
    result = audited(tmp_path, "--grace", "0", "--replay", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["mails"], told["delivered"]) == (1, 1, 0)
    assert [(each["kind"], each["about"]) for each in told["differences"]] == [("missing", mail_id)]


def test_what_has_just_come_may_be_under_way(tmp_path: Path) -> None:
    accepted(tmp_path, [ANN])
    result = audited(tmp_path)
    assert (result.exit_code, "1 under way" in result.stdout) == (0, True)


def test_no_more_than_a_screen_of_differences_is_shown_to_people(tmp_path: Path) -> None:
    accepted(tmp_path, [ANN] * 60)
    lines = audited(tmp_path, "--grace", "0").stdout.splitlines()
    assert len([line for line in lines if line.startswith("missing")]) == 50
    assert "… and 10 more: see --json" in lines


def test_a_recipient_s_address_steers_no_terminal(tmp_path: Path) -> None:
    accepted(tmp_path, ["\x1b[2Jann@shop.example", ANN])
    assert "\x1b" not in audited(tmp_path, "--grace", "0").stdout


def test_a_data_folder_that_can_not_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    result = audited(tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def accepted(folder: Path, recipients: Sequence[str]) -> list[str]:
    """Put a mail for each of *recipients* on the log; return their ids."""

    async def append() -> list[str]:
        async with open_stores(load(settings(folder))) as stores:
            await stores.directory.add_domain("shop.example")
            await stores.directory.add_user(ANN, "a password")
            mails = [mail_for(recipient, datetime.now(UTC)) for recipient in recipients]
            await stores.log.append(mails)
            return [mail.mail_id for mail in mails]

    return asyncio.run(append())


def mail_for(recipient: str, at: datetime) -> MailReceived:
    return MailReceived(
        mail_id=ids.new_id(at),
        received_at=at,
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=(recipient,),
        size_bytes=1,
        raw=b"x",
    )


def audited(folder: Path, *options: str) -> Result:
    return CliRunner(env=settings(folder)).invoke(main, ["audit", *options])


def settings(folder: Path) -> dict[str, str]:
    assert "RILLMAIL_PROFILE" not in os.environ
    return {"RILLMAIL_DATA_DIR": str(folder / "data")}
