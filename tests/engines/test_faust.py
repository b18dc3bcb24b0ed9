"""The engine on Kafka: nothing is lost, whatever ends, joins or leaves."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from tests.engines.deliveries import Peers, due, hand_over
from tests.engines.kafka_house import KafkaHouse, opened_on_kafka, working
from tests.engines.stages import AT, PARTITIONS, TIMEOUT_S, mail, refuse, until
from topologies.engines.faust import Patience, groups_of
from topologies.engines.faust_table import FaustTable
from topologies.errors import Misconfigured, Poison, Retryable
from topologies.events import MailReceived, MailUndeliverable, SenderJudged
from topologies.events.base import Event
from topologies.inbound.remember import remember
from topologies.ports.reputations import Reputations
from topologies.stage import Stage, declared_by, stage
from topologies.topics import TABLES
from topologies.topology import Topology, build

pytestmark = pytest.mark.live


async def test_what_is_written_is_worked_on_and_its_outputs_are_written(tmp_path: Path) -> None:
    async with opened_on_kafka(tmp_path, refuse) as house, working(house):
        await house.log.append([mail(f"{number}") for number in range(100)])
        await house.drained()
        written = await house.records("mail.exceptions")
        assert len({event_id for _, _, event_id in written}) == len(written) == 100


async def test_deliveries_to_one_destination_are_attempted_at_the_same_time(
    tmp_path: Path,
) -> None:
    peers = Peers()
    peers.go.clear()
    async with (
        opened_on_kafka(tmp_path, hand_over, services={Peers: peers}) as house,
        working(house),
    ):
        await house.log.append([due("a"), due("b"), due("c")])
        await until(lambda: sorted(peers.begun) == ["a", "b", "c"])
        peers.go.set()
        await house.drained()
        assert len(await house.records("delivery.outcomes")) == 3


async def test_a_worker_that_is_stopped_repeats_nothing_when_it_starts_again(
    tmp_path: Path,
) -> None:
    async with opened_on_kafka(tmp_path, refuse) as house:
        for _ in range(2):
            async with working(house):
                await house.log.append([mail(f"{number}") for number in range(20)])
                await house.drained()
        assert set(Counter(house.seen.told).values()) == {2}  # the same mails were given twice


async def test_a_record_that_others_overtook_is_done_after_a_crash(tmp_path: Path) -> None:
    # The group is new: with nothing committed yet, a gap at the very start must not be skipped.
    gate = Gate("slow")
    async with opened_on_kafka(tmp_path, wait, services={Door: gate}, in_flight=64) as house:
        async with crashing(house):
            await house.log.append([mail("slow"), *(mail(f"{number}") for number in range(40))])
            await until(lambda: len(gate.passed) == 40)
            await asyncio.sleep(2.5)  # longer than positions take to be committed
        gate.open()
        async with working(house):
            await until(lambda: "slow" in gate.passed)
            await house.drained()


async def test_two_workers_share_and_none_is_lost_when_one_joins_and_leaves(
    tmp_path: Path,
) -> None:
    gate = Gate()
    names = [f"{number}" for number in range(600)]
    async with opened_on_kafka(tmp_path, wait, services={Door: gate}) as house:
        async with working(house):
            feeding = asyncio.create_task(feed(house, names))
            await until(lambda: len(gate.passed) > 50)
            async with working(house):
                await until(lambda: len(set(gate.passed)) > 300)
            await feeding
            await until(lambda: len(set(gate.passed)) == len(names))
            await house.drained()
        written = {key for key, _, _ in await house.records("mail.exceptions")}
        assert written == {mail(name).mail_id for name in names}


async def test_what_fails_too_often_becomes_a_dead_letter_and_comes_back(tmp_path: Path) -> None:
    gate = Gate()
    gate.failures = 2
    async with opened_on_kafka(tmp_path, wait, services={Door: gate}) as house, working(house):
        await house.log.append([mail("a")])
        await house.drained()
        [letter] = await house.dead_letters.list()
        assert (letter.stage, letter.kind, letter.reason) == ("wait", "exhausted", "away")
        assert await house.dead_letters.replay(letter.letter_id)
        await until(lambda: gate.passed == ["a"])
        await house.drained()
        assert await house.dead_letters.list() == []


async def test_a_record_that_can_not_be_read_is_buried_and_the_next_passes(tmp_path: Path) -> None:
    async with opened_on_kafka(tmp_path, doom) as house, working(house):
        await house.log.append([mail("a"), mail("b")])
        await house.drained()
        assert [letter.kind for letter in await house.dead_letters.list()] == ["poison"] * 2


async def test_what_a_stage_remembers_is_there_after_a_crash_and_shared_out(
    tmp_path: Path,
) -> None:
    table = FaustTable(TABLES[0])
    async with opened_on_kafka(tmp_path / "a", remember_stage(), tables=[table]) as house:
        house.services = {Reputations: Tallies(table)}
        async with crashing(house):
            await house.log.append([judged(number) for number in range(30)])
            await house.drained()
        again = FaustTable(TABLES[0])
        house.tables, house.services = [again], {Reputations: Tallies(again)}
        async with working(house):
            await house.log.append([judged(number) for number in range(30)])
            await house.drained()
            # At least: a kill within the second may have let some be counted twice.
            counts = {sender: int(again[sender]) for sender in again}
            assert set(counts) == {f"s{number}.example" for number in range(10)}
            assert all(count >= 6 for count in counts.values())
            assert sum(counts.values()) < 120


async def test_a_worker_that_reads_nothing_though_records_wait_ends_with_an_error(
    tmp_path: Path,
) -> None:
    async def never_done(
        topics_of: Mapping[str, Sequence[str]],
    ) -> dict[str, dict[str, dict[int, int]]]:
        return {
            group: dict.fromkeys(
                topics, dict.fromkeys(range(PARTITIONS), 5 if group.endswith("refuse") else 0)
            )
            for group, topics in topics_of.items()
        }

    async with opened_on_kafka(tmp_path, refuse) as house:
        house.lags = never_done
        house.patience = Patience(watch_every_s=0.1, stuck_s=0.5)
        with pytest.raises(Retryable, match=r"reads nothing of mail\.received"):
            async with asyncio.timeout(TIMEOUT_S):
                await house.engine().run()


async def test_a_worker_without_a_broker_says_so_and_ends_in_the_end(tmp_path: Path) -> None:
    is_away = True

    async def lags(
        topics_of: Mapping[str, Sequence[str]],
    ) -> dict[str, dict[str, dict[int, int]]]:
        if is_away and topics_of:
            raise Retryable("no broker", outage=True)
        return {group: {topic: {} for topic in topics} for group, topics in topics_of.items()}

    async with opened_on_kafka(tmp_path, refuse) as house:
        house.lags = lags
        house.patience = Patience(watch_every_s=0.05, lost_s=600)
        async with working(house) as engine:
            await until(lambda: engine.trouble() == "Kafka is out of reach")
            is_away = False
            await until(lambda: engine.trouble() == "")
        is_away = True
        house.patience = Patience(watch_every_s=0.05, lost_s=0.3)
        with pytest.raises(Retryable, match="too long"):
            async with asyncio.timeout(TIMEOUT_S):
                await house.engine().run()


async def test_a_reader_that_ends_by_itself_ends_the_worker(tmp_path: Path) -> None:
    async def forbidden(name: str) -> None:
        raise Misconfigured("the stage can't be run as it is wired")

    gate = Gate()
    gate.enter = forbidden  # type: ignore[method-assign]
    async with opened_on_kafka(tmp_path, wait, services={Door: gate}) as house:
        await house.log.append([mail("a")])
        with pytest.raises(Misconfigured, match="as it is wired"):
            async with asyncio.timeout(TIMEOUT_S):
                await house.engine().run()


def test_a_role_is_a_path_or_the_first_stage_of_a_chain() -> None:
    topology = build()
    assert names(topology, "inbound") == [
        "parse",
        "remember",
        "tally_senders",
        "inbound-replay",
    ]
    mailbox = [
        "erase",
        "bring_back",
        "store",
        "learn",
        "learn_contacts",
        "index",
        "notify",
        "wake",
        "mailbox-replay",
    ]
    assert names(topology, "mailbox") == mailbox
    assert names(topology, "index") == ["index"]
    with pytest.raises(Misconfigured, match="cut the step"):
        groups_of(topology, "scan")
    assert names(build(cuts=["mail.authenticated"]), "scan") == ["scan"]
    with pytest.raises(Misconfigured, match="no stage 'nonsense'"):
        groups_of(topology, "nonsense")


def test_all_roles_together_run_each_group_once() -> None:
    topology = build()
    roles = ("inbound", "mailbox", "outbound", "feedback")
    assert Counter(names(topology, "all")) == Counter(
        name for role in roles for name in names(topology, role)
    )


def names(topology: Topology, role: str) -> list[str]:
    return [group.name for group in groups_of(topology, role)]


class Tallies:
    """Counts in a table, whatever was judged."""

    def __init__(self, table: FaustTable) -> None:
        self._table = table

    async def count(self, judged: SenderJudged) -> None:
        known = int(self._table.get(judged.sender, b"0"))
        self._table[judged.sender] = str(known + 1).encode()

    async def of(self, sender: str) -> None:
        return None


def remember_stage() -> Stage:
    return declared_by(remember)


def judged(number: int) -> SenderJudged:
    return SenderJudged(
        sender=f"s{number % 10}.example", mail_id=f"{number}", judged_at=AT, is_bad=False
    )


class Door(Protocol):
    async def enter(self, name: str) -> None: ...


class Gate:
    def __init__(self, *closed: str) -> None:
        self.passed: list[str] = []
        self.failures = 0
        self._closed = set(closed)
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def enter(self, name: str) -> None:
        if self.failures:
            self.failures -= 1
            raise Retryable("away", after_s=0.001)
        if name in self._closed:
            await self._opened.wait()
        self.passed.append(name)


@stage(reads=MailReceived, writes=[MailUndeliverable], attempts=2)
async def wait(event: MailReceived, *, door: Door) -> Sequence[Event]:
    await door.enter((event.raw or b"").decode())
    return await refuse(event)


@stage(reads=MailReceived, writes=[])
async def doom(event: MailReceived) -> Sequence[Event]:
    raise Poison(f"{event.mail_id} at {AT}")


async def feed(house: KafkaHouse, names: Sequence[str]) -> None:
    for start in range(0, len(names), 10):
        await house.log.append([mail(name) for name in names[start : start + 10]])
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def crashing(house: KafkaHouse) -> AsyncIterator[None]:
    """Run an engine, and end it as a kill would: nothing is finished, nothing more committed."""
    task = asyncio.create_task(house.engine().run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
