"""All stages together: found, checked, chained, drawn. A value; running it is an engine's work."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from types import ModuleType

import topologies.feedback
import topologies.inbound
import topologies.mailbox
import topologies.outbound
from topologies.discovery import declared_in
from topologies.errors import Misconfigured
from topologies.events import (
    Command,
    DeliveryDue,
    Event,
    MailHeld,
    MailReceived,
    MailSubmitted,
)
from topologies.stage import Stage
from topologies.topics import BY_NAME, TOPICS, Topic, topic_of

PATHS: Sequence[ModuleType] = (
    topologies.inbound,
    topologies.mailbox,
    topologies.outbound,
    topologies.feedback,
)

# What no stage need write: it enters from outside, by SMTP and LMTP, and the API; or a timer
# brings it back.
ENTRIES: tuple[type[Event], ...] = (MailReceived, MailSubmitted, MailHeld, DeliveryDue)


@dataclass(frozen=True)
class Topology:
    """The stages and how their edges run.

    Attributes:
        stages: In order of discovery.
        cuts: Step topics that are written and read, so that the stage after them
            runs (and scales) alone.
        taps: Step topics that are written besides, for whoever wants to read them.
    """

    stages: tuple[Stage, ...]
    cuts: frozenset[str] = field(default_factory=frozenset[str])
    taps: frozenset[str] = field(default_factory=frozenset[str])

    def readers(self, topic: Topic) -> tuple[Stage, ...]:
        """Return the stages that read any event of *topic*."""
        return tuple(s for s in self.stages if set(s.reads) & set(topic.events))

    def heads(self) -> tuple[tuple[Topic, Stage], ...]:
        """Return each topic that is read and the stage that heads a chain there."""
        return tuple(
            (topic, stage)
            for topic in TOPICS
            if not self._is_chained(topic)
            for stage in self.readers(topic)
        )

    def follower(self, kind: type[Event]) -> Stage | None:
        """Return the stage that events of *kind* are handed to in process, if any."""
        topic = topic_of(kind)
        return self.readers(topic)[0] if self._is_chained(topic) else None

    def is_written(self, kind: type[Event]) -> bool:
        """Tell whether events of *kind* go to their topic."""
        topic = topic_of(kind)
        return not self._is_chained(topic) or topic.name in self.taps

    def stage(self, name: str) -> Stage:
        """Return the stage called *name*.

        Raises:
            Misconfigured: There is none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise Misconfigured(
            f"no stage {name!r}; there are {', '.join(s.name for s in self.stages)}"
        )

    def _is_chained(self, topic: Topic) -> bool:
        return topic.is_step and topic.name not in self.cuts


def build(
    packages: Sequence[ModuleType] = PATHS,
    *,
    cuts: Collection[str] = (),
    taps: Collection[str] = (),
) -> Topology:
    """Find the stages of *packages*, check that the graph closes, and return it.

    Args:
        packages: Each module in them holds one stage.
        cuts: Names of step topics to cut; ``all`` cuts each.
        taps: Names of step topics to write besides; ``all`` taps each.

    Raises:
        Misconfigured: What does not fit, in one sentence.
    """
    topology = Topology(tuple(collect(packages)), _steps(cuts), _steps(taps))
    _check(topology)
    return topology


def collect(packages: Sequence[ModuleType]) -> list[Stage]:
    """Import every module of *packages* and return their stages.

    Raises:
        Misconfigured: A module holds no stage or several, or a name is taken twice.
    """
    return declared_in(packages, "__stage__", Stage)


def _steps(names: Collection[str]) -> frozenset[str]:
    steps = {topic.name for topic in TOPICS if topic.is_step}
    if "all" in names:
        return frozenset(steps)
    for name in names:
        if name not in steps:
            raise Misconfigured(
                f"{name!r} can't be cut or tapped: the steps are {', '.join(sorted(steps))}"
            )
    return frozenset(names)


def _check(topology: Topology) -> None:
    written = {kind for stage in topology.stages for kind in stage.writes}
    for stage in topology.stages:
        topics = {topic_of(kind).name for kind in stage.reads}
        if len(topics) != 1:
            raise Misconfigured(f"{stage.name} reads {len(topics)} topics: a stage reads one")
        for kind in stage.writes:
            topic_of(kind)
        for kind in stage.reads:
            if kind not in written and kind not in ENTRIES and not issubclass(kind, Command):
                raise Misconfigured(f"{stage.name} reads {kind.__name__}, which nobody writes")
    for topic in TOPICS:
        readers = topology.readers(topic)
        if topic.is_step and len(readers) != 1:
            names = ", ".join(s.name for s in readers) or "nobody"
            raise Misconfigured(f"{topic.name} is a step, so one stage reads it, not {names}")


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
            lines.append(f"  └ after {topic.delay} → {_due_in(topic)}")
    return "\n".join(lines)


def _due_in(topic: Topic) -> str:
    """Return the topic that a timer moves the records of *topic* to."""
    kind = DeliveryDue if issubclass(topic.events[0], DeliveryDue) else MailHeld
    return topic_of(kind).name


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
        f"  {_node(topic.name)} -- {topic.delay} --> {_node(_due_in(topic))}"
        for topic in TOPICS
        if topic.delay is not None and topic.name in drawn
    ]
    return "\n".join(lines)


def _node(topic: str) -> str:
    return topic.replace(".", "_")
