"""rillmail quarantine, on the stores of the embedded profile with no service running."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from connectors.assembly import open_stores
from connectors.settings import load
from tests.cli.begun import begin
from topologies.events import (
    INBOX,
    QUARANTINE_USER,
    DeleteEmails,
    Deliver,
    Finding,
    MailReceived,
    MoveEmails,
    VirusVerdict,
)
from topologies.mail import ids
from topologies.mail.stored import store_message
from topologies.mailbox.store import store
from topologies.quarantine import released_id

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = b"Subject: the \x1b[2J pump\r\n\r\nhello\r\n"
FOUND = VirusVerdict(
    result="infected",
    name="Eicar",
    findings=(Finding(kind="malware", name="Eicar", part="a.exe"),),
    action="quarantine",
)


def test_held_mails_are_listed_newest_first(tmp_path: Path) -> None:
    older, newer = held(tmp_path, AT, AT + timedelta(days=1))
    lines = run(tmp_path, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["MAIL", newer, older]
    assert "ann@shop.example, bo@shop.example" in lines[1]
    assert "infected: Eicar in a.exe" in lines[1]
    told = json.loads(run(tmp_path, "list", "--json").stdout)
    assert [mail["email_id"] for mail in told] == [newer, older]
    assert told[0]["findings"] == [{"kind": "malware", "name": "Eicar", "part": "a.exe"}]


def test_a_list_that_is_cut_off_says_so(tmp_path: Path) -> None:
    held(tmp_path, AT, AT + timedelta(days=1), AT + timedelta(days=2))
    result = run(tmp_path, "list", "--limit", "2")
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == "2 of 3 are shown; --limit shows more\n"


def test_an_empty_quarantine_is_told(tmp_path: Path) -> None:
    begin(tmp_path / "data")
    assert run(tmp_path, "list").stdout == "No mail is held.\n"
    assert run(tmp_path, "list", "--released").stdout == "No mail was let out.\n"
    assert json.loads(run(tmp_path, "list", "--json").stdout) == []


def test_a_held_mail_is_shown_and_steers_no_terminal(tmp_path: Path) -> None:
    [mail] = held(tmp_path, AT)
    text = run(tmp_path, "show", mail).stdout
    assert "recipients  ann@shop.example, bo@shop.example\n" in text
    assert "findings    malware  Eicar  a.exe\n" in text
    assert "\x1b" not in text
    assert json.loads(run(tmp_path, "show", mail, "--json").stdout)["state"] == "held"


def test_a_held_mail_is_found_by_the_id_that_log_lines_and_traces_name(tmp_path: Path) -> None:
    held(tmp_path, AT)
    mail_id = accepted(AT).mail_id
    assert json.loads(run(tmp_path, "show", mail_id, "--json").stdout)["mail_id"] == mail_id
    assert run(tmp_path, "release", mail_id).stdout == "1 released\n"


def test_the_message_itself_comes_out_byte_for_byte(tmp_path: Path) -> None:
    [mail] = held(tmp_path, AT)
    assert run(tmp_path, "show", mail, "--raw").stdout_bytes == RAW
    assert run(tmp_path, "show", mail, "--raw", "--json").exit_code == 2


def test_a_mail_that_is_let_out_is_on_the_log_with_all_that_was_known(tmp_path: Path) -> None:
    [mail] = held(tmp_path, AT)
    result = run(tmp_path, "release", mail)
    assert (result.exit_code, result.stdout) == (0, "1 released\n")
    [received] = logged(tmp_path, "mail.received")
    first = accepted(AT)
    assert received == msgspec.structs.replace(
        first, mail_id=released_id(first.mail_id), raw=RAW, released=received.released
    )
    assert (received.released.by, received.released.findings) == (
        "the command line",
        FOUND.findings,
    )
    [moved] = logged(tmp_path, "mailbox.commands")
    assert isinstance(moved, MoveEmails)
    assert (moved.user_id, moved.folder_id, moved.email_ids) == (QUARANTINE_USER, "sent", (mail,))


def test_dropping_writes_the_command_that_deletes_for_good(tmp_path: Path) -> None:
    one, other = held(tmp_path, AT, AT + timedelta(days=1))
    assert json.loads(run(tmp_path, "drop", one, "--json").stdout) == {
        "dropped": [one],
        "failed": {},
    }
    [command] = logged(tmp_path, "mailbox.commands")
    assert isinstance(command, DeleteEmails)
    assert (command.email_ids, command.permanent) == ((one,), True)
    assert other not in command.email_ids


def test_what_is_older_is_dropped_at_once(tmp_path: Path) -> None:
    old = held(tmp_path, AT, AT + timedelta(hours=1), datetime.now(UTC))[:2]
    result = run(tmp_path, "drop", "--older", "1")
    assert (result.exit_code, result.stdout) == (0, "2 dropped\n")
    assert [command.email_ids for command in logged(tmp_path, "mailbox.commands")] == [
        (mail,) for mail in old
    ]


@pytest.mark.parametrize("command", ["release", "drop"])
def test_a_mail_that_is_not_there_is_told_and_the_others_are_settled(
    tmp_path: Path, command: str
) -> None:
    [mail] = held(tmp_path, AT)
    absent = ids.new_id(AT)
    result = run(tmp_path, command, absent, mail)
    assert result.exit_code == 1
    assert result.stdout.startswith("1 ")
    assert f"{absent}: it is not there" in result.stderr


def test_drop_wants_to_know_which(tmp_path: Path) -> None:
    assert run(tmp_path, "drop").exit_code == 2
    assert run(tmp_path, "drop", "x", "--older", "3").exit_code == 2
    assert run(tmp_path, "show", "x").exit_code == 1


def test_a_mail_whose_envelope_was_not_kept_is_not_let_out(tmp_path: Path) -> None:
    [mail] = held(tmp_path, AT, is_known=False)
    result = run(tmp_path, "release", mail)
    assert result.exit_code == 1
    assert "its envelope was not kept" in result.stderr
    assert logged(tmp_path, "mail.received") == []


# --- builders -----------------------------------------------------------------------


def accepted(at: datetime) -> MailReceived:
    return MailReceived(
        mail_id=ids.derived_id(at, "a mail"),
        received_at=at,
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=("ann@shop.example", "bo@shop.example"),
        size_bytes=len(RAW),
        client_ip="192.0.2.7",
        helo="mx.far.example",
    )


def held(folder: Path, *times: datetime, is_known: bool = True) -> list[str]:
    """Put a mail into the quarantine for each of *times*; return their ids there."""

    async def put() -> list[str]:
        async with open_stores(load(settings(folder))) as stores:
            found: list[str] = []
            for at in times:
                message, ref = await store_message(RAW, stores.blobs)
                mail = accepted(at)
                copy = Deliver(
                    user_id=QUARANTINE_USER,
                    command_id=ids.command_id("deliver", mail.mail_id),
                    issued_at=at,
                    email_id=ids.email_id(mail.mail_id, QUARANTINE_USER),
                    mail_id=mail.mail_id,
                    folder_id=INBOX,
                    message=message,
                    raw_ref=ref,
                    received_at=at,
                    mail_from=mail.mail_from,
                    recipient=mail.recipients[0],
                    note="infected: Eicar in a.exe",
                    virus=FOUND,
                    held=mail if is_known else None,
                )
                await store(copy, mailboxes=stores.mailboxes)
                found.append(copy.email_id)
            return found

    return asyncio.run(put())


def logged(folder: Path, topic: str) -> Sequence[Any]:
    """Return the events of *topic*, oldest first by what they are about."""

    async def read() -> list[Any]:
        async with open_stores(load(settings(folder))) as stores:
            decode = msgspec.json.Decoder(MailReceived | MoveEmails | DeleteEmails).decode
            return [decode(r.value) async for r in stores.reader.read(topic)]

    return asyncio.run(read())


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner(env=settings(folder)).invoke(main, ["quarantine", *arguments])


def settings(folder: Path) -> dict[str, str]:
    return {"RILLMAIL_DATA_DIR": str(folder / "data")}
