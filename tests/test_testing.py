"""The driver that people who add stages test with: it does as the engines do."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from connectors.memory.relay import MemoryRelay
from tests.engines.stages import opened
from tests.outbound.house import RAW, due
from tests.services import AT, DOMAIN, in_memory
from topologies.errors import Poison, Retryable
from topologies.events import (
    Deliver,
    DeliveryAttempted,
    DeliveryDue,
    Event,
    MailboxChanged,
    MailParsed,
    MailReceived,
    MailUndeliverable,
    RecipientResult,
)
from topologies.mail import ids
from topologies.outbound.attempt import attempt
from topologies.ports.clock import Clock
from topologies.ports.relay import Relay
from topologies.stage import stage
from topologies.testing import Driver, Stuck, run_twice
from topologies.topology import build


async def test_a_mail_goes_all_the_way_and_every_event_is_seen_once() -> None:
    driver = Driver(await in_memory())
    await driver.pipe(mail("hello"))
    [delivery] = driver.read(Deliver)
    assert (delivery.folder_id, delivery.message.subject) == ("inbox", "hello")
    assert [change.kind for change in driver.read(MailboxChanged)] == ["email.added"]
    assert len(driver.read(MailParsed)) == 1  # which is handed on in process
    assert driver.read(Deliver) == []
    assert driver.tries("parse", "done") == 1
    await driver.pipe(mail("again"))
    assert [each.message.subject for each in driver.read(Deliver)] == ["again"]


@pytest.mark.parametrize("cuts", [(), ("all",)], ids=["chained", "cut"])
async def test_it_writes_what_the_embedded_engine_writes(
    tmp_path: Path, cuts: tuple[str, ...]
) -> None:
    mails = [mail(f"{number}", to=f"all@{DOMAIN}") for number in range(5)]
    topology = build(cuts=cuts)
    driver = Driver(await in_memory(), topology=topology)
    await driver.pipe(*mails)
    async with opened(
        tmp_path, *topology.stages, services=await in_memory(), cuts=topology.cuts
    ) as house:
        running = asyncio.create_task(house.engine.run())
        await house.log.append(mails)
        await house.drained()
        await house.engine.stop()
        await running
        for topic in ("mailbox.commands", "mailbox.changes", "senders.judged"):
            ours = [record.value for record in driver.read_records(topic)]
            theirs = [value for _, value, _ in await house.records(topic)]
            # Users have other ids in each deployment, so what can be compared is what they are.
            assert tags(ours) == tags(theirs)


async def test_what_waits_comes_back_when_its_time_has_come_and_not_before() -> None:
    relay, services = MemoryRelay(), await in_memory()
    relay.answers["bo@far.example"] = RecipientResult(
        recipient="bo@far.example", status="deferred", code=451
    )
    driver = Driver(services | {Relay: relay}, attempt)
    await driver.pipe(due(raw=RAW))
    assert [each.attempt for each in driver.read(DeliveryAttempted)] == [1]
    assert driver.waiting() == 1
    await driver.advance(timedelta(seconds=59))
    assert driver.read(DeliveryAttempted) == []
    await driver.advance(timedelta(seconds=1))
    assert [each.attempt for each in driver.read(DeliveryAttempted)] == [2]
    relay.answers.clear()
    await driver.advance(timedelta(days=1))
    [last] = driver.read(DeliveryAttempted)
    assert (last.attempt, last.results[0].status) == (3, "delivered")
    assert (driver.waiting(), services[Clock].now()) == (0, AT + timedelta(days=1, minutes=1))
    assert len(driver.read(DeliveryDue)) == 3


async def test_what_a_stage_can_not_pass_is_a_dead_letter_that_can_be_replayed() -> None:
    failing = Failures(Poison("never"))
    driver = Driver({**await in_memory(), Failing: failing}, fail)
    await driver.pipe(mail("a"))
    [letter] = driver.dead_letters()
    assert (letter.stage, letter.kind, letter.reason) == ("fail", "poison", "never")
    failing.errors.clear()
    await driver.replay(letter)
    assert driver.dead_letters() == []
    assert len(driver.read(MailUndeliverable)) == 1


async def test_what_fails_for_a_while_is_tried_again_and_time_passes_meanwhile() -> None:
    failing = Failures(*[Retryable("away", after_s=30)] * 2)
    services = {**await in_memory(), Failing: failing}
    driver = Driver(services, fail)
    await driver.pipe(mail("a"))
    assert (driver.tries("fail", "again"), driver.tries("fail", "done")) == (2, 1)
    assert services[Clock].now() == AT + timedelta(minutes=1)


async def test_an_outage_that_never_ends_fails_the_test_and_hangs_nothing() -> None:
    failing = Failures(*[Retryable("it is down", outage=True)] * 1_000)
    driver = Driver({**await in_memory(), Failing: failing}, fail)
    with pytest.raises(Stuck, match="fail: it is down"):
        await driver.pipe(mail("a"))


async def test_what_is_no_event_is_buried() -> None:
    driver = Driver(await in_memory())
    await driver.pipe_raw("mail.received", "key", b"{")
    [letter] = driver.dead_letters("inbound")
    assert (letter.stage, letter.kind) == ("parse", "poison")
    assert driver.dead_letters("mailbox") == []


async def test_a_stage_that_writes_something_else_at_a_replay_is_found_out() -> None:
    count = Counted()
    with pytest.raises(AssertionError, match="number writes something else at a replay"):
        await run_twice(number, mail("a"), {Counted: count})
    [event] = await run_twice(fail, mail("a"), {Failing: Failures()})
    assert isinstance(event, MailUndeliverable)


class Failing(Protocol):
    def check(self) -> None: ...


class Failures:
    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def check(self) -> None:
        if self.errors:
            raise self.errors.pop()


class Counted:
    def __init__(self) -> None:
        self.count = 0


@stage(reads=MailReceived, writes=[MailUndeliverable])
async def fail(event: MailReceived, *, failing: Failing) -> Sequence[Event]:
    failing.check()
    return [MailUndeliverable(mail_id=event.mail_id, recipient="bo", reason="gone")]


@stage(reads=MailReceived, writes=[MailUndeliverable])
async def number(event: MailReceived, *, counted: Counted) -> Sequence[Event]:
    counted.count += 1
    return [MailUndeliverable(mail_id=event.mail_id, recipient="bo", reason=f"{counted.count}")]


def tags(values: Sequence[bytes]) -> list[str]:
    return sorted(json.loads(value)["event"] for value in values)


def mail(subject: str, to: str = f"ann@{DOMAIN}") -> MailReceived:
    raw = f"From: zoe@far.example\r\nSubject: {subject}\r\n\r\nhi\r\n".encode()
    known: dict[str, Any] = {"recipients": (to,), "size_bytes": len(raw), "raw": raw}
    return MailReceived(
        mail_id=ids.derived_id(AT, subject),
        received_at=AT,
        origin="smtp",
        mail_from="zoe@far.example",
        **known,
    )
