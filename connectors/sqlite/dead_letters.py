"""Dead letters in the log's own file: records of the topics ``<path>.dead``.

Settling one writes that it is settled, and for a replay the record for its stage, in one
transaction. The engine may be another process: it looks for replays by itself.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from connectors.coming_back import again_of
from connectors.sqlite.database import Database
from connectors.sqlite.log_writer import Wanted, write_all
from topologies.ports.clock import Clock
from topologies.ports.dead_letters import DeadLetter, Edited
from topologies.topics import DEAD_SUFFIX, dead_topic

_SELECT = """
    SELECT r.topic, r.partition, r.offset, r.key, r.value, r.event_id, r.appended_at, r.headers,
        coalesce(s.state, 'dead')
    FROM records r LEFT JOIN settled s USING (topic, partition, offset)
"""
_ORDER = "r.appended_at, r.offset, r.topic, r.partition"


class SqliteDeadLetters:
    """All dead letters of one log."""

    def __init__(self, database: Database, *, clock: Clock, partitions: int) -> None:
        """Use the log's *database*, whose topics have as many *partitions*."""
        self._database = database
        self._clock = clock
        self._partitions = partitions

    async def list(
        self,
        *,
        path: str | None = None,
        include_settled: bool = False,
        limit: int = 100,
        after: str = "",
    ) -> Sequence[DeadLetter]:
        def work(connection: sqlite3.Connection) -> list[Any]:
            topics = [dead_topic(path)] if path is not None else _dead_topics(connection)
            marks = ", ".join("?" * len(topics))
            only_dead = "" if include_settled else "AND s.state IS NULL"
            behind, place = "", tuple[Any, ...]()
            if after:
                last = _row(connection, after)
                if last is None:
                    return []
                topic, partition, offset, *_, appended_at, _, _ = last
                behind = f"AND ({_ORDER}) < (?, ?, ?, ?)"
                place = (appended_at, offset, topic, partition)
            order = ", ".join(f"{each} DESC" for each in _ORDER.split(", "))
            return connection.execute(
                f"{_SELECT} WHERE r.topic IN ({marks}) {only_dead} {behind}"
                f" ORDER BY {order} LIMIT ?",
                (*topics, *place, limit),
            ).fetchall()

        return [_letter(row) for row in await self._database.read(work)]

    async def get(self, letter_id: str) -> DeadLetter | None:
        row = await self._database.read(lambda c: _row(c, letter_id))
        return _letter(row) if row is not None else None

    async def replay(self, letter_id: str, edited: Edited | None = None) -> bool:
        return await self._settle(letter_id, "replayed", edited)

    async def drop(self, letter_id: str) -> bool:
        return await self._settle(letter_id, "dropped")

    async def count(self) -> dict[str, int]:
        def work(connection: sqlite3.Connection) -> dict[str, int]:
            topics = _dead_topics(connection)
            marks = ", ".join("?" * len(topics))
            rows = connection.execute(
                "SELECT r.topic, count(*) FROM records r"  # noqa: S608  only marks are put in
                " LEFT JOIN settled s USING (topic, partition, offset)"
                f" WHERE r.topic IN ({marks}) AND s.state IS NULL GROUP BY r.topic",
                topics,
            ).fetchall()
            return {topic.removesuffix(DEAD_SUFFIX): count for topic, count in rows}

        return dict(Counter(await self._database.read(work)))

    async def count_by_stage(self) -> dict[str, int]:
        def work(connection: sqlite3.Connection) -> dict[str, int]:
            topics = _dead_topics(connection)
            marks = ", ".join("?" * len(topics))
            rows = connection.execute(
                "SELECT json_extract(CAST(r.headers AS TEXT), '$.stage') AS stage, count(*)"  # noqa: S608  only marks are put in
                " FROM records r LEFT JOIN settled s USING (topic, partition, offset)"
                f" WHERE r.topic IN ({marks}) AND s.state IS NULL GROUP BY stage",
                topics,
            ).fetchall()
            return {stage or "": count for stage, count in rows}

        return await self._database.read(work)

    async def _settle(self, letter_id: str, state: str, edited: Edited | None = None) -> bool:
        at = int(self._clock.now().timestamp() * 1000)

        def work(connection: sqlite3.Connection) -> bool:
            row = _row(connection, letter_id)
            if row is None or row[-1] != "dead":
                return False
            connection.execute("INSERT INTO settled VALUES (?, ?, ?, ?, ?)", (*row[:3], state, at))
            if state == "replayed":
                again = Wanted([again_of(_letter(row), edited)], [], at)
                write_all(connection, [again], self._partitions)
            return True

        return await self._database.write(work)


def _dead_topics(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT DISTINCT topic FROM ends")
    return [topic for (topic,) in rows if topic.endswith(DEAD_SUFFIX)]


def _row(connection: sqlite3.Connection, letter_id: str) -> tuple[Any, ...] | None:
    path, _, place = letter_id.partition("-")
    partition, _, offset = place.partition("-")
    if not (partition.isdecimal() and offset.isdecimal() and len(place) <= 24):
        return None
    where = (dead_topic(path), int(partition), int(offset))
    return connection.execute(
        f"{_SELECT} WHERE r.topic = ? AND r.partition = ? AND r.offset = ?", where
    ).fetchone()


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    topic, partition, offset, key, value, event_id, appended_at, headers, state = row
    path = topic.removesuffix(DEAD_SUFFIX)
    told = msgspec.json.decode(headers, type=dict[str, str])
    return DeadLetter(
        letter_id=f"{path}-{partition}-{offset}",
        path=path,
        stage=told.get("stage", ""),
        kind=cast("Any", told.get("kind", "poison")),
        reason=told.get("reason", ""),
        traceback=told.get("traceback", ""),
        attempts=int(told.get("attempts", "0")),
        key=key,
        value=value,
        event_id=event_id,
        origin=told.get("origin", ""),
        buried_at=datetime.fromtimestamp(appended_at / 1000, UTC),
        topic=told.get("topic", ""),
        state=state,
    )
