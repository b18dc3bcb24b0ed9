"""How old what waits is told to be, by either engine."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.assembly.observing import oldest_s
from connectors.memory.clock import ManualClock
from tests.engines.deliveries import Peers, due, hand_over
from tests.engines.kafka_house import opened_on_kafka, working
from tests.engines.stages import AT, TIMEOUT_S, Written, mail, refuse, running, until
from topologies.engines.chain import Waiting
from topologies.engines.lane import Lane
from topologies.errors import Retryable
from topologies.events import MailReceived, MailUndeliverable
from topologies.ports.log import Entry, Record
from topologies.stage import stage


class Away:
    """A store that is out of reach until it is ``back``."""

    def __init__(self) -> None:
        self.is_back = False

    def ask(self) -> None:
        if not self.is_back:
            raise Retryable("the store is away", outage=True, after_s=0.01)


@stage(reads=MailReceived, writes=[MailUndeliverable])
async def wait(event: MailReceived, *, away: Away) -> Written:
    away.ask()
    return []


async def test_the_oldest_record_before_a_stage_is_told_by_its_age(tmp_path: Path) -> None:
    clock, away = ManualClock(AT), Away()
    async with running(tmp_path, wait, refuse, services={Away: away}, clock=clock) as house:
        await house.log.append([mail("first")])
        clock.move(timedelta(seconds=60))
        await house.log.append([mail("second")])
        await until(lambda: len(house.engine.waiting()) == 2)
        await until(lambda: sum(stage == "refuse" for stage, _, _ in house.seen.told) == 2)
        clock.move(timedelta(seconds=30))
        assert (await house.engine.lag_s())["wait"] == 90
        ages = oldest_s(house.engine.waiting(), clock.now())
        assert set(ages) == {"wait"}
        assert 30 <= ages["wait"] <= 90  # since they were tried first
        away.is_back = True
        await house.drained()
        assert await house.engine.lag_s() == {}


def test_of_several_that_wait_the_oldest_counts_by_stage() -> None:
    def waiting(stage: str, seconds: int) -> Waiting:
        since = AT - timedelta(seconds=seconds)
        return Waiting(stage=stage, key="k", reason="away", outage=True, since=since)

    told = oldest_s([waiting("store", 3), waiting("store", 9), waiting("index", -5)], AT)
    assert told == {"store": 9.0, "index": 0.0}


async def test_a_lane_tells_its_oldest_record_until_all_before_it_is_done() -> None:
    go = {"slow": asyncio.Event(), "quick": asyncio.Event()}

    async def work(record: Record) -> list[Entry]:
        await go[record.key].wait()
        return []

    async def write(_: object) -> None:
        return

    async with asyncio.TaskGroup() as tasks:
        lane = Lane(work, write, room=asyncio.Semaphore(9), tasks=tasks)
        assert lane.oldest_at is None
        for number, key in enumerate(go):
            lane.take(record(number, key), lambda: None)
        go["quick"].set()
        await asyncio.sleep(0)
        assert lane.oldest_at == AT
        go["slow"].set()
        async with asyncio.timeout(TIMEOUT_S):
            while len(lane):  # noqa: ASYNC110  nothing tells when it comes true
                await asyncio.sleep(0.001)
        assert lane.oldest_at is None


@pytest.mark.live
async def test_on_kafka_what_is_under_way_is_told_by_its_age(tmp_path: Path) -> None:
    clock, peers = ManualClock(), Peers()
    peers.go.clear()
    async with (
        opened_on_kafka(tmp_path, hand_over, services={Peers: peers}, clock=clock) as house,
        working(house) as engine,
    ):
        await house.log.append([due("a")])
        await until(lambda: peers.begun == ["a"])
        # The log has the time of the system.
        [appended_at] = [each.appended_at async for each in house.reader.read("delivery.due")]
        clock.move(appended_at + timedelta(seconds=45) - clock.now())
        assert engine.lag_s() == {"hand_over": 45.0}
        peers.go.set()
        await house.drained()
        assert engine.lag_s() == {}


def record(number: int, key: str) -> Record:
    return Record(
        topic="mail.received",
        partition=0,
        offset=number,
        key=key,
        value=b"",
        event_id=str(number),
        appended_at=AT + timedelta(seconds=number),
    )
