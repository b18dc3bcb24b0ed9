"""How far consumer groups are, in the log's file: one of them, or all by two statements."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence

import msgspec

from topologies.ports.log import Position, Standing, Stretches

_NONE_AHEAD = b"[]"
# In one statement, which sees one moment: between two the first record of all may be written, and
# a group that began behind it would never read it.
_OLDEST = (
    "SELECT coalesce((SELECT min(offset) FROM records WHERE topic = ? AND partition = ?),"
    " (SELECT next FROM ends WHERE topic = ? AND partition = ?), 0)"
)


def position_of(connection: sqlite3.Connection, group: str, topic: str, partition: int) -> Position:
    """Return where *group* is; a new one starts at the oldest record."""
    row = connection.execute(
        "SELECT offset, ahead FROM positions WHERE consumers = ? AND topic = ? AND partition = ?",
        (group, topic, partition),
    ).fetchone()
    offset, ahead = row if row is not None else (_oldest(connection, topic, partition), _NONE_AHEAD)
    return _position(group, topic, partition, offset, ahead)


def standings_of(
    connection: sqlite3.Connection, read: Collection[tuple[str, str]], partitions: int
) -> Sequence[Standing]:
    """Return how each (group, topic) of *read* stands in those first *partitions* with an end."""
    kept = {
        (group, topic, partition): (offset, ahead)
        for group, topic, partition, offset, ahead in connection.execute(
            "SELECT consumers, topic, partition, offset, ahead FROM positions"
        )
    }
    ends: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)  # by topic
    for topic, partition, end in connection.execute(
        "SELECT topic, partition, next FROM ends WHERE partition < ?", (partitions,)
    ):
        ends[topic].append((partition, end))
    found: list[Standing] = []
    for group, topic in read:
        for partition, end in ends[topic]:
            row = kept.get((group, topic, partition))
            offset, ahead = row or (_oldest(connection, topic, partition), _NONE_AHEAD)
            found.append(Standing(_position(group, topic, partition, offset, ahead), end))
    return found


def _oldest(connection: sqlite3.Connection, topic: str, partition: int) -> int:
    place = (topic, partition)
    [oldest] = connection.execute(_OLDEST, (*place, *place)).fetchone()
    return oldest


def _position(group: str, topic: str, partition: int, offset: int, ahead: bytes) -> Position:
    return Position(
        group=group,
        topic=topic,
        partition=partition,
        offset=offset,
        ahead=_stretches(ahead) if ahead != _NONE_AHEAD else (),
    )


def _stretches(ahead: bytes) -> Stretches:
    told = msgspec.json.decode(ahead, type=list[int | tuple[int, int]])
    # Offsets one by one is what was written up to the first release with stretches.
    return tuple((each, each + 1) if isinstance(each, int) else each for each in told)
