"""Replay: a stretch of a topic handed to one of its stages once more.

Reads the log, and writes each record again for that stage alone, with its own event_id: what it
led to before is not doubled. It comes by the topic that the stage reads, in the order of its key.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime

from topologies.ports.log import Entry, LogReader, Record, WrittenLog
from topologies.stage import Stage
from topologies.topics import FOR_STAGE, comes_back_by, topic_of

AT_ONCE = 100  # records written as one
AT_ONCE_BYTES = 4 * 1024**2


async def replay(
    stage: Stage,
    reader: LogReader,
    log: WrittenLog | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    offsets: Mapping[int, int] | None = None,
    key: str | None = None,
    most: int | None = None,
) -> AsyncGenerator[int]:
    """Hand what *stage* reads to it again; yield how many records were, at times.

    Args:
        stage: Whom.
        reader: Where records come from: those that are there when this begins.
        log: Where they are written; None: only count.
        since: Only what was appended from then on.
        until: Only what was appended before.
        offsets: Only these partitions, from these offsets on; instead of *since*.
        key: Only records with this key: a mail_id, or a user_id.
        most: No more than so many.

    Raises:
        Retryable: The log is out of reach, or full. What was written stays.
    """
    waiting: list[Entry] = []
    waiting_bytes = done = 0
    wanted = stretch(stage, reader, since=since, until=until, offsets=offsets, key=key, most=most)
    async with aclosing(wanted) as records:
        async for record in records:
            waiting.append(_again(record, stage))
            waiting_bytes += len(record.value)
            if len(waiting) == AT_ONCE or waiting_bytes > AT_ONCE_BYTES:
                if log is not None:
                    await log.write(waiting)
                done += len(waiting)
                yield done
                waiting, waiting_bytes = [], 0
    if waiting and log is not None:
        await log.write(waiting)
    yield done + len(waiting)


async def stretch(
    stage: Stage,
    reader: LogReader,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    offsets: Mapping[int, int] | None = None,
    key: str | None = None,
    most: int | None = None,
) -> AsyncGenerator[Record]:
    """Yield the records that *stage* reads of a stretch of its topic, replays left out.

    Args:
        stage: Whose topic.
        reader: Where records come from.
        since: Only what was appended from then on.
        until: Only what was appended before.
        offsets: Only these partitions, from these offsets on; instead of *since*.
        key: Only records with this key.
        most: No more than so many.
    """
    count = 0
    topic = topic_of(stage.reads[0]).name
    async with aclosing(reader.read(topic, since=since, offsets=offsets)) as records:
        async for record in records:
            if count == most:
                return
            if key not in (None, record.key) or FOR_STAGE in record.headers:
                continue  # the latter is a replay itself: what it repeats is here as well
            if until is None or record.appended_at < until:
                count += 1
                yield record


def place_of(record: Record) -> str:
    """Return topic/partition/offset of *record*."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def _again(record: Record, stage: Stage) -> Entry:
    return Entry(
        topic=comes_back_by(stage.path, record.topic),
        key=record.key,
        value=record.value,
        event_id=record.event_id,
        headers={
            FOR_STAGE: stage.name,
            "origin": place_of(record),
        },
    )
