"""A dead letter that is put right goes on where it died, on both engines."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.dead_editing import edited, event_of, hand_on
from tests.engines.kafka_house import KafkaHouse, opened_on_kafka, working
from tests.engines.stages import House, opened
from tests.services import AT, DOMAIN, in_memory
from topologies.events import MailReceived
from topologies.json_pointer import put
from topologies.mail import ids
from topologies.ports.directory import Directory
from topologies.ports.log import Entry
from topologies.ports.mailboxes import Mailboxes
from topologies.topology import build

ENGINES = ["embedded", pytest.param("kafka", marks=pytest.mark.live)]
RAW = b"Subject: hello\r\n\r\nHello.\r\n"


@pytest.mark.parametrize("on", ENGINES)
async def test_a_mail_that_could_not_be_read_is_delivered_once_it_is_put_right(
    tmp_path: Path, on: str
) -> None:
    services = dict(await in_memory())
    mail = a_mail()
    broken = put(msgspec.json.decode(msgspec.json.encode(mail)), "/size_bytes", "many")
    entry = Entry(
        topic="mail.received",
        key=mail.key,
        value=msgspec.json.encode(broken),
        event_id=ids.new_id(AT),
    )
    async with at_work(on, tmp_path, services) as house:
        await house.log.write([entry])
        await house.drained()
        [letter] = await house.dead_letters.list()
        assert letter.kind == "poison"
        value = put(event_of(letter), "/size_bytes", len(RAW))
        new, places = edited(letter, value, build(), "root")
        for _ in range(2):  # a second one finds nothing that is dead
            await hand_on(house.dead_letters, letter, new, places)
        await house.drained()
        assert await house.dead_letters.count() == {}
        kept = await house.dead_letters.get(letter.letter_id)
    assert kept is not None
    assert (kept.state, kept.value) == ("replayed", entry.value)
    assert await subjects(services) == ["hello"]


async def subjects(services: dict[type, Any]) -> list[str]:
    directory: Directory = services[Directory]
    mailboxes: Mailboxes = services[Mailboxes]
    user = await directory.user_by_address(f"ann@{DOMAIN}")
    assert user is not None
    page = await mailboxes.page(user.user_id, "inbox", limit=10)
    assert page is not None
    return [each.subject for each in page.emails]


@asynccontextmanager
async def at_work(
    on: str, folder: Path, services: dict[type, Any]
) -> AsyncGenerator[House | KafkaHouse]:
    stages = build().stages
    if on == "kafka":
        async with opened_on_kafka(folder, *stages, services=services) as house, working(house):
            yield house
        return
    async with opened(folder, *stages, services=services) as house:
        task = asyncio.create_task(house.engine.run())
        try:
            yield house
        finally:
            await house.engine.stop()
            await task


def a_mail() -> MailReceived:
    return MailReceived(
        mail_id=ids.derived_id(AT, "broken"),
        received_at=AT,
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=(f"ann@{DOMAIN}",),
        size_bytes=len(RAW),
        raw=RAW,
    )
