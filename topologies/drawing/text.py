"""The topology as text for a terminal, and as a Mermaid flowchart."""

from topologies.delayed import due_kind
from topologies.stage import Stage
from topologies.topics import BY_NAME, TOPICS, Topic, topic_of
from topologies.topology import Topology


def as_text(topology: Topology) -> str:
    """Draw the topology for a terminal: one line an edge, chains indented."""
    lines: list[str] = []
    drawn = ""
    for topic, head in topology.heads():
        if topic.name != drawn:
            drawn = topic.name
            lines.append(f"{topic.name}  ({topic.key})")
        _text_of(topology, head, "  ", lines)
    for topic in TOPICS:
        if topic.delay is not None:
            lines.append(f"{topic.name}  ({topic.key})")
            lines.append(f"  └ after {topic.delay} → {due_in(topic)}")
    return "\n".join(lines)


def due_in(topic: Topic) -> str:
    """Return the topic that a timer moves the records of *topic* to."""
    kind = due_kind(topic)
    return topic_of(kind).name if kind is not None else topic.name


def _text_of(topology: Topology, stage: Stage, indent: str, lines: list[str]) -> None:
    lines.append(f"{indent}└ {stage.name}  [{stage.path}]")
    for name in dict.fromkeys(topic_of(kind).name for kind in stage.writes):
        topic = BY_NAME[name]
        follower = topology.follower(topic.events[0])
        if follower is None:
            lines.append(f"{indent}   → {name}")
        else:
            tap = "  (tapped)" if name in topology.taps else ""
            lines.append(f"{indent}   {name}{tap}")
            _text_of(topology, follower, indent + "   ", lines)


def as_mermaid(topology: Topology) -> str:
    """Draw the topology as a Mermaid flowchart: solid edges are topics, dotted ones chained."""
    lines = ["flowchart LR"]
    for path in dict.fromkeys(s.path for s in topology.stages):
        lines.append(f"  subgraph {path}")
        lines += [f"    {s.name}([{s.name}])" for s in topology.stages if s.path == path]
        lines.append("  end")
    drawn: set[str] = set()
    for stage in topology.stages:
        for name in dict.fromkeys(topic_of(kind).name for kind in (*stage.reads, *stage.writes)):
            if name in drawn or topology.follower(BY_NAME[name].events[0]) is not None:
                continue
            drawn.add(name)
            lines.append(f'  {_node(name)}[("{name}")]')
    for stage in topology.stages:
        read = topic_of(stage.reads[0])
        if topology.follower(read.events[0]) is None:
            lines.append(f"  {_node(read.name)} --> {stage.name}")
        for name in dict.fromkeys(topic_of(kind).name for kind in stage.writes):
            follower = topology.follower(BY_NAME[name].events[0])
            if follower is None:
                lines.append(f"  {stage.name} --> {_node(name)}")
            else:
                lines.append(f"  {stage.name} -. {name} .-> {follower.name}")
    lines += [
        f"  {_node(topic.name)} -- {topic.delay} --> {_node(due_in(topic))}"
        for topic in TOPICS
        if topic.delay is not None and topic.name in drawn
    ]
    return "\n".join(lines)


def _node(topic: str) -> str:
    return topic.replace(".", "_")
