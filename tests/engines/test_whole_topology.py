"""All stages on each engine: the mailboxes are the same however the edges run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engines.kafka_house import opened_on_kafka, working
from tests.engines.stages import TIMEOUT_S, opened
from tests.services import AT, DOMAIN, in_memory
from topologies.events import INBOX, Event, MailReceived, MailSubmitted
from topologies.mail import ids
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Email, Mailboxes
from topologies.topology import Topology, build

ENGINES = ["embedded", pytest.param("kafka", marks=pytest.mark.live)]
RUNS = [
    pytest.param((), (), id="chained"),
    pytest.param(("all",), (), id="all cut"),
    pytest.param((), ("all",), id="all tapped"),
    pytest.param(("mail.authenticated",), ("mail.parsed",), id="one cut, one tapped"),
]


@pytest.mark.parametrize("on", ENGINES)
@pytest.mark.parametrize(("cuts", "taps"), RUNS)
async def test_the_mailboxes_are_as_they_should_be(
    tmp_path: Path, cuts: tuple[str, ...], taps: tuple[str, ...], on: str
) -> None:
    held, folders = await _mailboxes_after(on, tmp_path, cuts, taps)
    subjects = {
        name: {folder: sorted(s) for folder, s in by_folder.items() if s}
        for name, by_folder in folders.items()
    }
    assert subjects == {
        "ann": {INBOX: [*EVERYBODY, "to ann"], "sent": ["sent"], "spam": ["win"]},
        "bo": {INBOX: [*EVERYBODY, "sent"]},
        "quarantine": {INBOX: ["infected"]},
    }
    assert len({email.summary.email_id for _, email in held}) == len(held)


@pytest.mark.parametrize("on", ENGINES)
async def test_chained_and_cut_lead_to_equal_mailboxes(tmp_path: Path, on: str) -> None:
    found: list[list[tuple[str, Email]]] = []
    for name, cuts in (("chained", ()), ("cut", ("all",))):
        folder = tmp_path / name
        folder.mkdir()
        held, _ = await _mailboxes_after(on, folder, cuts, ())
        found.append(held)
    chained, cut = (sorted(map(_comparable, held), key=str) for held in found)
    assert chained == cut


EVERYBODY = [f"all {number:02}" for number in range(12)]
# RFC-free test string of the anti-virus industry, in two halves so that no scanner minds us.
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"


async def _mailboxes_after(
    on: str, folder: Path, cuts: tuple[str, ...], taps: tuple[str, ...]
) -> tuple[list[tuple[str, Email]], dict[str, dict[str, list[str]]]]:
    services = await in_memory()
    topology = build(cuts=cuts, taps=taps)
    mails = [*_mails(), await _sent(services)]
    opening = _embedded if on == "embedded" else _kafka
    async with opening(folder, topology, services, mails) as records:
        tapped = {topic for topic in topology.taps if await records(topic)}
    assert tapped == topology.taps
    return await _held(services)


Records = Callable[[str], Awaitable[list[tuple[str, bytes, str]]]]


@asynccontextmanager
async def _embedded(
    folder: Path, topology: Topology, services: dict[type, Any], mails: Sequence[Event]
) -> AsyncIterator[Records]:
    async with opened(
        folder, *topology.stages, services=services, cuts=topology.cuts, taps=topology.taps
    ) as house:
        running = asyncio.create_task(house.engine.run())
        await house.log.append(mails)
        assert await house.engine.drained(TIMEOUT_S)
        await house.engine.stop()
        await running
        assert await house.dead_letters.list() == []
        yield house.records


@asynccontextmanager
async def _kafka(
    folder: Path, topology: Topology, services: dict[type, Any], mails: Sequence[Event]
) -> AsyncIterator[Records]:
    async with opened_on_kafka(
        folder, *topology.stages, services=services, cuts=topology.cuts, taps=topology.taps
    ) as house:
        async with working(house):
            await house.log.append(mails)
            await house.drained()
        assert await house.dead_letters.list() == []
        yield house.records


async def _held(
    services: dict[type, Any],
) -> tuple[list[tuple[str, Email]], dict[str, dict[str, list[str]]]]:
    directory: Directory = services[Directory]
    mailboxes: Mailboxes = services[Mailboxes]
    owners = {user.address.partition("@")[0]: user.user_id for user in await directory.users()}
    held: list[tuple[str, Email]] = []
    folders: dict[str, dict[str, list[str]]] = {}
    for name, user_id in {**owners, "quarantine": "quarantine"}.items():
        folders[name] = {}
        for each in await mailboxes.folders(user_id):
            page = await mailboxes.page(user_id, each.folder_id, limit=500)
            assert page is not None
            folders[name][each.folder_id] = [line.subject for line in page.emails]
            for line in page.emails:
                email = await mailboxes.email(user_id, line.email_id)
                assert email is not None
                held.append((name, email))
    return held, folders


def _mails() -> list[MailReceived]:
    return [
        *(_mail(subject, f"all@{DOMAIN}") for subject in EVERYBODY),
        _mail("to ann", f"Ann@{DOMAIN}"),
        _mail("win", f"ann@{DOMAIN}", body="you won the lottery"),
        _mail("infected", f"ann@{DOMAIN}", body=EICAR),
        _mail("to nobody", f"nobody@{DOMAIN}"),
    ]


async def _sent(services: dict[type, Any]) -> MailSubmitted:
    directory: Directory = services[Directory]
    ann = await directory.user_by_address(f"ann@{DOMAIN}")
    assert ann is not None
    raw = _raw("sent", "to a colleague")
    return MailSubmitted(
        mail_id=ids.derived_id(AT, "sent"),
        submitted_at=AT,
        user_id=ann.user_id,
        mail_from=ann.address,
        recipients=(f"bo@{DOMAIN}",),
        size_bytes=len(raw),
        raw=raw,
    )


def _mail(subject: str, recipient: str, body: str = "hello") -> MailReceived:
    raw = _raw(subject, body)
    return MailReceived(
        mail_id=ids.derived_id(AT, subject),
        received_at=AT,
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=(recipient,),
        size_bytes=len(raw),
        raw=raw,
    )


def _raw(subject: str, body: str) -> bytes:
    return f"From: zoe@far.example\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()


def _comparable(held: tuple[str, Email]) -> tuple[object, ...]:
    name, email = held  # users have other ids in each run, and so have their copies
    folder_id = email.summary.folder_id
    return (name, email.mail_id, folder_id, email.message, email.raw_ref, email.note, email.spam)
