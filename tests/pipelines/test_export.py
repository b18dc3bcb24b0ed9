"""rillmail batch export, on the stores of the embedded profile with no service running."""

import hashlib
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.assembly.stores import Stores
from pipelines.export import Exported, shard_of, write_shard
from tests.pipelines.people import People, deliver
from topologies.mail.mbox import messages

CORPUS = Path(__file__).parents[1] / "corpus" / "messages"
ADDRESSES = ("ann@shop.example", "bo@shop.example", "eve@club.example")


@pytest.mark.process  # longer than what runs at every turn may be
def test_mailboxes_stand_whole_in_shards_and_each_can_be_cut_out(tmp_path: Path) -> None:
    people = People(tmp_path)
    users = people.add(*ADDRESSES)
    raws = [path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))[:12]]
    own = {address: raws[place::3] for place, address in enumerate(ADDRESSES)}

    async def fill(stores: Stores) -> None:
        for address, mails in own.items():
            for raw in mails:
                await deliver(stores, users[address], raw)

    people.do(fill)
    output = tmp_path / "out"
    told = exported(people, output)
    assert (told["mailboxes"], told["mails"], told["unreadable"]) == (3, 12, 0)
    for address, mails in own.items():
        shard = f"mail-{shard_of(users[address], 2):05d}-of-00002"
        lines = (output / f"{shard}.jsonl").read_text().splitlines()
        [box] = [box for box in map(json.loads, lines) if box["address"] == address]
        data = (output / f"{shard}.mbox").read_bytes()
        cut = io.BytesIO(data[box["start"] : box["start"] + box["bytes"]])
        assert sorted(stored.raw for stored in messages(cut, 10**8)) == sorted(mails)
    assert list(output.glob("*.part")) == []


def test_a_shard_that_is_there_is_left_and_one_that_was_cut_off_is_written_anew(
    tmp_path: Path,
) -> None:
    people = People(tmp_path)
    users = people.add(*ADDRESSES)
    output = tmp_path / "out"

    async def fill(stores: Stores) -> None:
        for address in ADDRESSES:
            await deliver(stores, users[address], f"Subject: {address}\r\n\r\n\r\n".encode())

    async def written(stores: Stores) -> Exported:
        shard = (0, list(users.values()))
        [told] = [
            each async for each in write_shard(stores, shard, path=f"{output}/mail", shards=1)
        ]
        return told

    people.do(fill)
    first = people.do(written)
    files = {path.name: path.read_bytes() for path in output.glob("*")}
    assert (first.mailboxes, first.mails, first.shards) == (3, 3, 1)
    assert people.do(written) == Exported(there_already=1)
    # Killed between the two renamings: the file is there, and its list is not yet.
    [line_file] = output.glob("*.jsonl")
    line_file.rename(f"{line_file}.part")
    assert people.do(written) == first
    # Killed in the middle of the file.
    for path in output.glob("*"):
        path.rename(f"{path}.part")
    assert people.do(written) == first
    assert {path.name: path.read_bytes() for path in output.glob("*")} == files


def test_a_mail_whose_raw_message_is_gone_is_named_and_the_others_are_written(
    tmp_path: Path,
) -> None:
    people = People(tmp_path)
    users = people.add(ADDRESSES[0])
    raws = [b"Subject: %d\r\n\r\n\r\n" % number for number in range(2)]

    async def fill(stores: Stores) -> str:
        lost, _ = [await deliver(stores, users[ADDRESSES[0]], raw) for raw in raws]
        return lost

    lost = people.do(fill)
    digest = hashlib.sha256(raws[0]).digest()
    with closing(sqlite3.connect(tmp_path / "data" / "blobs.db")) as database, database:
        assert database.execute("DELETE FROM blobs WHERE id = ?", (digest,)).rowcount == 1

    async def written(stores: Stores) -> list[Exported]:
        shard = (0, list(users.values()))
        shards = write_shard(stores, shard, path=f"{tmp_path}/out/mail", shards=1)
        return [each async for each in shards]

    [told] = people.do(written)
    assert (told.mails, told.unreadable, told.first_unreadable) == (1, 1, (lost,))


def exported(people: People, output: Path) -> dict[str, Any]:
    result = people.rillmail("batch", "export", "--shards", "2", "--json", "--output", str(output))
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
