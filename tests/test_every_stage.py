"""Every stage there is, on every example of what it reads: a replay makes the same again."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.examples import EXAMPLES, Example
from tests.services import in_memory
from topologies.engines.handling import Again, Emit, Services, decode, handle, handle_several
from topologies.ports.dns import Resolver
from topologies.stage import Stage
from topologies.topology import build

CASES = [
    pytest.param(stage, example, id=f"{stage.name}-{example}")
    for stage in build().stages
    for example in EXAMPLES
    if example.kind in stage.reads
]


@pytest.mark.parametrize(("stage", "example"), CASES)
async def test_a_stage_run_twice_on_an_event_writes_equal_events(
    stage: Stage, example: Example
) -> None:
    services = await in_memory()
    # All examples are about this one mail: what they refer to is there then.
    [received] = [e for e in EXAMPLES if str(e) == "mail.received-1"]
    await handle(build().stage("parse"), received.raw, services)
    first = await handle(stage, example.raw, services)
    assert isinstance(first, Emit), first
    assert await handle(stage, example.raw, services) == first


@pytest.mark.parametrize(
    "stage", [stage for stage in build().stages if stage.several], ids=lambda stage: stage.name
)
async def test_a_stage_does_for_several_events_at_once_what_it_does_for_each(stage: Stage) -> None:
    one_by_one, at_once = await in_memory(), await in_memory()
    examples = [example for example in EXAMPLES if example.kind in stage.reads]
    for key in {decode(stage, example.raw).key for example in examples}:
        own = [example.raw for example in examples if decode(stage, example.raw).key == key]
        for _ in range(2):  # the second time it is a replay
            expected = [await handle(stage, raw, one_by_one) for raw in own]
            assert await handle_several(stage, own, at_once) == expected


@pytest.mark.long
@pytest.mark.parametrize("stage", build().stages, ids=lambda stage: stage.name)
async def test_a_store_that_hangs_at_any_question_of_a_stage_is_an_outage(stage: Stage) -> None:
    hasty = replace(stage, timeout=timedelta(seconds=1), attempts=1)  # alone, it would be buried
    [example, *_] = [example for example in EXAMPLES if example.kind in stage.reads]
    asked = Questions()
    await handle(stage, example.raw, asked.of(await in_memory()))
    hanging = [Questions(n).of(await in_memory()) for n in range(1, asked.count + 1)]
    found = await asyncio.gather(*(handle(hasty, example.raw, services) for services in hanging))
    for outcome in found:
        # A stage that has a deadline of its own for what it asks may go on without an answer.
        assert isinstance(outcome, Emit) or (isinstance(outcome, Again) and outcome.outage)


@pytest.mark.parametrize("stage", build().stages, ids=lambda stage: stage.name)
def test_there_is_an_example_of_what_a_stage_reads(stage: Stage) -> None:
    assert [example for example in EXAMPLES if example.kind in stage.reads]


class Questions:
    """Counts what ports are asked, and leaves one question without an answer."""

    def __init__(self, hangs_at: int = 0) -> None:
        self.count = 0
        self._hangs_at = hangs_at

    def of(self, services: Services) -> Services:
        # What the DNS does not tell is said by its port, within a time for all questions.
        return {
            port: Asked(answer, self.asked)
            if getattr(port, "_is_protocol", False) and port is not Resolver
            else answer
            for port, answer in services.items()
        }

    async def asked(self) -> None:
        self.count += 1
        if self.count == self._hangs_at:
            await asyncio.Event().wait()


class Asked:
    """A port, and who is told of each question to it."""

    def __init__(self, answer: Any, asked: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._answer, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def ask(*arguments: Any, **named: Any) -> Any:
            await self._asked()
            return await found(*arguments, **named)

        return ask
