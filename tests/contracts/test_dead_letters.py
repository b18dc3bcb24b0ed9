"""What every store of dead letters keeps to."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.kafka.dead_letters import KafkaDeadLetters
from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.memory.clock import ManualClock
from connectors.sqlite.dead_letters import SqliteDeadLetters
from tests.contracts.logs import KINDS, brokers, sqlite_log
from topologies.ports.dead_letters import DeadLetter, DeadLetters, Edited
from topologies.ports.log import Entry, Record

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_what_was_buried_is_listed_newest_first_with_everything_known(
    house: "House",
) -> None:
    await buried(house, "a", path="inbound")
    house.clock.move(timedelta(seconds=1))
    await buried(house, "b", path="mailbox")
    newest, oldest = await house.letters.list()
    assert oldest == DeadLetter(
        letter_id=oldest.letter_id,
        path="inbound",
        stage="parse",
        kind="bug",
        reason="KeyError: 'x'",
        traceback="Traceback …",
        attempts=2,
        key="a",
        value=b'{"a": 1}',
        event_id="event-a",
        origin="mail.received/0/7",
        buried_at=AT,
    )
    assert (newest.key, newest.path) == ("b", "mailbox")
    assert list(await house.letters.list(path="inbound")) == [oldest]
    assert list(await house.letters.list(limit=1)) == [newest]
    assert await house.letters.get(oldest.letter_id) == oldest
    assert await house.letters.count() == {"inbound": 1, "mailbox": 1}


async def test_they_are_listed_page_by_page_though_some_are_settled_or_buried_meanwhile(
    house: "House",
) -> None:
    for key in "abcdef":  # in pairs of one moment
        await buried(house, key, path="mailbox" if key in "ad" else "inbound")
        house.clock.move(timedelta(seconds=key in "bd"))
    everything = await house.letters.list()
    seen: list[DeadLetter] = []
    while page := await house.letters.list(limit=2, after=seen[-1].letter_id if seen else ""):
        seen += page
        await house.letters.drop(seen[-1].letter_id)
        await buried(house, f"late {len(seen)}")
    assert seen == everything
    only = await house.letters.list(path="mailbox", include_settled=True)
    assert (
        await house.letters.list(path="mailbox", include_settled=True, after=only[0].letter_id)
        == only[1:]
    )
    assert list(await house.letters.list(after="inbound-0-99")) == []


async def test_a_replay_gives_the_record_to_its_stage_once_with_the_same_event_id(
    house: "House",
) -> None:
    await buried(house, "a")
    [letter] = await house.letters.list()
    assert await house.letters.replay(letter.letter_id)
    assert not await house.letters.replay(letter.letter_id)
    assert not await house.letters.drop(letter.letter_id)
    [record] = await house.records("inbound.replay")
    assert (record.key, record.value, record.event_id) == ("a", b'{"a": 1}', "event-a")
    assert record.headers == {"stage": "parse", "origin": "mail.received/0/7"}
    assert list(await house.letters.list()) == []
    assert [each.state for each in await house.letters.list(include_settled=True)] == ["replayed"]
    assert await house.letters.count() == {}


async def test_an_edited_event_is_handed_on_and_the_one_that_died_stays_on_record(
    house: "House",
) -> None:
    await buried(house, "a")
    [letter] = await house.letters.list()
    edited = Edited(value=b'{"a": 2}', key="b", by="root@shop.example")
    assert await house.letters.replay(letter.letter_id, edited)
    assert not await house.letters.replay(letter.letter_id, edited)
    [record] = await house.records("inbound.replay")
    assert (record.key, record.value, record.event_id) == ("b", b'{"a": 2}', "event-a")
    assert record.headers["edited_by"] == "root@shop.example"
    kept = await house.letters.get(letter.letter_id)
    assert kept is not None
    assert (kept.value, kept.key, kept.state) == (b'{"a": 1}', "a", "replayed")


async def test_letters_are_counted_by_stage_until_they_are_settled(house: "House") -> None:
    assert await house.letters.count_by_stage() == {}
    await buried(house, "a")
    await buried(house, "b")
    await buried(house, "c", path="mailbox", stage="index")
    assert await house.letters.count_by_stage() == {"parse": 2, "index": 1}
    by_key = {letter.key: letter.letter_id for letter in await house.letters.list()}
    await house.letters.replay(by_key["a"])
    await house.letters.drop(by_key["c"])
    assert await house.letters.count_by_stage() == {"parse": 1}
    await buried(house, "d", stage="scan")
    assert await house.letters.count_by_stage() == {"parse": 1, "scan": 1}


async def test_a_dropped_letter_stays_on_record(house: "House") -> None:
    await buried(house, "a")
    [letter] = await house.letters.list()
    assert await house.letters.drop(letter.letter_id)
    assert list(await house.letters.list()) == []
    found = await house.letters.get(letter.letter_id)
    assert found is not None
    assert found.state == "dropped"
    assert list(await house.records("inbound.replay")) == []


@pytest.mark.parametrize(
    "letter_id",
    ["", "inbound", "inbound-0", "inbound-0-99", "inbound--1-0", "x-0-0", "a-0-" + "9" * 30],
)
async def test_an_id_that_nothing_has_finds_nothing(house: "House", letter_id: str) -> None:
    await buried(house, "a")
    assert await house.letters.get(letter_id) is None
    assert not await house.letters.replay(letter_id)
    assert not await house.letters.drop(letter_id)


async def buried(house: "House", key: str, path: str = "inbound", stage: str = "parse") -> None:
    headers = {
        "stage": stage,
        "kind": "bug",
        "reason": "KeyError: 'x'",
        "traceback": "Traceback …",
        "attempts": "2",
        "origin": "mail.received/0/7",
    }
    entry = Entry(
        topic=f"{path}.dead", key=key, value=b'{"a": 1}', event_id=f"event-{key}", headers=headers
    )
    await house.write([entry])


@dataclass(frozen=True)
class House:
    letters: DeadLetters
    clock: ManualClock
    write: Callable[[Sequence[Entry]], Awaitable[None]]  # as engines do
    records: Callable[[str], Awaitable[Sequence[Record]]]  # all of a topic


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
    clock = ManualClock(AT)
    with sqlite_log(folder, clock, partitions=1) as (log, database):
        yield House(
            letters=SqliteDeadLetters(database, clock=clock, partitions=1),
            clock=clock,
            write=lambda entries: log.commit(entries, []),
            records=lambda topic: log.read(topic, 0, 0, 10),
        )


@asynccontextmanager
async def kafka_house(servers: Sequence[str], prefix: str) -> AsyncGenerator[House]:
    clock = ManualClock(AT)
    log = KafkaLog(servers, clock=clock, prefix=prefix)
    reader = KafkaReader(servers, prefix=prefix)

    async def records(topic: str) -> list[Record]:
        return [record async for record in reader.read(topic)]

    yield House(KafkaDeadLetters(log, reader), clock, log.write, records)
    await log.close()
