"""The topology as plain values, for programs."""

from typing import Any

from topologies.events import event_tag
from topologies.stage import Stage
from topologies.topics import topic_of
from topologies.topology import Topology


def described(topology: Topology) -> dict[str, Any]:
    """Return all stages, the chains that they are run in, and which steps are cut or tapped."""
    return {
        "stages": [stage_described(stage) for stage in topology.stages],
        "chains": [{"topic": topic.name, "head": stage.name} for topic, stage in topology.heads()],
        "cuts": sorted(topology.cuts),
        "taps": sorted(topology.taps),
    }


def stage_described(stage: Stage) -> dict[str, Any]:
    """Return what is declared of *stage*; times in seconds."""
    return {
        "name": stage.name,
        "path": stage.path,
        "reads": [event_tag(kind) for kind in stage.reads],
        "writes": [event_tag(kind) for kind in stage.writes],
        "reads_topic": topic_of(stage.reads[0]).name,
        "writes_topics": list(dict.fromkeys(topic_of(k).name for k in stage.writes)),
        "timeout_s": stage.timeout.total_seconds(),
        "attempts": stage.attempts,
    }
