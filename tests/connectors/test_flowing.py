"""How a cluster's flow is looked up: what stands in Kafka is known without a worker."""

from pathlib import Path

import pytest

from connectors.assembly.flowing import ClusterFlow
from connectors.kafka.dead_letters import KafkaDeadLetters
from connectors.memory.clock import SystemClock
from connectors.memory.figures import MemoryFigures
from tests.engines.kafka_house import KafkaHouse, opened_on_kafka, working
from tests.engines.stages import mail, refuse
from tests.engines.test_faust import doom
from topologies.errors import Retryable
from topologies.ports.figures import Flow, StageFigures

pytestmark = pytest.mark.live


async def test_a_group_that_no_worker_runs_is_seen_to_be_behind(tmp_path: Path) -> None:
    async with opened_on_kafka(tmp_path, refuse) as house:
        await house.log.append([mail("a"), mail("b")])
        flow = await looked_at(house)
        assert flow.lag == {"refuse": 2, "inbound-replay": 0}
        assert list(flow.lag_s) == ["refuse"]
        assert 0 <= flow.lag_s["refuse"] < 3_600
        assert (flow.dead, flow.unknown, flow.stages) == ({}, (), {})


async def test_dead_letters_are_told_by_stage_and_what_is_done_is_no_lag(tmp_path: Path) -> None:
    async with opened_on_kafka(tmp_path, doom) as house:
        async with working(house):
            await house.log.append([mail("a"), mail("b")])
            await house.drained()
        flow = await looked_at(house)
    assert (flow.dead, flow.lag["doom"], dict(flow.lag_s)) == ({"doom": 2}, 0, {})


async def test_what_workers_tell_is_told_and_what_is_out_of_reach_is_named(tmp_path: Path) -> None:
    async with opened_on_kafka(tmp_path, refuse) as house:
        await house.log.append([mail("a")])
        figures = MemoryFigures(SystemClock())
        await figures.tell("one", {"refuse": StageFigures(done_per_s=2, lag_s=7.5)})
        flow = await looked_at(house, figures)
        assert (flow.stages["refuse"].done_per_s, flow.lag_s["refuse"]) == (2, 7.5)
        flow = await looked_at(house, Away(SystemClock()))
        assert flow.unknown == ("rates and retries: Redis is out of reach",)
        assert flow.lag["refuse"] == 1


class Away(MemoryFigures):
    """Figures in a Redis that is away."""

    async def told(self) -> dict[str, StageFigures]:
        raise Retryable("Redis is out of reach", outage=True)


async def looked_at(house: KafkaHouse, figures: MemoryFigures | None = None) -> Flow:
    clock = SystemClock()
    looking = ClusterFlow(
        house.topology,
        house.reader,
        KafkaDeadLetters(house.log, house.reader),
        figures or MemoryFigures(clock),
        clock,
    )
    return await looking.flow()
