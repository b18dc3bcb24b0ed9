"""What every log keeps to towards those who hand over events."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.memory.clock import ManualClock
from tests.contracts.logs import KINDS, brokers, sqlite_log
from tests.engines.stages import mail
from topologies.events import CommandAnswered, CreateFolder
from topologies.ports.log import EventLog, Record

TOPIC = "mailbox.commands"


async def test_what_was_appended_is_there_when_append_returns(house: "House") -> None:
    await house.log.append([command("a"), command("b", user_id="user-2")])
    records = await house.records(TOPIC)
    assert {record.key: event_of(record) for record in records} == {
        "user-1": command("a"),
        "user-2": command("b", user_id="user-2"),
    }
    assert {record.appended_at for record in records} == {house.clock.now()}


async def test_events_with_the_same_key_keep_their_order_and_their_partition(
    house: "House",
) -> None:
    names = [str(number) for number in range(50)]
    await house.log.append([command(name) for name in names[:20]])
    await house.log.append([command(name) for name in names[20:]])
    records = await house.records(TOPIC)
    assert [event_of(record).folder_id for record in records] == names
    assert len({record.partition for record in records}) == 1
    assert [record.offset for record in records] == list(range(50))


async def test_each_event_that_enters_has_an_id_of_its_own(house: "House") -> None:
    await house.log.append([command("a"), command("a")])
    await house.log.append([command("a")])
    assert len({record.event_id for record in await house.records(TOPIC)}) == 3


async def test_a_mail_that_enters_twice_is_one_event(house: "House") -> None:
    received = mail("Hi")
    await house.log.append([received])
    await house.log.append([received])
    ids = [record.event_id for record in await house.records("mail.received")]
    assert ids == [received.mail_id] * 2


async def test_events_of_several_topics_are_appended_together(house: "House") -> None:
    await house.log.append([command("a"), answered()])
    assert len(await house.records(TOPIC)) == 1
    assert len(await house.records("mailbox.changes")) == 1


async def test_no_event_is_no_fault(house: "House") -> None:
    await house.log.append([])
    assert await house.records(TOPIC) == []


async def test_many_may_append_at_the_same_time(house: "House") -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(100):
            tasks.create_task(house.log.append([command("a", user_id=f"user-{number}")]))
    records = await house.records(TOPIC)
    assert {record.key for record in records} == {f"user-{number}" for number in range(100)}
    assert len(records) == 100


@dataclass(frozen=True)
class House:
    log: EventLog
    clock: ManualClock
    records: Callable[[str], Awaitable[list[Record]]]  # all of a topic


@pytest.fixture(params=KINDS)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[House]:
    if request.param == "sqlite":
        async with sqlite_house(tmp_path) as made:
            yield made
    else:
        async with (
            brokers(request.param) as (servers, prefix),
            kafka_house(servers, prefix) as made,
        ):
            yield made


@asynccontextmanager
async def sqlite_house(folder: Path) -> AsyncGenerator[House]:
    clock = ManualClock()
    with sqlite_log(folder, clock, partitions=4) as (log, _):

        async def records(topic: str) -> list[Record]:
            of_each = [await log.read(topic, number, 0, 1_000) for number in range(4)]
            return [record for read in of_each for record in read]

        yield House(log, clock, records)


@asynccontextmanager
async def kafka_house(servers: Sequence[str], prefix: str) -> AsyncGenerator[House]:
    clock = ManualClock()
    log = KafkaLog(servers, clock=clock, prefix=prefix)
    reader = KafkaReader(servers, prefix=prefix)

    async def records(topic: str) -> list[Record]:
        return [record async for record in reader.read(topic)]

    yield House(log, clock, records)
    await log.close()


def event_of(record: Record) -> CreateFolder:
    return msgspec.json.decode(record.value, type=CreateFolder)


def command(folder_id: str, user_id: str = "user-1") -> CreateFolder:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return CreateFolder(
        user_id=user_id, command_id=folder_id, issued_at=at, folder_id=folder_id, name="Bills"
    )


def answered() -> CommandAnswered:
    return CommandAnswered(user_id="user-1", command_id="a", status="done", seq=1)
