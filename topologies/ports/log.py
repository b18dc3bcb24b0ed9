"""The durable, partitioned log that everything flows through.

``EventLog`` is all that the ways in (SMTP, HTTP) see. ``PartitionedLog`` is what
the embedded engine reads and commits by; on Kafka that part is Faust's.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from topologies.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One entry of a partition.

    Attributes:
        event_id: ``uuid5(stage, input event_id, index)``, so that a replay writes the
            same one; for what enters from outside its own, or random.
        headers: Small texts beside the event; dead letters keep their reason here.
    """

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    event_id: str
    appended_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be appended: a ``Record`` before it has a place."""

    topic: str
    key: str
    value: bytes
    event_id: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


# What groups still have to do of topics, in records by partition; all names without a prefix.
Lags = Callable[
    [Mapping[str, Sequence[str]]], Awaitable[Mapping[str, Mapping[str, Mapping[int, int]]]]
]

# Offsets as (first, one beyond the last), in order and with gaps between.
Stretches = tuple[tuple[int, int], ...]


def length(stretches: Stretches) -> int:
    """Return the number of offsets in *stretches*."""
    return sum(end - start for start, end in stretches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a consumer group is in a partition.

    Attributes:
        offset: All before it is done; the next to be read.
        ahead: What is done beyond it as well, since keys overtake each other.
    """

    group: str
    topic: str
    partition: int
    offset: int
    ahead: Stretches = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a consumer group stands in a partition.

    Attributes:
        end: The offset that the partition's next record will have.
    """

    position: Position
    end: int

    @property
    def behind(self) -> int:
        """How many records the group has before it."""
        return max(0, self.end - self.position.offset - length(self.position.ahead))


class EventLog(Protocol):
    """Where the ways in hand over events."""

    async def append(self, events: Sequence[Event]) -> None:
        """Write *events* to their topics; return when they are durable.

        All or none of them. Concurrent callers share one sync of the disk, or
        one batch to the broker. Events with the same key keep the caller's order.

        Raises:
            NoSpace: The log reached its limit or the disk is nearly full.
            Retryable: The log is out of reach; nothing is promised.
        """
        ...


class LogReader(Protocol):
    """The log as whoever looks back needs it: audit, replay, rebuilding. Moves no position."""

    def read(
        self,
        topic: str,
        *,
        since: datetime | None = None,
        offsets: Mapping[int, int] | None = None,
        key: str | None = None,
    ) -> AsyncGenerator[Record]:
        """Yield the records of *topic* that are there now, in order within each partition.

        Close it (``contextlib.aclosing``) unless it is read to its end.

        Args:
            topic: One that does not exist holds nothing.
            since: Leave out what was appended before.
            offsets: Of these partitions only, and from these offsets on; instead of *since*.
            key: Only the records with this key, looked for in its partition alone: what was
                written while there were fewer partitions may lie in another. Not with *offsets*.

        Raises:
            Retryable: The log is out of reach.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rewound:
    """A partition in which a consumer group was set back.

    Attributes:
        was: The offset that it would have read next.
        now: The one that it reads next instead, which is less.
    """

    partition: int
    was: int
    now: int


class Rewinder(Protocol):
    """The log as whoever lets a consumer group do again what it did needs it."""

    async def rewind(
        self,
        group: str,
        topic: str,
        *,
        since: datetime | None = None,
        offsets: Mapping[int, int] | None = None,
        only_look: bool = False,
    ) -> Sequence[Rewound]:
        """Set *group* back in *topic*, and never forward; return where it was.

        It reads again what it read, in the order of the log, and then goes on. To the oldest
        record that is there, unless one of these is named:

        Args:
            group: Nobody is at work in it.
            topic: What it reads.
            since: To the first record that was appended from then on.
            offsets: To these, in these partitions only; instead of *since*.
            only_look: Set nothing back; tell what would be.

        Raises:
            Misconfigured: Somebody is at work in the group; it stays where it was.
            Retryable: The log is out of reach.
        """
        ...


class WrittenLog(EventLog, Protocol):
    """The log as whoever hands on what stands in it already needs it."""

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write *entries* in order; return when all are durable.

        Raises:
            NoSpace: The log reached its limit or the disk is nearly full.
            Retryable: The log is out of reach; nothing is promised.
        """
        ...


class PartitionedLog(WrittenLog, Protocol):
    """The log as the embedded engine needs it."""

    def partitions(self, topic: str) -> int:
        """Return how many partitions *topic* has."""
        ...

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        """Return up to *limit* records from *offset* on, in order; maybe none."""
        ...

    async def position(self, group: str, topic: str, partition: int) -> Position:
        """Return where *group* is; a new group starts at the oldest record."""
        ...

    async def end(self, topic: str, partition: int) -> int:
        """Return the offset that the next record will have."""
        ...

    async def standings(self, read: Collection[tuple[str, str]]) -> Sequence[Standing]:
        """Return how each (group, topic) of *read* stands, at a cost that hardly grows with them.

        Partitions that nothing was ever written to are left out.
        """
        ...

    async def commit(self, entries: Sequence[Entry], positions: Sequence[Position]) -> None:
        """Write outputs and positions in one transaction; return when it is durable."""
        ...

    async def wait(self, topic: str, partition: int, offset: int, timeout_s: float) -> None:
        """Return when a record at *offset* may be there, or after *timeout_s* seconds."""
        ...

    async def trim(self, readers: Mapping[str, Sequence[str]]) -> int:
        """Forget records that are too old; return how many.

        Kept in any case: what one of a topic's *readers* (its consumer groups) has yet to
        read, and dead letters that nobody settled.
        """
        ...
