"""rillmail dead."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.cli.dead import dead
from tests.cli.stores_in_memory import MemoryStores, in_json
from topologies.ports.dead_letters import DeadLetter

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_dead_letters_are_listed_newest_first() -> None:
    stores = with_letters("parse", "index")
    lines = stores.run(dead, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["LETTER", "letter-1", "letter-0"]
    assert "inbound/parse" in lines[2]
    listed = in_json(stores.run(dead, "list", "--stage", "parse", "--json"))
    assert [letter["letter_id"] for letter in listed] == ["letter-0"]


def test_no_dead_letters_are_told() -> None:
    assert MemoryStores().run(dead, "list").output == "No dead letters.\n"
    assert in_json(MemoryStores().run(dead, "list", "--json")) == []


def test_a_list_that_is_cut_off_says_so() -> None:
    result = with_letters("parse", "parse", "parse").run(dead, "list", "--limit", "2")
    assert result.stderr == "2 of 3 are shown; --limit shows more\n"


def test_a_letter_is_shown_with_its_record() -> None:
    stores = with_letters("parse")
    text = stores.run(dead, "show", "letter-0").output
    assert "reason      no such \\x1b[2J charset" in text
    assert '"mail_id": "m-1"' in text
    shown = in_json(stores.run(dead, "show", "letter-0", "--json"))
    assert shown["event"] == {"event": "mail.received/1", "mail_id": "m-1"}
    assert base64.b64decode(shown["value"]) == stores.dead_letters.kept[0].value


@pytest.mark.parametrize("value", [b"", b"\xff\x1b[2J", b"[" * 100_000, b'"' + b"x" * 10_000])
def test_a_record_that_is_no_event_is_shown_as_well(value: bytes) -> None:
    stores = with_letters("parse")
    stores.dead_letters.kept[0] = replace(stores.dead_letters.kept[0], value=value)
    result = stores.run(dead, "show", "letter-0")
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert len(result.output) < 10_000
    assert in_json(stores.run(dead, "show", "letter-0", "--json"))["event"] is None


def test_letters_are_replayed_by_name() -> None:
    stores = with_letters("parse", "parse", "index")
    result = stores.run(dead, "replay", "letter-0", "letter-2")
    assert (result.exit_code, result.output) == (0, "2 replayed\n")
    assert states(stores) == ["replayed", "dead", "replayed"]
    assert [x["letter_id"] for x in in_json(stores.run(dead, "list", "--json"))] == ["letter-1"]
    assert len(in_json(stores.run(dead, "list", "--settled", "--json"))) == 3


def test_all_letters_of_a_stage_are_dropped_at_once() -> None:
    stores = with_letters("parse", "index", *["parse"] * 150)
    result = stores.run(dead, "drop", "--all", "--stage", "parse", "--json", "--yes")
    assert len(in_json(result)["dropped"]) == 151
    assert states(stores).count("dead") == 1


def test_what_can_not_be_undone_is_asked_for_with_its_number() -> None:
    stores = with_letters("parse", "index", "parse")
    assert stores.run(dead, "drop", "--all", "--json").exit_code == 2
    refused = stores.run(dead, "drop", "--all", typed="n\n")
    assert (refused.exit_code, "drop 3 dead letters?" in refused.stdout) == (1, True)
    assert states(stores) == ["dead"] * 3
    done = stores.run(dead, "drop", "--all", "--stage", "parse", typed="y\n")
    assert done.stdout.endswith("2 dropped\n")
    assert states(stores) == ["dropped", "dead", "dropped"]


def test_a_filter_that_leaves_none_hides_no_others() -> None:
    stores = with_letters("parse", "index")
    told = stores.run(dead, "list", "--stage", "prase").stdout
    assert told == "No dead letters of those; there are 2 others.\n"


def test_a_letter_that_is_not_dead_is_told_and_the_others_are_settled() -> None:
    stores = with_letters("parse", "parse")
    stores.run(dead, "drop", "letter-0")
    result = stores.run(dead, "replay", "letter-0", "letter-1", "letter-9")
    assert (result.exit_code, result.stdout) == (1, "1 replayed\n")
    assert "letter-0, letter-9" in result.stderr
    assert states(stores) == ["dropped", "replayed"]


def test_a_letter_that_never_was_can_not_be_shown() -> None:
    result = MemoryStores().run(dead, "show", "letter-0")
    assert result.exit_code == 1
    assert "there is no dead letter letter-0" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["letter-0", "--all"], ["letter-0", "--stage", "parse"]])
def test_what_to_settle_must_be_plain(arguments: list[str]) -> None:
    stores = with_letters("parse")
    assert stores.run(dead, "drop", *arguments).exit_code == 2
    assert states(stores) == ["dead"]


# --- builders -----------------------------------------------------------------------


def with_letters(*stages: str) -> MemoryStores:
    stores = MemoryStores()
    stores.dead_letters.kept = [
        DeadLetter(
            letter_id=f"letter-{number}",
            path="mailbox" if stage == "index" else "inbound",
            stage=stage,
            kind="bug",
            reason="no such \x1b[2J charset",
            traceback="Traceback:\n  line",
            attempts=1,
            key="m-1",
            value=b'{"event":"mail.received/1","mail_id":"m-1"}',
            event_id="e-1",
            origin=f"mail.received/0/{number}",
            buried_at=AT + timedelta(seconds=number),
        )
        for number, stage in enumerate(stages)
    ]
    return stores


def states(stores: MemoryStores) -> list[str]:
    return [letter.state for letter in stores.dead_letters.kept]
