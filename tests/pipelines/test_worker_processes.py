"""Jobs travel to processes of their own, as they do to Flink and Dataflow."""

import json
from pathlib import Path

import pytest

from connectors.assembly.stores import Stores
from tests.pipelines.people import People, deliver

pytestmark = pytest.mark.process

IN_PROCESSES = ("--direct_running_mode", "multi_processing", "--direct_num_workers", "2")
ADDRESSES = ("ann@shop.example", "bo@club.example")


def test_a_job_is_the_same_in_worker_processes_that_open_the_stores_themselves(
    tmp_path: Path,
) -> None:
    people = People(tmp_path)
    users = people.add(*ADDRESSES)

    async def fill(stores: Stores) -> None:
        for address, user_id in users.items():
            await deliver(stores, user_id, f"Subject: {address}\r\n\r\n\r\n".encode())

    people.do(fill)
    files: list[dict[str, bytes]] = []
    for name, options in (("here", ()), ("there", IN_PROCESSES)):
        output = tmp_path / name
        result = people.rillmail(
            *("batch", "export", "--shards", "2", "--output", str(output), "--json", "--", *options)
        )
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["mails"] == 2
        files.append({path.name: path.read_bytes() for path in output.glob("mail-*")})
    assert files[0] == files[1]
