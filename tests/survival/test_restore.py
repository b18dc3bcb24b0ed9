"""Cassandra and S3 lose all that they hold: a snapshot and the log bring it back."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.assembly.named import open_s3
from connectors.assembly.prepare import prepare
from connectors.settings import Settings, load
from tests.live.engines import remove_stores
from tests.live.nodetool import nodetool, snapshot
from tests.process import eventually
from tests.survival.house import SETTLED_WITHIN_S, House
from tests.survival.workers import ROLES

pytestmark = [pytest.mark.live, pytest.mark.survival]

WAYS_IN = ("smtp", "api")
MOST_BEHIND = timedelta(minutes=2)  # of `store`, on a machine that has much to do


def test_what_cassandra_and_s3_held_comes_back_by_a_snapshot_and_the_log(
    house: House, tmp_path: Path
) -> None:
    settings = load(house.settings)
    with house.load() as mail:
        mail.await_mails(40)
        # What was asked for before the snapshot and not done by then is done again, too.
        since = datetime.now(UTC) - MOST_BEHIND
        # Its tables are of one moment only while nobody writes them.
        assert house.leave(house.worker("mailbox")) == 0
        tables = snapshot(settings.cassandra_keyspace, tmp_path)
        house.join("mailbox")
        # In this order: what a mailbox names is in the store of blobs by then.
        blobs = asyncio.run(blobs_of(settings))
        mail.await_mails(40)
        for worker in list(house.workers):  # with what waits for them then
            house.leave(worker)

        asyncio.run(remove_stores(settings))
        asyncio.run(made_anew(settings, blobs))
        for table, folder in tables.items():
            nodetool("import", "--copy-data", settings.cassandra_keyspace, table, str(folder))

        told = house.command("replay", "store", "--since", f"{since:%Y-%m-%dT%H:%M:%S}", "--rewind")
        assert told["records"] > 0
        for role in sorted(ROLES, key=WAYS_IN.__contains__):
            if role in WAYS_IN:  # who looks meanwhile would miss what was there before
                eventually(house.worker("mailbox").lag, lambda lag: lag == 0, SETTLED_WITHIN_S)
            house.join(role).await_ready()
        house.finish(mail)
        house.command("rebuild", "--all")
        house.settle(mail)


async def blobs_of(settings: Settings) -> dict[str, bytes]:
    async with open_s3(settings, settings.s3_url) as client:
        return {key: await client.get(key) async for key, _ in client.keys("")}


async def made_anew(settings: Settings, blobs: Mapping[str, bytes]) -> None:
    """Do what `rillmail prepare` does, and put the blobs back."""
    async for _ in prepare(settings):
        pass
    async with open_s3(settings, settings.s3_url) as client:
        for key, content in blobs.items():
            digest = hashlib.sha256(content).hexdigest()
            await client.put(key, content, sha256=digest, if_absent=False)
