"""A replay that changes nothing: what a stage gives now, beside what was written then.

Reads the log and the stores; writes nothing. A record goes through the stage and those chained to
it (``topologies.replay_trying``). What came of it has an id that is derived from the record's, so
that then and now are found to each other.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from topologies.engines.handling import Services
from topologies.json_diff import Change, changes
from topologies.mail import ids
from topologies.ports.log import Entry, LogReader, Record
from topologies.replay import place_of
from topologies.replay_trying import Trier
from topologies.stage import Stage
from topologies.topics import DEAD_SUFFIX, FOR_STAGE, topic_of
from topologies.topology import Topology

MOST_RECORDS = 10_000  # compared at once: what they lead to is held in memory
MOST_HELD_BYTES = 256 * 1024**2
MOST_HANDED_ON = 2  # of one event, in process: a chain hands on one as a rule
MORE_LOOKED_FOR = 8  # events of one stage and record, beyond those that it gives now
SLACK = timedelta(minutes=1)  # clocks of several machines differ

Kind = Literal["same", "changed", "new", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One event, then and now.

    Attributes:
        kind: ``new``: it was not written then, or the log has forgotten it. ``gone``: it is not
            given any more.
        origin: topic/partition/offset of the record that it comes of.
        topic: Where it is, or would be, written.
        moved_from: The topic that it was written to then, if that is another.
        changes: Where it differs.
    """

    kind: Kind
    event_id: str
    origin: str
    topic: str
    key: str
    moved_from: str = ""
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """A record that would become a dead letter now."""

    origin: str
    stage: str
    kind: str
    reason: str


@dataclass(slots=True, kw_only=True)
class DryRun:
    """What a replay would come to.

    Attributes:
        records: How many were tried.
        is_cut_off: There were more than are compared at once.
        compared: Each event that differs; those that are the same are only counted.
        refused: By what would be changed, how many records could not be tried for it.
        given: All that came out, when it was asked for.
    """

    records: int = 0
    same: int = 0
    is_cut_off: bool = False
    compared: list[Compared] = field(default_factory=list[Compared])
    buried: list[Buried] = field(default_factory=list[Buried])
    refused: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, kind: Kind) -> int:
        """Return how many events are of *kind*."""
        return self.same if kind == "same" else sum(each.kind == kind for each in self.compared)

    @property
    def differs(self) -> bool:
        """Whether anything would be otherwise."""
        return bool(self.compared or self.buried)


async def compare(
    topology: Topology,
    stage: Stage,
    reader: LogReader,
    services: Services,
    records: AsyncGenerator[Record],
    *,
    most: int = MOST_RECORDS,
) -> AsyncGenerator[DryRun]:
    """Yield how far it is, at times, and at last what the *records* would come to.

    Raises:
        Retryable: The log is out of reach, or what a stage asks is.
        Misconfigured: A stage asks for a service that there is not.
    """
    trier = Trier(topology, stage, services)
    run = DryRun()
    now: dict[str, tuple[str, Entry]] = {}  # by event_id: the record's place, and what is given
    then_ids: dict[str, str] = {}
    since: datetime | None = None
    held_bytes = 0
    async with aclosing(records):
        async for record in records:
            if run.records == most or held_bytes > MOST_HELD_BYTES:
                run.is_cut_off = True
                break
            run.records += 1
            since = min(since or record.appended_at, record.appended_at)
            tried = await trier.try_(record)
            for what in tried.refused:
                run.refused[what] = run.refused.get(what, 0) + 1
            if not tried.refused:
                place = place_of(record)
                then_ids |= dict.fromkeys(_ids(topology, stage, record, tried.entries), place)
                for entry in tried.entries:
                    held_bytes += len(entry.value)
                    if entry.topic.endswith(DEAD_SUFFIX):
                        run.buried.append(_buried(entry))
                    else:
                        now[entry.event_id] = (place, entry)
            if run.records % 100 == 0:
                yield run
    if since is not None:
        await _beside(topology, stage, reader, run, now, then_ids, since - SLACK)
    yield run


async def _beside(
    topology: Topology,
    stage: Stage,
    reader: LogReader,
    run: DryRun,
    now: dict[str, tuple[str, Entry]],
    then_ids: Mapping[str, str],
    since: datetime,
) -> None:
    """Lay what was written beside what is given *now*, and note what differs."""
    seen: set[str] = set()
    for topic in _written(topology, stage):
        async with aclosing(reader.read(topic, since=since)) as records:
            async for record in records:
                event_id = record.event_id
                if event_id in seen or event_id not in then_ids or FOR_STAGE in record.headers:
                    continue
                seen.add(event_id)
                place, entry = now.get(event_id, ("", None))
                if entry is None:
                    gone = _compared("gone", event_id, then_ids[event_id], record)
                    run.compared.append(gone)
                elif found := _differing(record, entry, place):
                    run.compared.append(found)
                else:
                    run.same += 1
    run.compared += [
        _compared("new", event_id, place, entry)
        for event_id, (place, entry) in now.items()
        if event_id not in seen
    ]


def _differing(then: Record, now: Entry, place: str) -> Compared | None:
    if (then.value, then.key, then.topic) == (now.value, now.key, now.topic):
        return None
    found = tuple(changes(_value(then.value), _value(now.value)))
    if not found and (then.key, then.topic) == (now.key, now.topic):
        return None
    return Compared(
        kind="changed",
        event_id=now.event_id,
        origin=place,
        topic=now.topic,
        key=now.key,
        moved_from=then.topic if then.topic != now.topic else "",
        changes=found,
    )


def _compared(kind: Kind, event_id: str, place: str, written: Record | Entry) -> Compared:
    return Compared(
        kind=kind, event_id=event_id, origin=place, topic=written.topic, key=written.key
    )


def _value(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ascii(value)


def _buried(entry: Entry) -> Buried:
    told = entry.headers
    return Buried(
        origin=told["origin"], stage=told["stage"], kind=told["kind"], reason=told["reason"]
    )


def _chain(topology: Topology, stage: Stage) -> list[Stage]:
    """Return *stage* and those that are handed what it writes, in process."""
    found = [stage]
    for each in found:  # grows while it is walked through
        followers = (topology.follower(kind) for kind in each.writes)
        found += [follower for follower in followers if follower and follower not in found]
    return found


def _written(topology: Topology, stage: Stage) -> list[str]:
    kinds = [kind for each in _chain(topology, stage) for kind in each.writes]
    return list(dict.fromkeys(topic_of(kind).name for kind in kinds if topology.is_written(kind)))


def _ids(
    topology: Topology, stage: Stage, record: Record, entries: Sequence[Entry]
) -> dict[str, None]:
    """Return the ids that events which came of *record* may have had."""
    found: dict[str, None] = {}
    # As many as one stage gives now, and some more: then it may have given more.
    most = len(entries) + MORE_LOOKED_FOR

    def add(each: Stage, event_id: str, passed: tuple[Stage, ...]) -> None:
        own = [ids.event_id(each.name, event_id, index) for index in range(most)]
        found.update(dict.fromkeys(own))
        followers = {f for kind in each.writes if (f := topology.follower(kind))} - {*passed, each}
        for follower in followers:
            for given in own[:MOST_HANDED_ON]:
                add(follower, given, (*passed, each))

    add(stage, record.event_id, ())
    return found
