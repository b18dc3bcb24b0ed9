"""rillmail batch reconcile, on the stores of the embedded profile with no service running."""

import json
from contextlib import aclosing
from pathlib import Path

import pytest

from connectors.assembly.stores import Stores
from tests.pipelines.people import People, deliver
from topologies.ports.log import Record

ANN, BO = "ann@shop.example", "bo@club.example"


def test_what_the_index_lacks_is_told_and_handed_to_its_stage_by_the_log(tmp_path: Path) -> None:
    people = People(tmp_path)
    users = people.add(ANN, BO)

    async def fill(stores: Stores) -> str:
        await deliver(stores, users[ANN], b"Subject: one\r\n\r\none\r\n")
        await deliver(stores, users[BO], b"Subject: two\r\n\r\ntwo\r\n")
        return await deliver(stores, users[BO], b"Subject: lost\r\n\r\nlost\r\n", is_indexed=False)

    lost = people.do(fill)
    output = tmp_path / "out"
    result = people.rillmail(
        *("batch", "reconcile", "--repair", "--blobs", "--json", "--output", str(output))
    )
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    assert {name: told[name] for name in ("mails", "missing", "stale", "extra", "handed_on")} == {
        "mails": 3,
        "missing": 1,
        "stale": 0,
        "extra": 0,
        "handed_on": 1,
    }
    assert (told["mailboxes"], told["missing_blobs"]) == (3, 0)  # with the quarantine
    assert told["blobs"] >= 3
    [line] = [
        json.loads(line)
        for path in output.glob("differences-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert (line["email_id"], line["kind"]) == (lost, "missing")

    async def written(stores: Stores) -> list[Record]:
        async with aclosing(stores.reader.read("mailbox.changes")) as records:
            return [record async for record in records]

    [record] = people.do(written)
    assert (record.key, dict(record.headers)) == (users[BO], {"stage": "index"})
    assert json.loads(record.value)["email_id"] == lost


@pytest.mark.process  # longer than what runs at every turn may be
def test_one_mailbox_alone_is_compared_if_it_is_named(tmp_path: Path) -> None:
    people = People(tmp_path)
    users = people.add(ANN, BO)

    async def fill(stores: Stores) -> None:
        await deliver(stores, users[ANN], b"Subject: one\r\n\r\none\r\n")
        await deliver(stores, users[BO], b"Subject: lost\r\n\r\n\r\n", is_indexed=False)

    people.do(fill)
    result = people.rillmail("batch", "reconcile", "--user", ANN)
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            "1 mails in 1 mailboxes: 0 missing in the index, 0 stale, 0 too many, 0 under way",
            "All is as the mailboxes say.",
        ],
    )


def test_a_user_who_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    people = People(tmp_path)
    people.add(ANN)
    result = people.rillmail("batch", "reconcile", "--user", "eve@shop.example")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: there is no user 'eve@shop.example'; `rillmail user list` shows who there is\n"
    )
