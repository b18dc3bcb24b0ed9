"""What an attempt may take: a stage's own time is bounded, and what it waits for is not its own."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from tests.engines.stages import Written, mail, opened, running
from topologies.engines.handling import Again, Bury, Emit, Outcome, handle, handle_several
from topologies.engines.own_time import OwnTime
from topologies.errors import Retryable
from topologies.events import MailReceived, MailUndeliverable
from topologies.stage import StageFunction, declared_by, stage

SHORT = timedelta(seconds=0.5)
SLOW_S = 0.2  # of one answer: three of them are more than SHORT
HANG = Again(0.25, "Stores.ask: no answer within 0.5 s", outage=True)


async def test_a_store_that_is_slow_for_each_question_uses_up_no_time_of_the_stage() -> None:
    assert await tried(ask_often, Store(takes_s=SLOW_S)) == Emit((left("3"),))


async def test_while_a_store_hangs_nothing_is_buried_however_long_it_takes(tmp_path: Path) -> None:
    store = Store(takes_s=SLOW_S, hangs_at=3)
    async with opened(tmp_path, ask_often, services={Stores: store}) as house:
        await house.log.append([mail("a")])
    async with running(tmp_path, ask_often, services={Stores: store}) as house:
        async with asyncio.timeout(30):
            while len(house.seen.told) <= declared_by(ask_often).attempts:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        [waiting] = house.engine.waiting()
        assert (waiting.outage, waiting.reason) == (True, HANG.reason)
        store.hangs_at = 0
        await house.drained()
        assert await house.dead_letters.count() == {}
        assert len(await house.records("mail.exceptions")) == 1


async def test_a_store_that_hangs_in_a_stream_or_in_one_of_several_questions_is_away() -> None:
    hanging = Store(hangs_at=1)
    assert await tried(ask_at_once, hanging) == HANG
    hanging = Store(hangs_at=2)
    assert await tried(read_stream, hanging) == Again(
        0.25, "Stores.stream: no answer within 0.5 s", outage=True
    )
    assert await tried(wait_for_turn, Store(hangs_at=1)) == Again(
        0.25, "Stores.turn: no answer within 0.5 s", outage=True
    )


async def test_a_stage_that_takes_too_long_by_itself_fails() -> None:
    failed = Again(0.25, "took more than 0.5 s by itself")
    assert await tried(sleep, Store()) == failed
    assert await tried(sleep_between, Store()) == failed
    assert await tried(sleep, Store(), attempt=5) == Bury("exhausted", failed.reason)


async def test_a_stage_that_asks_for_ever_ends_some_time() -> None:
    async def ask_for_ever() -> None:
        async with OwnTime(0.5, in_all_s=0.25) as own_time:
            store = own_time.over({"store": Store(takes_s=0.01)}, {"store": Stores})["store"]
            while True:
                await store.ask()

    with pytest.raises(TimeoutError, match=r"took more than 0\.75 s in all"):
        await ask_for_ever()


async def test_time_is_counted_for_those_that_a_stage_does_at_once() -> None:
    events = [mail("a"), mail("b")]
    slow = {Stores: Store(takes_s=SLOW_S)}
    assert await handle_several(declared_by(do_several), events, slow) == [Emit(())] * 2
    found = await handle_several(declared_by(do_several), events, {Stores: Store(hangs_at=1)})
    assert found == f"Retryable: {HANG.reason}"


async def test_a_time_out_that_comes_from_elsewhere_is_not_told_as_ours() -> None:
    assert await tried(run_out, Store()) == Again(0.25, "TimeoutError")


async def test_what_a_port_says_by_itself_is_what_counts() -> None:
    away = Store(failure=Retryable("away", outage=True))
    assert await tried(ask_often, away) == Again(0.25, "away", outage=True)


async def test_what_is_no_port_is_handed_in_as_it_is() -> None:
    policy = Policy()
    assert await tried(be_given, Store(), policy) == Emit((left("as it is"),))


async def test_what_a_stage_leaves_behind_may_go_on_asking() -> None:
    left_behind: list[asyncio.Task[int]] = []

    @stage(reads=MailReceived, writes=[], timeout=SHORT)
    async def leave(event: MailReceived, *, store: Stores) -> Written:
        left_behind.append(asyncio.create_task(store.ask()))
        return []

    assert await tried(leave, Store(takes_s=0.01)) == Emit(())
    assert await left_behind[0] == 1


async def test_asking_costs_microseconds() -> None:
    store, asked = Store(), 2_000
    start = time.thread_time()
    for _ in range(asked):
        await store.ask()
    bare_s = time.thread_time() - start
    async with OwnTime(30) as own_time:
        clocked = own_time.over({"store": store}, {"store": Stores})["store"]
        start = time.thread_time()
        for _ in range(asked):
            await clocked.ask()
        clocked_s = time.thread_time() - start
    assert (clocked_s - bare_s) / asked < 100e-6


async def tried(function: StageFunction, *services: object, attempt: int = 1) -> Outcome:
    given = {Stores if isinstance(each, Store) else type(each): each for each in services}
    return await handle(declared_by(function), mail("a"), given, attempt=attempt)


def left(reason: str) -> MailUndeliverable:
    return MailUndeliverable(mail_id=mail("a").mail_id, recipient="bo", reason=reason)


class Policy:
    """What a deployment wants: no port."""


class Stores(Protocol):
    """A port as those of stores are."""

    async def ask(self) -> int: ...

    def stream(self) -> AsyncIterator[bytes]: ...

    def turn(self) -> AbstractAsyncContextManager[None]: ...


class Store:
    """Answers after a while, but for one question: that it lets hang."""

    def __init__(
        self, *, takes_s: float = 0, hangs_at: int = 0, failure: Exception | None = None
    ) -> None:
        self.hangs_at = hangs_at
        self._takes_s = takes_s
        self._failure = failure
        self._asked = 0

    async def ask(self) -> int:
        self._asked += 1
        if self._asked == self.hangs_at:
            self._asked = 0
            await asyncio.Event().wait()
        if self._failure is not None:
            raise self._failure
        await asyncio.sleep(self._takes_s)
        return self._asked

    async def stream(self) -> AsyncIterator[bytes]:
        while await self.ask() <= 3:
            yield b""

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        await self.ask()
        yield


@stage(reads=MailReceived, writes=[MailUndeliverable], timeout=SHORT, attempts=3)
async def ask_often(event: MailReceived, *, store: Stores) -> Written:
    answers = [await store.ask() for _ in range(3)]
    return [MailUndeliverable(mail_id=event.mail_id, recipient="bo", reason=f"{answers[-1]}")]


@stage(reads=MailReceived, writes=[], timeout=SHORT)
async def ask_at_once(event: MailReceived, *, store: Stores) -> Written:
    await asyncio.gather(*(store.ask() for _ in range(3)))
    return []


@stage(reads=MailReceived, writes=[], timeout=SHORT)
async def read_stream(event: MailReceived, *, store: Stores) -> Written:
    async for _ in store.stream():
        pass
    return []


@stage(reads=MailReceived, writes=[], timeout=SHORT)
async def wait_for_turn(event: MailReceived, *, store: Stores) -> Written:
    async with store.turn():
        return []


@stage(reads=MailReceived, writes=[], timeout=SHORT)
async def sleep(event: MailReceived) -> Written:
    await asyncio.sleep(60)
    return []


@stage(reads=MailReceived, writes=[], timeout=SHORT)
async def sleep_between(event: MailReceived, *, store: Stores) -> Written:
    for _ in range(50):  # each turn is shorter than what is allowed, and all are longer
        await store.ask()
        await asyncio.sleep(0.1)
    return []


@stage(reads=MailReceived, writes=[], timeout=SHORT)
async def run_out(event: MailReceived) -> Written:
    raise TimeoutError


@stage(reads=MailReceived, writes=[MailUndeliverable])
async def be_given(event: MailReceived, *, policy: Policy) -> Written:
    found = "as it is" if type(policy) is Policy else "not as it is"
    return [MailUndeliverable(mail_id=event.mail_id, recipient="bo", reason=found)]


async def several(events: Sequence[MailReceived], *, store: Stores) -> Sequence[Written]:
    for _ in range(3):
        await store.ask()
    return [[] for _ in events]


@stage(reads=MailReceived, writes=[], timeout=SHORT, several=several)
async def do_several(event: MailReceived, *, store: Stores) -> Written:
    return []
