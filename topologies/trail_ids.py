"""Which event came of which, and which stage wrote it: told from their ids.

``event_id = uuid5(stage, input's event_id, index)``, so that a guess can be proved. Of what is
handed on in process, where there is no record, the ids are worked out on the way.
"""

from collections.abc import Sequence

from topologies.delayed import GROUP
from topologies.events.base import event_tag
from topologies.mail import ids
from topologies.stage import Stage
from topologies.topics import TOPICS
from topologies.topology import Topology

MOST_WRITTEN = 200  # events of one input that are looked at
MOST_HANDED_ON = 3  # of those handed on in process

Named = tuple[str, str]  # an event's id, and its tag
Children = dict[str, tuple[str, int]]  # by id: the stage, and how many stages were before it


def causes(events: Sequence[Named], topology: Topology) -> dict[str, tuple[str, str]]:
    """Return for each event, by its id, the one that it came of and the stage that wrote it.

    What entered from outside has none, nor has what came of none of *events*.
    """
    kinds = {event_tag(kind): kind for topic in TOPICS for kind in topic.events}
    there = {event_id for event_id, _ in events}
    found: dict[str, tuple[str, str]] = {}
    nearest: dict[str, int] = {}
    for parent, tag in events:
        children: Children = {ids.event_id(GROUP, parent, 0): (GROUP, 0)}
        for stage in topology.stages:
            if kinds.get(tag) in stage.reads:
                _add(topology, stage, parent, children, ())
        for child in there & children.keys():
            stage_name, hops = children[child]
            # Where a step is tapped, what was handed on in process has a record as well.
            if child != parent and hops < nearest.get(child, hops + 1):
                nearest[child] = hops
                found[child] = (parent, stage_name)
    return found


def depths(events: Sequence[Named], found: dict[str, tuple[str, str]]) -> dict[str, int]:
    """Return for each event, by its id, how many came before it, one of another."""
    depth: dict[str, int] = {}
    for event_id, _ in events:
        steps, each = 0, event_id
        while each in found and steps < len(events):
            steps, each = steps + 1, found[each][0]
        depth[event_id] = steps
    return depth


def _add(
    topology: Topology,
    stage: Stage,
    event_id: str,
    children: Children,
    passed: tuple[str, ...],
) -> None:
    """Add the ids that events have which *stage*, and those chained to it, write of *event_id*."""
    for index in range(MOST_WRITTEN if stage.writes else 0):
        children.setdefault(ids.event_id(stage.name, event_id, index), (stage.name, len(passed)))
    followers = {follower for kind in stage.writes if (follower := topology.follower(kind))}
    for follower in sorted(followers, key=lambda each: each.name):
        if follower.name not in passed:
            for index in range(MOST_HANDED_ON):
                given = ids.event_id(stage.name, event_id, index)
                _add(topology, follower, given, children, (*passed, stage.name))
