"""Every stage there is, on every example of what it reads: a replay makes the same again."""

import pytest

from tests.examples import EXAMPLES, Example
from tests.services import in_memory
from topologies.engines.handling import Emit, handle
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


@pytest.mark.parametrize("stage", build().stages, ids=lambda stage: stage.name)
def test_there_is_an_example_of_what_a_stage_reads(stage: Stage) -> None:
    assert [example for example in EXAMPLES if example.kind in stage.reads]
