"""All stages together: found, checked, chained. A value; running it is an engine's work.

How it is drawn is told in ``topologies.drawing``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from types import ModuleType

import topologies.feedback
import topologies.inbound
import topologies.mailbox
import topologies.outbound
from topologies import extensions
from topologies.discovery import declared_in
from topologies.errors import Misconfigured
from topologies.events import (
    Command,
    DeliveryDue,
    Event,
    MailHeld,
    MailReceived,
    MailSubmitted,
    ReportDue,
    SnoozeDue,
    UnsubscribeDue,
    UserDeleted,
)
from topologies.stage import Stage, check_form
from topologies.topics import TIMER, TOPICS, Topic, topic_of

PATHS: Sequence[ModuleType] = (
    topologies.inbound,
    topologies.mailbox,
    topologies.outbound,
    topologies.feedback,
)

# What no stage need write: it enters from outside, by SMTP and LMTP, and the API; or a timer
# brings it back.
ENTRIES: tuple[type[Event], ...] = (
    MailReceived,
    MailSubmitted,
    MailHeld,
    DeliveryDue,
    ReportDue,
    SnoozeDue,
    UnsubscribeDue,
    UserDeleted,
)


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

    def head_of(self, stage: Stage) -> Stage:
        """Return the stage that heads the chain in which *stage* runs; itself, if it does."""
        for topic in (topic_of(kind) for kind in stage.reads):
            if self._is_chained(topic):
                before = next(s for s in self.stages if set(s.writes) & set(topic.events))
                return self.head_of(before)
        return stage

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


def all_packages() -> tuple[ModuleType, ...]:
    """Return the packages that stages are in: ours, and those of other distributions.

    Raises:
        Misconfigured: One of another distribution can't be used.
    """
    return (*PATHS, *extensions.packages())


def build(
    packages: Sequence[ModuleType] | None = None,
    *,
    cuts: Collection[str] = (),
    taps: Collection[str] = (),
) -> Topology:
    """Find the stages of *packages*, check that the graph closes, and return it.

    Args:
        packages: Each module in them holds one stage; None: ours, and those of other
            distributions.
        cuts: Names of step topics to cut; ``all`` cuts each.
        taps: Names of step topics to write besides; ``all`` taps each.

    Raises:
        Misconfigured: What does not fit, in one sentence.
    """
    stages = collect(all_packages() if packages is None else packages)
    topology = Topology(tuple(stages), _steps(cuts), _steps(taps))
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
        if stage.name == TIMER:
            raise Misconfigured(f"a stage can't be called {TIMER}: that is who moves what waits")
        check_form(stage)
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
