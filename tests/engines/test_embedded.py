"""The embedded engine: what came in is worked on once, in order, whatever happens."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from connectors.memory.clock import ManualClock
from tests.engines.stages import (
    AT,
    TIMEOUT_S,
    House,
    Written,
    mail,
    opened,
    refuse,
    running,
    until,
)
from topologies.errors import Misconfigured, Poison, Retryable
from topologies.events import (
    CreateFolder,
    MailboxChanged,
    MailParsed,
    MailQuarantined,
    MailReceived,
    MailUndeliverable,
    Message,
    RawRef,
)
from topologies.events.inbound import grow
from topologies.stage import Stage, declared_by, stage

MESSAGE = Message(subject="Hello")
REF = RawRef(blob="0" * 64, kind="whole", size_bytes=5)


@stage(reads=MailReceived, writes=[MailParsed])
async def read(event: MailReceived) -> Written:
    return [grow(event, MailParsed, message=MESSAGE, raw_ref=REF)]


@stage(reads=MailParsed, writes=[MailUndeliverable])
async def end(event: MailParsed) -> Written:
    return [MailUndeliverable(mail_id=event.mail_id, recipient="bo", reason="ended")]


async def test_every_record_is_worked_on_once_and_a_restart_repeats_none(tmp_path: Path) -> None:
    mails = [mail(f"{number}") for number in range(50)]
    async with running(tmp_path, refuse) as house:
        await house.log.append(mails[:30])
        await house.drained()
    async with running(tmp_path, refuse) as house:
        await house.log.append(mails[30:])
        await house.drained()
        written = await house.records("mail.exceptions")
    assert sorted(key for key, _, _ in written) == sorted(each.mail_id for each in mails)
    assert len({event_id for _, _, event_id in written}) == len(mails)


async def test_records_of_one_key_keep_their_order_while_others_pass_them(tmp_path: Path) -> None:
    async with running(tmp_path, apply, services={Steps: (steps := StepByStep())}) as house:
        # Both in one partition: what begins first in two is anybody's guess.
        await house.log.append([command("slow", "1"), command("slow", "2"), command("quick", "1")])
        await until(lambda: steps.begun == [("slow", "1"), ("quick", "1")])
        steps.go.set()
        await house.drained()
        assert steps.begun[2:] == [("slow", "2")]
        changes = [
            msgspec.json.decode(value, type=MailboxChanged)
            for _, value, _ in await house.records("mailbox.changes")
        ]
        assert [c.command_id for c in changes if c.user_id == "slow"] == ["1", "2"]


async def test_thousands_pass_a_record_that_comes_to_no_end(tmp_path: Path) -> None:
    mails = [mail(f"{number}") for number in range(2_500)]
    waiting = mails[0].mail_id

    @stage(reads=MailReceived, writes=[MailUndeliverable])
    async def end_but_one(event: MailReceived) -> Written:
        if event.mail_id == waiting:
            await asyncio.Event().wait()
        return [MailUndeliverable(mail_id=event.mail_id, recipient="bo", reason="ended")]

    async with running(tmp_path, end_but_one) as house:
        await house.log.append(mails)
        async with asyncio.timeout(TIMEOUT_S):
            while sum((await house.engine.lag()).values()) > 1:  # noqa: ASYNC110  as `until`
                await asyncio.sleep(0.01)
        assert len(await house.records("mail.exceptions")) == len(mails) - 1


async def test_what_fails_for_a_while_passes_later(tmp_path: Path) -> None:
    async with running(tmp_path, fail, services={Failing: Failures("away", times=2)}) as house:
        await house.log.append([mail("a")])
        await house.drained()
        assert [result for _, result, _ in house.seen.told] == ["again", "again", "done"]
        assert await house.dead_letters.count() == {}


async def test_what_fails_too_often_becomes_a_dead_letter_and_can_be_replayed(
    tmp_path: Path,
) -> None:
    failures = Failures("away", times=3)
    async with running(tmp_path, fail, services={Failing: failures}) as house:
        await house.log.append([mail("a")])
        await house.drained()
        [letter] = await house.dead_letters.list()
        assert (letter.stage, letter.kind, letter.reason, letter.attempts, letter.path) == (
            *("fail", "exhausted", "away", 3),
            letter.path,
        )
        assert letter.origin.startswith("mail.received/")
        assert msgspec.json.decode(letter.value, type=MailReceived) == mail("a")
        assert await house.dead_letters.replay(letter.letter_id)
        assert not await house.dead_letters.replay(letter.letter_id)
        await until(lambda: failures.passed == [mail("a").mail_id])
        await house.drained()
        assert await house.dead_letters.list() == []
        [settled] = await house.dead_letters.list(include_settled=True)
        assert settled.state == "replayed"


async def test_a_bug_costs_one_record_its_way_and_is_told_with_its_place(tmp_path: Path) -> None:
    async with running(tmp_path, stumble) as house:
        await house.log.append([mail("a"), mail("bug"), mail("b")])
        await house.drained()
        [letter] = await house.dead_letters.list()
        assert (letter.kind, letter.key) == ("bug", mail("bug").mail_id)
        assert "ZeroDivisionError" in letter.traceback
        passed = {key for key, _, _ in await house.records("mail.exceptions")}
        assert passed == {mail("a").mail_id, mail("b").mail_id}


async def test_what_can_never_pass_is_buried_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, condemn) as house:
        await house.log.append([mail("a")])
        await house.drained()
        [letter] = await house.dead_letters.list()
        assert (letter.kind, letter.attempts, letter.reason) == ("poison", 1, "never")


async def test_an_outage_uses_up_no_attempts_and_buries_nothing(tmp_path: Path) -> None:
    failures = Failures("the store is down", times=10, outage=True)
    async with running(tmp_path, fail, services={Failing: failures}) as house:
        await house.log.append([mail("a")])
        await until(lambda: any(record.outage for record in house.engine.waiting()))
        [waiting] = house.engine.waiting()
        assert (waiting.stage, waiting.reason) == ("fail", "the store is down")
        await house.drained()
        assert failures.passed == [mail("a").mail_id]
        assert await house.dead_letters.count() == {}
        assert list(house.engine.waiting()) == []


async def test_what_is_wired_wrong_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="fail: no service for failing"):
        async with opened(tmp_path, fail):  # with no service for its port
            pass


async def test_an_edge_that_is_cut_and_mended_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, read, end, cuts=["mail.parsed"]) as house:
        await house.log.append([mail("a")])
    async with running(tmp_path, read, cuts=["mail.parsed"]) as house:
        await until(lambda: bool(house.seen.told))
        await house.drained()
        assert len(await house.records("mail.parsed")) == 1
    async with running(tmp_path, read, end, taps=["mail.parsed"]) as house:
        await house.log.append([mail("b")])
        await house.drained()
        await until(lambda: len(house.seen.told) == 3)
        assert len(await house.records("mail.parsed")) == 2
        # What was handed on in process is not taken up again from the topic.
    async with running(tmp_path, read, end, cuts=["mail.parsed"]) as house:
        await house.drained()
        ended = await house.records("mail.exceptions")
    assert sorted(key for key, _, _ in ended) == sorted([mail("a").mail_id, mail("b").mail_id])


async def test_a_chain_writes_the_same_events_chained_and_cut(tmp_path: Path) -> None:
    written: list[list[tuple[str, bytes, str]]] = []
    for cuts in ((), ("mail.parsed",)):
        folder = tmp_path / f"cuts-{len(cuts)}"
        folder.mkdir()
        async with running(folder, read, end, cuts=cuts) as house:
            event_ids = await appended(house, [mail("a"), mail("b")])
            await house.drained()
            ended = await house.records("mail.exceptions")
            written.append(sorted((key, value, "") for key, value, _ in ended))
            assert len({event_id for _, _, event_id in ended} - event_ids) == 2
    assert written[0] == written[1]


async def test_more_than_fits_in_flight_is_worked_on_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path, refuse, in_flight=2) as house:
        await house.log.append([mail(f"{number}") for number in range(100)])
        await house.drained()
        assert len(await house.records("mail.exceptions")) == 100


async def test_a_replay_for_a_stage_that_is_gone_dies_again_and_stops_nothing(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, condemn, refuse_named("other")) as house:
        await house.log.append([mail("a")])
        await house.drained()
        [letter] = await house.dead_letters.list()
    async with running(tmp_path, refuse_named("other")) as house:
        await house.dead_letters.replay(letter.letter_id)
        await house.drained()
        [again] = await house.dead_letters.list()
        assert again.reason == "there is no stage 'condemn' any more"
        assert again.origin == letter.origin


async def test_who_is_told_to_stop_before_it_runs_does_not_begin(tmp_path: Path) -> None:
    async with opened(tmp_path, refuse) as house:
        await house.log.append([mail("a")])
        await house.engine.stop()
        async with asyncio.timeout(TIMEOUT_S):
            await house.engine.run()
        assert await house.records("mail.exceptions") == []


async def test_old_records_that_all_have_read_are_forgotten_but_no_dead_letter(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    async with running(tmp_path, condemn, clock=clock) as house:
        await house.log.append([mail("a"), mail("b")])
        await house.drained()
        assert await house.engine.trim() == 0
        await house.engine.stop()
        clock.move(timedelta(days=8))
        await house.log.append([mail("unread")])
        assert await house.engine.trim() == 2
        assert [key for key, _, _ in await house.records("mail.received")] == [
            mail("unread").mail_id
        ]
        assert len(await house.dead_letters.list()) == 2


class Steps(Protocol):
    async def take(self, command: CreateFolder) -> None: ...


class StepByStep:
    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.go = asyncio.Event()

    async def take(self, command: CreateFolder) -> None:
        self.begun.append((command.user_id, command.command_id))
        if command.user_id == "slow":
            await self.go.wait()


@stage(reads=CreateFolder, writes=[MailboxChanged])
async def apply(event: CreateFolder, *, steps: Steps) -> Written:
    await steps.take(event)
    return [
        MailboxChanged(
            user_id=event.user_id,
            seq=1,
            command_id=event.command_id,
            changed_at=AT,
            kind="folder.added",
        )
    ]


class Failing(Protocol):
    def check(self, mail_id: str) -> None: ...


class Failures:
    def __init__(self, reason: str, *, times: int, outage: bool = False) -> None:
        self.passed: list[str] = []
        self._error: Callable[[], Retryable] = lambda: Retryable(
            reason, after_s=0.001, outage=outage
        )
        self._left = times

    def check(self, mail_id: str) -> None:
        if self._left:
            self._left -= 1
            raise self._error()
        self.passed.append(mail_id)


@stage(reads=MailReceived, writes=[], attempts=3)
async def fail(event: MailReceived, *, failing: Failing) -> Written:
    failing.check(event.mail_id)
    return []


@stage(reads=MailReceived, writes=[MailUndeliverable])
async def stumble(event: MailReceived) -> Written:
    _ = 1 / (event.raw != b"bug")
    return await refuse(event)


@stage(reads=MailReceived, writes=[MailQuarantined])
async def condemn(event: MailReceived) -> Written:
    raise Poison("never")


def refuse_named(name: str) -> Stage:
    return replace(declared_by(refuse), name=name)


def command(user_id: str, command_id: str) -> CreateFolder:
    return CreateFolder(
        user_id=user_id, command_id=command_id, issued_at=AT, folder_id="f", name="Bills"
    )


async def appended(house: House, mails: list[MailReceived]) -> set[str]:
    await house.log.append(mails)
    return {event_id for _, _, event_id in await house.records("mail.received")}
