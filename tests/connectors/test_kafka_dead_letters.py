"""Dead letters on Kafka: what several processes see, and what others wrote there."""

from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta

import pytest

from connectors.kafka.dead_letters import KafkaDeadLetters
from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.kafka.topics import SETTLED
from connectors.memory.clock import ManualClock
from tests.broker import broker_in_process
from topologies.ports.log import Entry

HEADERS = {"stage": "store", "kind": "poison", "reason": "odd", "topic": "mailbox.commands"}


async def test_what_one_process_settled_is_settled_for_all(house: "House") -> None:
    one, other = house.letters(), house.letters()
    await house.bury("a", "b", "c")
    assert await other.count() == {"mailbox": 3}
    dropped, replayed, _ = await one.list()
    assert await one.drop(dropped.letter_id)
    assert await one.replay(replayed.letter_id)
    assert not await other.replay(dropped.letter_id)
    assert await other.count() == await house.letters().count() == {"mailbox": 1}
    assert {each.key: each.state for each in await other.list(include_settled=True)} == {
        dropped.key: "dropped",
        replayed.key: "replayed",
        next(iter({"a", "b", "c"} - {dropped.key, replayed.key})): "dead",
    }


async def test_a_letter_comes_back_by_the_topic_that_its_stage_reads(house: "House") -> None:
    await house.bury("a")
    letters = house.letters()
    [letter] = await letters.list()
    assert await letters.replay(letter.letter_id)
    [record] = [record async for record in house.reader.read("mailbox.commands")]
    assert (record.key, record.event_id, record.headers["stage"]) == ("a", "event-a", "store")


async def test_only_the_newest_of_many_are_listed(house: "House") -> None:
    for number in range(12):
        await house.bury(f"key-{number}")
        house.clock.move(timedelta(seconds=1))
    newest = await house.letters().list(limit=3)
    assert [letter.key for letter in newest] == ["key-11", "key-10", "key-9"]
    assert await house.letters().list(path="inbound") == []


async def test_what_others_wrote_is_listed_and_settles_nothing(house: "House") -> None:
    await house.bury("a", headers={})
    await house.bury("b", headers={"attempts": "many"})
    for key in ("mailbox-0-0", "", "mailbox-x-y", "gone-0-0"):
        await house.log.write([Entry(topic=SETTLED, key=key, value=b"no", event_id="e")])
    letters = await house.letters().list()
    assert {(letter.key, letter.stage, letter.attempts) for letter in letters} == {
        ("a", "", 0),
        ("b", "", 0),
    }
    assert await house.letters().count() == {"mailbox": 2}


async def test_where_nothing_died_there_is_nothing(house: "House") -> None:
    assert await house.letters().list() == []
    assert await house.letters().count() == {}


class House:
    """One Kafka, and as many processes as there are ``letters``."""

    def __init__(self, servers: tuple[str, ...]) -> None:
        self.clock = ManualClock()
        self.log = KafkaLog(servers, clock=self.clock)
        self.reader = KafkaReader(servers)

    def letters(self) -> KafkaDeadLetters:
        return KafkaDeadLetters(self.log, self.reader)

    async def bury(self, *keys: str, headers: Mapping[str, str] = HEADERS) -> None:
        for key in keys:
            entry = Entry(
                topic="mailbox.dead", key=key, value=b"{}", event_id=f"event-{key}", headers=headers
            )
            await self.log.write([entry])


@pytest.fixture
async def house() -> AsyncGenerator[House]:
    with broker_in_process() as servers:
        house = House(servers)
        yield house
        await house.log.close()
