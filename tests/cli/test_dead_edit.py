"""rillmail dead edit."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from api.cli.main import main
from tests.cli.stores_in_memory import MemoryStores, in_json
from tests.examples import example
from topologies.ports.dead_letters import DeadLetter

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_place_is_set_and_the_event_handed_on_while_what_died_stays() -> None:
    stores = with_letter()
    result = edit(stores, "--set", "/recipients/0=cy@shop.example", "--set", "/size_bytes=7")
    assert (result.exit_code, result.stdout) == (
        0,
        "/recipients/0, /size_bytes changed; handed to parse again\n",
    ), result.output
    edited = stores.dead_letters.edited["letter-0"]
    event = msgspec.json.decode(edited.value)
    assert (event["recipients"][0], event["size_bytes"]) == ("cy@shop.example", 7)
    assert edited.key == event["mail_id"]
    assert edited.by.endswith("by rillmail dead edit")
    [kept] = stores.dead_letters.kept
    assert (kept.state, kept.value) == ("replayed", received())


def test_who_changed_which_places_is_a_line_of_the_log_without_what_stands_there() -> None:
    result = edit(with_letter(), "--set", "/mail_from=secret@far.example", "--json")
    assert in_json(result)["changed"] == ["/mail_from"]
    assert "dead-letter.edited" in result.stderr
    assert "secret" not in result.output


def test_a_check_hands_nothing_on() -> None:
    stores = with_letter()
    result = edit(stores, "--set", "/size_bytes=7", "--check")
    assert result.stdout == "/size_bytes changed; would be handed to parse again\n"
    assert stores.dead_letters.kept[0].state == "dead"


def test_the_whole_event_is_taken_from_a_file_whatever_died(tmp_path: Path) -> None:
    stores = with_letter(b"\xff")
    (tmp_path / "event.json").write_bytes(received())
    result = edit(stores, "--file", str(tmp_path / "event.json"))
    assert result.stdout == "the whole event changed; handed to parse again\n"
    assert "no JSON" in edit(with_letter(b"\xff"), "--set", "/size_bytes=7").stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--set", "/size_bytes=many"), "/size_bytes: Expected `int`, got `str`"),
        (("--set", "/sise_bytes=7"), "/sise_bytes: mail.received/1 has no such field"),
        (("--set", "/recipients/7=x"), "/recipients/7 is not there"),
        (("--remove", "/mail_from"), "missing required field `mail_from`"),
        (("--set", "/event=mail.parsed/1"), "Invalid value 'mail.parsed/1'"),
        (("--set", "/size_bytes"), "no /POINTER=VALUE"),
        (("--set", "/origin=smtp"), "nothing is changed"),
    ],
)
def test_what_the_stage_could_not_read_is_refused_by_its_place(
    options: tuple[str, ...], told: str
) -> None:
    stores = with_letter()
    result = edit(stores, *options)
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert stores.dead_letters.kept[0].state == "dead"


def test_an_editor_is_opened_on_the_event(tmp_path: Path) -> None:
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nsed -i 's/far.example/near.example/' \"$1\"\n")
    script.chmod(0o755)
    stores = with_letter()
    result = stores.run(main, "dead", "edit", "letter-0", EDITOR=str(script))
    assert result.exit_code == 0, result.output
    assert b"near.example" in stores.dead_letters.edited["letter-0"].value


def test_what_an_editor_leaves_unreadable_is_told(tmp_path: Path) -> None:
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\necho "{" > "$1"\n')
    script.chmod(0o755)
    stores = with_letter()
    result = stores.run(main, "dead", "edit", "letter-0", EDITOR=str(script))
    assert (result.exit_code, "no JSON" in result.stderr) == (1, True)
    assert stores.dead_letters.kept[0].state == "dead"


def test_a_letter_that_is_settled_or_of_a_stage_that_is_gone_is_not_edited() -> None:
    stores = with_letter()
    stores.run(main, "dead", "drop", "letter-0")
    assert "is not dead" in edit(stores, "--set", "/size_bytes=7").stderr
    gone = with_letter(stage="nobody")
    assert "there is no stage nobody any more" in edit(gone, "--set", "/size_bytes=7").stderr


def edit(stores: MemoryStores, *options: str) -> Result:
    # By the whole command: where its log lines go is decided there.
    return stores.run(main, "dead", "edit", "letter-0", *options)


def received() -> bytes:
    event = json.loads(example("mail.received-1").raw)
    return msgspec.json.encode(event | {"mail_from": "zoe@far.example", "origin": "smtp"})


def with_letter(value: bytes | None = None, stage: str = "parse") -> MemoryStores:
    stores = MemoryStores()
    letter = DeadLetter(
        letter_id="letter-0",
        path="inbound",
        stage="parse",
        kind="bug",
        reason="no such charset",
        traceback="",
        attempts=1,
        key="m-1",
        value=received() if value is None else value,
        event_id="e-1",
        origin="mail.received/0/0",
        buried_at=AT,
        topic="mail.received",
    )
    stores.dead_letters.kept = [replace(letter, stage=stage)]
    return stores
