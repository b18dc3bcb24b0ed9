"""Every stage there is, on every example of what it reads: a replay makes the same again."""

import pytest

from tests.examples import EXAMPLES, Example
from tests.services import in_memory
from topologies.engines.handling import Emit, decode, handle, handle_several
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


@pytest.mark.parametrize("stage", build().stages, ids=lambda stage: stage.name)
def test_there_is_an_example_of_what_a_stage_reads(stage: Stage) -> None:
    assert [example for example in EXAMPLES if example.kind in stage.reads]
