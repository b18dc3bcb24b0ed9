"""A replay without effect: what a stage gives now, beside what was written then; on both logs."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.assembly.looking_back import make_topic
from connectors.memory.clock import ManualClock
from connectors.settings import load
from connectors.sqlite.log_reader import SqliteLogReader
from tests.engines.kafka_house import opened_on_kafka, working
from tests.engines.stages import opened
from tests.services import AT, DOMAIN, in_memory
from topologies.errors import Poison, Retryable
from topologies.events import Event, MailReceived
from topologies.mail import ids
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.ports.log import LogReader, WrittenLog
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.policy import ScorePolicy
from topologies.replay import stretch
from topologies.replay_dry import DryRun, compare
from topologies.replay_trying import Trier, write_beside
from topologies.topology import Topology, build

ENGINES = ["embedded", pytest.param("kafka", marks=pytest.mark.live)]
both = pytest.mark.parametrize("on", ENGINES)


@both
async def test_where_nothing_changed_every_event_is_the_same(tmp_path: Path, on: str) -> None:
    async with worked_on(on, tmp_path, [a_mail("one"), a_mail("two")]) as house:
        run = await house.compare("parse")
    assert (run.records, run.same, run.compared, run.buried) == (2, 2, [], [])
    assert not run.differs


@both
async def test_what_a_stage_gives_otherwise_is_told_by_its_place(tmp_path: Path, on: str) -> None:
    async with worked_on(on, tmp_path, [a_mail("one")]) as house:
        house.services[ScorePolicy] = ScorePolicy(spam_threshold=0.0)
        run = await house.compare("parse")
    [found] = run.compared
    assert (found.kind, found.topic, found.origin.split("/")[0]) == (
        "changed",
        "mailbox.commands",
        "mail.received",
    )
    told = {change.pointer: (change.then, change.now) for change in found.changes}
    assert told["/folder_id"] == ("inbox", "spam")
    assert run.differs


@both
async def test_nothing_is_changed_by_it(tmp_path: Path, on: str) -> None:
    async with worked_on(on, tmp_path, [a_mail("one")]) as house:
        before = await house.told()
        house.services[ScorePolicy] = ScorePolicy(spam_threshold=0.0)
        await house.compare("parse")
        await house.compare("store")
        assert await house.told() == before


@both
async def test_a_writer_of_mailboxes_gives_the_same_as_then(tmp_path: Path, on: str) -> None:
    async with worked_on(on, tmp_path, [a_mail("one"), a_mail("two")]) as house:
        run = await house.compare("store")
    assert (run.records, run.compared, run.refused) == (2, [], {})


async def test_what_is_given_more_or_not_any_more_is_told(tmp_path: Path) -> None:
    mail = replace_recipients(a_mail("one"), f"all@{DOMAIN}")
    async with worked_on("embedded", tmp_path, [mail]) as house:
        directory: Directory = house.services[Directory]
        await directory.add_alias(f"all@{DOMAIN}", [f"ann@{DOMAIN}"])
        fewer = await house.compare("parse")
        await directory.add_user(f"cy@{DOMAIN}", "a password")
        people = [f"{name}@{DOMAIN}" for name in ("ann", "bo", "cy")]
        await directory.add_alias(f"all@{DOMAIN}", people)
        more = await house.compare("parse")
    assert (fewer.same, fewer.count("gone"), fewer.count("new")) == (1, 1, 0)
    assert (more.count("gone"), more.count("new")) == (0, 1)


async def test_what_would_be_buried_now_is_told_with_the_reason(tmp_path: Path) -> None:
    async def refuse(mail: MailReceived) -> Sequence[Event]:
        raise Poison(f"{mail.origin} is not liked")

    async with worked_on("embedded", tmp_path, [a_mail("one")]) as house:
        house.topology = with_stage(house.topology, "parse", refuse)
        run = await house.compare("parse")
    [dead] = run.buried
    assert (dead.stage, dead.kind, dead.reason) == ("parse", "poison", "smtp is not liked")
    assert run.count("gone") == 1


async def test_a_stage_that_must_change_something_to_know_is_not_tried(tmp_path: Path) -> None:
    async def claim(mail: MailReceived, *, directory: Directory) -> Sequence[Event]:
        await directory.add_domain("more.example")
        return []

    async with worked_on("embedded", tmp_path, [a_mail("one")]) as house:
        house.topology = with_stage(house.topology, "parse", claim)
        run = await house.compare("parse")
        assert (run.refused, run.compared) == ({"Directory.add_domain": 1}, [])
        assert "more.example" not in await house.services[Directory].domains()


async def test_an_outage_ends_it_and_is_not_taken_for_a_difference(tmp_path: Path) -> None:
    async def away(mail: MailReceived) -> Sequence[Event]:
        raise Retryable("the store is away", outage=True)

    async with worked_on("embedded", tmp_path, [a_mail("one")]) as house:
        house.topology = with_stage(house.topology, "parse", away)
        with pytest.raises(Retryable, match=r"^parse would have to wait: the store is away$"):
            await house.compare("parse")


async def test_more_than_is_compared_at_once_is_told(tmp_path: Path) -> None:
    async with worked_on("embedded", tmp_path, [a_mail(f"{n}") for n in range(5)]) as house:
        run = await house.compare("parse", most=3)
    assert (run.records, run.same, run.is_cut_off) == (3, 3, True)


async def test_a_stretch_has_an_end_in_time_and_number(tmp_path: Path) -> None:
    async with worked_on("embedded", tmp_path, [a_mail(f"{n}") for n in range(4)]) as house:
        stage = house.topology.stage("parse")
        assert len([r async for r in stretch(stage, house.reader, most=3)]) == 3
        assert len([r async for r in stretch(stage, house.reader, until=AT)]) == 0
        later = AT + timedelta(seconds=1)
        assert len([r async for r in stretch(stage, house.reader, until=later)]) == 4


@both
async def test_what_a_stage_gives_is_written_to_a_topic_at_the_side(
    tmp_path: Path, on: str
) -> None:
    async with worked_on(on, tmp_path, [a_mail("one"), a_mail("two")]) as house:
        before = await house.told()
        counts = await house.write_beside("parse", "replayed.test")
        assert await house.told() == before
        records = [record async for record in house.reader.read("replayed.test")]
    assert counts == (2, 2, 0)
    assert {record.headers["topic"] for record in records} == {"mailbox.commands"}
    assert {record.headers["origin"].split("/")[0] for record in records} == {"mail.received"}
    assert all(b'"mailbox.deliver/1"' in record.value for record in records)


@dataclass
class House:
    """What a deployment has, whose engine stands still."""

    topology: Topology
    services: dict[type, Any]
    reader: LogReader
    log: WrittenLog

    async def compare(self, name: str, *, most: int = 100) -> DryRun:
        stage = self.topology.stage(name)
        records = stretch(stage, self.reader)
        runs = compare(self.topology, stage, self.reader, self.services, records, most=most)
        return [run async for run in runs][-1]

    async def write_beside(self, name: str, topic: str) -> tuple[int, int, int]:
        stage = self.topology.stage(name)
        trier = Trier(self.topology, stage, self.services)
        records = stretch(stage, self.reader)
        written = write_beside(trier, self.log, records, topic, 100)
        return [counts async for counts in written][-1]

    async def told(self) -> Any:
        """Return what people see, and what the log and the store of blobs hold."""
        user = await self.services[Directory].user_by_address(f"ann@{DOMAIN}")
        mailboxes: Mailboxes = self.services[Mailboxes]
        changes = await mailboxes.changes(user.user_id, 0)
        blobs = self.services[Blobs].__dict__["_contents"].keys()
        topics = ("mailbox.commands", "mailbox.changes", "mail.received", "inbound.dead")
        written = [[r.event_id async for r in self.reader.read(topic)] for topic in topics]
        return changes, set(blobs), written


@asynccontextmanager
async def worked_on(on: str, folder: Path, mails: Sequence[MailReceived]) -> AsyncGenerator[House]:
    services = dict(await in_memory())
    clock: ManualClock = services[Clock]
    topology = build()
    async with AsyncExitStack() as opened_ones:
        if on == "embedded":
            made = opened(folder, *topology.stages, services=services, clock=clock)
            house = await opened_ones.enter_async_context(made)
            task = asyncio.create_task(house.engine.run())
            await house.log.append(mails)
            await house.drained()
            await house.engine.stop()
            await task
            yield House(topology, services, SqliteLogReader(house.log), house.log)
            return
        on_kafka = opened_on_kafka(folder, *topology.stages, services=services)
        kafka = await opened_ones.enter_async_context(on_kafka)
        async with working(kafka):
            await kafka.log.append(mails)
            await kafka.drained()
        cluster = msgspec.structs.replace(
            load(), profile="cluster", kafka_servers=tuple(kafka.servers), topic_prefix=kafka.prefix
        )
        await make_topic(cluster, "replayed.test")
        yield House(topology, services, kafka.reader, kafka.log)


def a_mail(subject: str) -> MailReceived:
    raw = f"From: zoe@far.example\r\nSubject: {subject}\r\n\r\nHello.\r\n".encode()
    return MailReceived(
        mail_id=ids.derived_id(AT, subject),
        received_at=AT,
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=(f"ann@{DOMAIN}",),
        size_bytes=len(raw),
        raw=raw,
    )


def replace_recipients(mail: MailReceived, *recipients: str) -> MailReceived:
    return msgspec.structs.replace(mail, recipients=recipients)


def with_stage(topology: Topology, name: str, run: Any) -> Topology:
    stages = (replace(s, run=run) if s.name == name else s for s in topology.stages)
    return Topology(tuple(stages), topology.cuts, topology.taps)
