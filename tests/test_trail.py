"""Where is my mail: every event about one mail is found, and where it is now, on both logs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.sqlite.log_reader import SqliteLogReader
from tests.engines.kafka_house import opened_on_kafka, working
from tests.engines.stages import opened
from tests.services import AT, DOMAIN, in_memory
from topologies.errors import Poison
from topologies.events import Event, MailReceived, MailSubmitted
from topologies.mail import ids
from topologies.ports.clock import Clock
from topologies.ports.dead_letters import DeadLetters
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import Directory
from topologies.ports.log import LogReader
from topologies.ports.mailboxes import Mailboxes
from topologies.topology import Topology, build
from topologies.trail import Trail
from topologies.trail_finding import MOST_READ, TrailFinder

ENGINES = ["embedded", pytest.param("kafka", marks=pytest.mark.live)]
# RFC-free test string of the anti-virus industry, in two halves so that no scanner minds us.
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.mark.parametrize("on", ENGINES)
async def test_every_event_of_a_mail_is_found_with_the_stage_that_wrote_it(
    tmp_path: Path, on: str
) -> None:
    own, other = a_mail("own", "ann"), a_mail("another one for the same user", "ann")
    trail = await trail_of(on, tmp_path, own.mail_id, [own, other])
    assert [(event.tag, event.written_by) for event in trail.events] == [
        ("mail.received/1", ""),
        ("mailbox.deliver/1", "route"),
        ("mailbox.changed/1", "store"),
    ]
    assert trail.events[1].came_of == trail.events[0].event_id
    [copy] = trail.copies
    assert (copy.address, copy.folder_id) == (f"ann@{DOMAIN}", "inbox")
    assert (trail.dead_letters, trail.incomplete, trail.mail_ids) == ([], [], [own.mail_id])


@pytest.mark.parametrize("on", ENGINES)
async def test_what_is_tapped_is_told_in_the_order_of_its_stages(tmp_path: Path, on: str) -> None:
    mail = a_mail("tapped", "ann")
    trail = await trail_of(on, tmp_path, mail.mail_id, [mail], taps=("all",))
    received = ["received", "parsed", "authenticated", "scanned", "scored"]
    assert [event.tag for event in trail.events][:5] == [f"mail.{name}/1" for name in received]
    stages = [event.written_by for event in trail.events]
    assert stages[:6] == ["", "parse", "authenticate", "scan", "score", "route"]


@pytest.mark.parametrize("on", ENGINES)
async def test_a_sent_mail_is_followed_to_its_recipients_here_and_elsewhere(
    tmp_path: Path, on: str
) -> None:
    services = await in_memory()
    mail = await sent(services, f"bo@{DOMAIN}", "zoe@far.example")
    trail = await trail_of(on, tmp_path, mail.mail_id, [mail], services=services)
    assert trail.mail_ids == [mail.mail_id, ids.local_id(AT, mail.mail_id)]
    tags = [event.tag.partition("/")[0] for event in trail.events]
    assert tags[0] == "mail.submitted"
    assert {"mail.outgoing", "delivery.due", "delivery.attempted", "mail.received"} < set(tags)
    assert tags.count("mailbox.deliver") == 2
    folders = {copy.address: copy.folder_id for copy in trail.copies}
    assert folders == {f"ann@{DOMAIN}": "sent", f"bo@{DOMAIN}": "inbox"}
    [delivery] = trail.deliveries
    assert (delivery.destination, delivery.state) == ("far.example", "delivered")


async def test_what_a_recipient_here_got_leads_back_to_what_was_sent(tmp_path: Path) -> None:
    services = await in_memory()
    mail = await sent(services, f"bo@{DOMAIN}")
    received_id = ids.local_id(AT, mail.mail_id)
    trail = await trail_of("embedded", tmp_path, received_id, [mail], services=services)
    assert trail.mail_ids == [received_id, mail.mail_id]
    assert [event.written_by for event in trail.events if event.tag == "mail.received/1"] == [
        "split"
    ]


async def test_a_quarantined_mail_is_told_to_be_there(tmp_path: Path) -> None:
    mail = a_mail("infected", "ann", body=EICAR)
    trail = await trail_of("embedded", tmp_path, mail.mail_id, [mail])
    assert {"mail.quarantined/1", "mailbox.deliver/1"} < {event.tag for event in trail.events}
    assert [copy.user_id for copy in trail.copies] == ["quarantine"]


async def test_a_mail_that_no_stage_could_pass_is_told_with_the_reason(tmp_path: Path) -> None:
    async def refuse(mail: MailReceived) -> Sequence[Event]:
        raise Poison(f"{mail.mail_id} is not liked")

    topology = build()
    stages = tuple(
        replace(stage, run=refuse) if stage.name == "parse" else stage for stage in topology.stages
    )
    mail = a_mail("bad", "ann")
    trail = await trail_of("embedded", tmp_path, mail.mail_id, [mail], topology=Topology(stages))
    [letter] = trail.dead_letters
    assert (letter.stage, letter.reason) == ("parse", f"{mail.mail_id} is not liked")
    assert [event.tag for event in trail.events] == ["mail.received/1"]


async def test_what_is_not_read_to_its_end_is_told(tmp_path: Path) -> None:
    mails = [a_mail(f"{number}", "ann") for number in range(12)]
    trail = await trail_of("embedded", tmp_path, mails[-1].mail_id, mails, most_read=10)
    assert [what.partition(" ")[0] for what in trail.incomplete] == [
        "mailbox.commands",
        "mailbox.changes",
    ]
    assert len(trail.copies) == 1  # where it is now is known all the same


async def test_of_a_mail_that_never_was_nothing_is_known(tmp_path: Path) -> None:
    trail = await trail_of("embedded", tmp_path, a_mail("none", "ann").mail_id, [])
    assert trail.is_empty


async def test_what_is_no_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="badly formed"):
        await trail_of("embedded", tmp_path, "1", [])


async def trail_of(
    on: str,
    folder: Path,
    mail_id: str,
    events: Sequence[Event],
    *,
    services: dict[type, Any] | None = None,
    topology: Topology | None = None,
    taps: tuple[str, ...] = (),
    most_read: int = MOST_READ,
) -> Trail:
    services = services or await in_memory()
    topology = topology or build(taps=taps)
    opening = _embedded if on == "embedded" else _kafka
    async with opening(folder, topology, services, events) as (reader, letters):
        finder = TrailFinder(
            reader,
            services[Directory],
            services[Mailboxes],
            services[Deliveries],
            letters,
            topology,
            services[Clock],
            most_read=most_read,
        )
        return await finder.find(mail_id)


Opened = tuple[LogReader, DeadLetters]
Opening = Callable[..., Awaitable[Opened]]


@asynccontextmanager
async def _embedded(
    folder: Path, topology: Topology, services: dict[type, Any], events: Sequence[Event]
) -> AsyncIterator[Opened]:
    clock: ManualClock = services[Clock]
    async with opened(
        folder, *topology.stages, services=services, taps=topology.taps, clock=clock
    ) as house:
        running = asyncio.create_task(house.engine.run())
        await house.log.append(events)
        await house.drained()
        await house.engine.stop()
        await running
        yield SqliteLogReader(house.log), house.dead_letters


@asynccontextmanager
async def _kafka(
    folder: Path, topology: Topology, services: dict[type, Any], events: Sequence[Event]
) -> AsyncIterator[Opened]:
    async with opened_on_kafka(
        folder, *topology.stages, services=services, taps=topology.taps
    ) as house:
        async with working(house):
            await house.log.append(events)
            await house.drained()
        yield house.reader, house.dead_letters


async def sent(services: dict[type, Any], *recipients: str) -> MailSubmitted:
    ann = await services[Directory].user_by_address(f"ann@{DOMAIN}")
    raw = _raw("sent", "hello")
    return MailSubmitted(
        mail_id=ids.derived_id(AT, "sent", *recipients),
        submitted_at=AT,
        user_id=ann.user_id,
        mail_from=ann.address,
        recipients=recipients,
        size_bytes=len(raw),
        raw=raw,
    )


def a_mail(subject: str, name: str, body: str = "hello") -> MailReceived:
    raw = _raw(subject, body)
    return MailReceived(
        mail_id=ids.derived_id(AT, subject),
        received_at=AT,
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=(f"{name}@{DOMAIN}",),
        size_bytes=len(raw),
        raw=raw,
    )


def _raw(subject: str, body: str) -> bytes:
    return f"From: zoe@far.example\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()
