"""What a stage does wrong costs the record its way, and nothing else: all others go on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.engines.stages import AT, Written, mail, running
from topologies.engines.handling import Again, Bury, Outcome, handle
from topologies.errors import Misconfigured, Poison, Retryable
from topologies.events import (
    Event,
    MailParsed,
    MailReceived,
    MailUndeliverable,
    Message,
    RawRef,
    UserDeleted,
)
from topologies.events.inbound import grow
from topologies.stage import declared_by, stage
from topologies.topic import Topic
from topologies.topics import checked

HALF = "half a character: \ud800"
WRONG: Any = object()
NUMBER: Any = 3


def refusal(**changed: Any) -> MailUndeliverable:
    fields: dict[str, Any] = {"mail_id": mail("bad").mail_id, "recipient": "bo", "reason": "gone"}
    return MailUndeliverable(**fields | changed)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([refusal(reason=HALF)], "wrote a MailUndeliverable that no topic can hold: 'utf-8' codec"),
        ([refusal(mail_id=HALF)], "wrote a MailUndeliverable that no topic can hold: 'utf-8'"),
        ([refusal(reason=WRONG)], "that no topic can hold: Encoding objects of type object is"),
        ([refusal(mail_id=NUMBER)], "that no topic can hold: 'int' object has no attribute"),
        ([refusal(mail_id=None)], "that no topic can hold: 'NoneType' object has no attribute"),
        ([UserDeleted(user_id="ann", deleted_at=AT)], "wrote UserDeleted, which it does not"),
        (refusal(), "returned MailUndeliverable, and is to return a list of events"),
        (None, "returned NoneType, and is to return a list of events"),
        ("a text", "wrote str, which it does not declare"),
    ],
)
async def test_what_can_not_be_written_becomes_a_dead_letter_and_all_others_pass(
    tmp_path: Path, written: Any, said: str
) -> None:
    @stage(reads=MailReceived, writes=[MailUndeliverable])
    async def slip(event: MailReceived) -> Written:
        good = [MailUndeliverable(mail_id=event.mail_id, recipient="bo", reason="gone")]
        return written if event.mail_id == mail("bad").mail_id else good

    async with running(tmp_path, slip) as house:
        await house.log.append([mail("a"), mail("bad"), mail("b")])
        await house.drained()
        [letter] = await house.dead_letters.list()
        passed = {key for key, _, _ in await house.records("mail.exceptions")}
    assert (letter.kind, letter.key) == ("bug", mail("bad").mail_id)
    assert said in letter.reason
    assert passed == {mail("a").mail_id, mail("b").mail_id}


async def test_what_a_chain_hands_on_is_buried_although_it_can_not_be_written_as_it_is(
    tmp_path: Path,
) -> None:
    @stage(reads=MailReceived, writes=[MailParsed])
    async def read(event: MailReceived) -> Written:
        ref = RawRef(blob="0" * 64, kind="whole", size_bytes=5)
        return [grow(event, MailParsed, message=Message(subject=HALF), raw_ref=ref)]

    @stage(reads=MailParsed, writes=[MailUndeliverable])
    async def quote(event: MailParsed) -> Written:
        return [refusal(reason=event.message.subject)]

    async with running(tmp_path, read, quote) as house:
        await house.log.append([mail("a")])
        await house.drained()
        [letter] = await house.dead_letters.list()
    assert (letter.stage, letter.kind) == ("quote", "bug")
    parsed = msgspec.json.decode(letter.value, type=MailParsed)
    assert parsed.message.subject == "half a character: ?"


async def test_a_reason_that_quotes_a_mail_can_be_written(tmp_path: Path) -> None:
    @stage(reads=MailReceived, writes=[])
    async def refuse(event: MailReceived) -> Written:
        raise Poison(HALF + "x" * 2**20)

    async with running(tmp_path, refuse) as house:
        await house.log.append([mail("a")])
        await house.drained()
        [letter] = await house.dead_letters.list()
    assert letter.reason == ("half a character: ?" + "x" * 500)[:500]


AWAY, BUSY = Retryable("away", outage=True), Retryable("busy")


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([AWAY], Again(0.25, "away", outage=True)),
        ([AWAY, BUSY], Again(0.25, "away", outage=True)),
        ([BUSY, TimeoutError("late")], Again(0.25, "busy")),
        ([AWAY, Poison("bad")], Bury("poison", "bad")),
        ([ExceptionGroup("", [AWAY]), BUSY], Again(0.25, "away", outage=True)),
    ],
)
async def test_what_is_done_at_once_fails_as_what_failed_in_it(
    errors: list[Exception], expected: Outcome
) -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def do_at_once() -> Written:
        async with asyncio.TaskGroup() as tasks:
            for error in errors:
                tasks.create_task(fail(error))
        return []

    assert await outcome_of(do_at_once) == expected


async def test_a_wrong_setting_that_is_found_in_a_group_stops_the_worker() -> None:
    async def do_at_once() -> Written:
        raise ExceptionGroup("", [AWAY, ValueError("bug"), Misconfigured("no key")])

    with pytest.raises(Misconfigured, match="no key"):
        await outcome_of(do_at_once)


async def test_what_is_cancelled_within_a_stage_is_a_failed_attempt_and_not_forgotten() -> None:
    async def wait_for_what_ends() -> Written:
        waiting = asyncio.create_task(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(waiting.cancel)
        await waiting
        return []

    reason = "something that it waited for was cancelled"
    assert await outcome_of(wait_for_what_ends) == Again(0.25, reason)


async def test_who_is_cancelled_from_outside_ends() -> None:
    async def wait() -> Written:
        await asyncio.sleep(60)
        return []

    task = asyncio.create_task(outcome_of(wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_library_that_wants_to_end_the_process_ends_one_record() -> None:
    async def leave() -> Written:
        raise SystemExit(2)

    outcome = await outcome_of(leave)
    assert isinstance(outcome, Bury)
    assert (outcome.kind, outcome.reason) == ("bug", "SystemExit: 2")


class Keyless(Event, frozen=True, kw_only=True, tag="mine.keyless/1"):
    """An event that was just begun."""

    mail_id: str


class Tagless(Event, frozen=True, kw_only=True):
    """One whose version nobody thought of."""

    mail_id: str

    @property
    def key(self) -> str:
        return self.mail_id


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Keyless, "Keyless has no key: .* such as its mail_id"),
        (Tagless, 'Tagless is tagged Tagless: say tag="name/1"'),
    ],
)
def test_an_event_without_key_or_version_is_told_when_topics_are_read(
    kind: type[Event], said: str
) -> None:
    with pytest.raises(Misconfigured, match=said):
        checked((Topic(name="mine", key="mail_id", events=(kind,)),))


async def outcome_of(run: Callable[[], Awaitable[Written]]) -> Outcome:
    @stage(reads=MailReceived, writes=[])
    async def tried(event: MailReceived) -> Written:
        return await run()

    return await handle(declared_by(tried), mail("a"), {})
