"""Which topics a deployment needs, and how Kafka's differ from them.

Wanted are all of ``topologies.topics`` (those of steps too, so that an edge can be cut at
any time), and of each path the dead letters and the topic by which they come back. Making
them so never deletes anything and never reduces anything: that is said, and left to people.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from connectors.kafka.admin import KafkaAdmin
from connectors.kafka.client import LARGEST_RECORD_BYTES
from topologies.errors import MailError
from topologies.topics import TABLES, TOPICS, dead_topic, replay_topic
from topologies.topology import all_packages

SETTLED = "dead.settled"  # what became of dead letters: the last word for each letter_id
FOREVER = "-1"
SEEN_WITHIN_S, LOOK_AGAIN_S = 10.0, 0.2
ADDED_BYTES = 1024 * 1024  # a batch's own, beside the largest record


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTopic:
    """A topic as it should be.

    Attributes:
        name: With the deployment's prefix.
        replication: Copies of each partition.
        configs: Options of the topic, as Kafka names and writes them.
    """

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing about one topic that is not as it should be.

    Attributes:
        what: ``missing``, ``partitions``, ``replication``, or an option's name.
        have: What Kafka has, empty where it has nothing.
        want: What it should have.
        hint: What to know or do about it; for what ``apply`` leaves alone: why.
    """

    topic: str
    what: str
    have: str
    want: str
    is_applicable: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one difference."""

    difference: Difference
    state: Literal["done", "left", "failed"]
    reason: str = ""


def paths() -> tuple[str, ...]:
    """Return the name of each path of the topology (``inbound``)."""
    return tuple(package.__name__.rpartition(".")[2] for package in all_packages())


def wanted(
    *, prefix: str, partitions: int, replication: int, retention: timedelta
) -> list[WantedTopic]:
    """Return every topic that a deployment needs.

    Args:
        prefix: Before each name.
        partitions: Of each topic.
        replication: Copies of each partition.
        retention: How long records are kept where the topic asks for no longer. Kafka
            counts from when they were written, read or not: alarm on lag well before.
    """

    def made(name: str, count: int, **options: str) -> WantedTopic:
        common = {
            "max.message.bytes": str(LARGEST_RECORD_BYTES + ADDED_BYTES),
            # Acknowledged is what a second broker has as well, where there are three.
            "min.insync.replicas": "2" if replication >= 3 else "1",
        }
        configs = common | {key.replace("_", "."): value for key, value in options.items()}
        return WantedTopic(
            name=prefix + name, partitions=count, replication=replication, configs=configs
        )

    def kept(name: str, retention_ms: str) -> WantedTopic:
        return made(name, partitions, cleanup_policy="delete", retention_ms=retention_ms)

    declared = [kept(t.name, _ms(max(t.retention or retention, retention))) for t in TOPICS]
    dead = [kept(dead_topic(path), FOREVER) for path in paths()]
    again = [kept(replay_topic(path), _ms(retention)) for path in paths()]
    settled = made(SETTLED, 1, cleanup_policy="compact", retention_ms=FOREVER)
    # By the name that Faust gives them: of its application, which is the stage's group.
    tables = [
        made(f"{t.stage}-{t.name}-changelog", partitions, cleanup_policy="compact") for t in TABLES
    ]
    return [*declared, *dead, *again, settled, *tables]


async def diff(admin: KafkaAdmin, topics: Sequence[WantedTopic]) -> list[Difference]:
    """Return how what the brokers have differs from *topics*, in their order.

    Raises:
        Retryable: The brokers are out of reach.
    """
    have = await admin.partitions()
    configs = await admin.configs([topic.name for topic in topics if topic.name in have])
    differences: list[Difference] = []
    for topic in topics:
        if topic.name in have:
            differences += _different(topic, *have[topic.name], configs[topic.name])
        else:
            want = f"partitions: {topic.partitions}, copies: {topic.replication}"
            differences.append(Difference(topic=topic.name, what="missing", have="", want=want))
    return differences


async def apply(
    admin: KafkaAdmin, topics: Sequence[WantedTopic], differences: Sequence[Difference]
) -> list[Applied]:
    """Make what the brokers have as *topics* want it, as far as nothing can be lost by it.

    Returns when the brokers tell so too, or after ``SEEN_WITHIN_S``: what the controller has
    decided they learn a moment later.

    Args:
        admin: The connection.
        topics: As they should be.
        differences: What ``diff`` found of them.
    """
    by_name = {topic.name: topic for topic in topics}
    made = (_settled(admin, by_name[each.topic], each) for each in differences)
    applied = list(await asyncio.gather(*made))
    changed = {each.difference.topic: None for each in applied if each.state == "done"}
    if changed:
        left = {each.difference for each in applied if each.state != "done"}
        with suppress(TimeoutError, MailError):
            async with asyncio.timeout(SEEN_WITHIN_S):
                while set(await diff(admin, [by_name[name] for name in changed])) - left:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_AGAIN_S)  # nothing tells when
    return applied


async def _settled(admin: KafkaAdmin, topic: WantedTopic, difference: Difference) -> Applied:
    if not difference.is_applicable:
        return Applied(difference=difference, state="left", reason=difference.hint)
    try:
        await _apply(admin, topic, difference)
    except MailError as error:
        return Applied(difference=difference, state="failed", reason=str(error))
    return Applied(difference=difference, state="done")


async def _apply(admin: KafkaAdmin, topic: WantedTopic, difference: Difference) -> None:
    if difference.what == "missing":
        await admin.create(topic.name, topic.partitions, topic.replication, topic.configs)
    elif difference.what == "partitions":
        await admin.add_partitions(topic.name, topic.partitions)
    else:
        await admin.alter(topic.name, {difference.what: difference.want})


def _different(
    topic: WantedTopic, partitions: int, replication: int, configs: Mapping[str, str]
) -> list[Difference]:
    differences: list[Difference] = []
    if partitions != topic.partitions:
        differences.append(
            Difference(
                topic=topic.name,
                what="partitions",
                have=str(partitions),
                want=str(topic.partitions),
                is_applicable=partitions < topic.partitions,
                hint=(
                    "keys move to other partitions: let the readers catch up before"
                    if partitions < topic.partitions
                    else "Kafka can't take partitions away: set partitions to what there are"
                ),
            )
        )
    if replication != topic.replication:
        differences.append(
            Difference(
                topic=topic.name,
                what="replication",
                have=str(replication),
                want=str(topic.replication),
                is_applicable=False,
                hint="moving copies is a load of its own: use kafka-reassign-partitions",
            )
        )
    for name, want in topic.configs.items():
        have = configs.get(name, "")
        if have != want:
            is_less = _is_less(name, have, want)
            differences.append(
                Difference(
                    topic=topic.name,
                    what=name,
                    have=have,
                    want=want,
                    is_applicable=not is_less,
                    hint="would lose what is kept now: set it by hand" if is_less else "",
                )
            )
    return differences


def _is_less(name: str, have: str, want: str) -> bool:
    """Tell whether the change may lose records that are there, or refuse what was taken."""
    if name == "retention.ms":
        return _amount(want) < _amount(have)
    if name == "max.message.bytes":
        return int(want) < int(have or "0")
    # Compaction keeps one record of a key; deletion takes old ones.
    return name == "cleanup.policy"


def _amount(retention_ms: str) -> float:
    return float("inf") if retention_ms == FOREVER else float(retention_ms or "0")


def _ms(time: timedelta) -> str:
    return str(int(time.total_seconds() * 1000))
