"""One mail through the stages up to one of them, at the desk: what each makes of it, and how fast.

Runs stages by the same rules as the engines, one after the other, and writes nothing to any log.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from topologies.engines.handling import Emit, Outcome, Services, handle
from topologies.events.base import Event
from topologies.stage import Stage
from topologies.topology import Topology

MOST_TRIED = 500  # so that what goes round in circles ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a stage made of one event.

    Attributes:
        seconds: How long it took.
        cpu_seconds: Of the process, all of its threads.
    """

    stage: Stage
    given: Event
    outcome: Outcome
    seconds: float
    cpu_seconds: float


def leading_to(topology: Topology, stage: Stage) -> tuple[Stage, ...]:
    """Return the stages whose events may, in the end, lead to *stage*; and itself, last."""
    found = [stage]
    for each in found:  # grows while it is walked through
        found += [
            other
            for other in topology.stages
            if set(other.writes) & set(each.reads) and other not in found
        ]
    return (*(other for other in topology.stages if other in found[1:]), stage)


async def walk(
    topology: Topology, last: Stage, event: Event, services: Services
) -> tuple[Tried, ...]:
    """Run *event* through the stages that may lead to *last*, and *last* on what comes to it.

    Returns:
        What was tried on the way to *last*, in order; all that was tried, if nothing came to it.
    """
    stages = leading_to(topology, last)
    tried: list[Tried] = []
    origins: list[int] = []  # of each that was tried: which one wrote what it was given
    left: list[tuple[Event, int]] = [(event, -1)]
    for given, origin in left:  # grows while it is walked through
        for stage in stages:
            if type(given) not in stage.reads or len(tried) == MOST_TRIED:
                continue
            one = await _tried(stage, given, services)
            tried.append(one)
            origins.append(origin)
            if isinstance(one.outcome, Emit) and stage is not last:
                left += [(each, len(tried) - 1) for each in one.outcome.events]
    kept: set[int] = set()
    for index, one in enumerate(tried):
        while one.stage is last and index >= 0:
            kept.add(index)
            index = origins[index]
    return tuple(one for index, one in enumerate(tried) if index in kept or not kept)


async def _tried(stage: Stage, given: Event, services: Services) -> Tried:
    start, cpu_start = time.perf_counter(), time.process_time()
    outcome = await handle(stage, given, services)
    return Tried(
        stage=stage,
        given=given,
        outcome=outcome,
        seconds=time.perf_counter() - start,
        cpu_seconds=time.process_time() - cpu_start,
    )


def failed(tried: Sequence[Tried]) -> bool:
    """Tell whether a stage could not pass what it was given."""
    return any(not isinstance(one.outcome, Emit) for one in tried)
