"""Dead letters on Kafka: a topic of each path, and one with what became of them.

Reads `<path>.dead`; writes `dead.settled`, and what is replayed to where its stage reads.
`dead.settled` is compacted, so it keeps the last word for each letter. A letter is named by
its place: path-partition-offset.
"""

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from operator import itemgetter
from typing import Any, Literal, cast

import msgspec

from connectors.coming_back import again_of
from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.kafka.topics import SETTLED, paths
from topologies.ports.dead_letters import DeadLetter, Edited
from topologies.ports.log import Entry, Record
from topologies.topics import DEAD_SUFFIX, dead_topic

State = Literal["replayed", "dropped"]
_Rank = tuple[datetime, int, str, int]
LONGEST_PLACE = 24  # digits of partition and offset: beyond, it is no letter of ours


class _Settled(msgspec.Struct, frozen=True):
    state: State


class KafkaDeadLetters:
    """All dead letters of a deployment.

    Two who settle the same letter at the same time may both do so: it is replayed twice
    with the same event_id, which changes nothing.
    """

    def __init__(self, log: KafkaLog, reader: KafkaReader) -> None:
        """Use *log* and *reader* of the same deployment; whoever opened them closes them."""
        self._log = log
        self._reader = reader
        self._lock = asyncio.Lock()
        self._states: dict[str, State] = {}  # by letter_id, as far as they were read
        self._read_to: dict[int, int] = {}
        self._stages: dict[str, str] = {}  # by letter_id, as far as they were read
        self._stages_from: dict[tuple[str, int], int] = {}  # by path and partition
        self._stages_to: dict[tuple[str, int], int] = {}

    async def list(
        self,
        *,
        path: str | None = None,
        include_settled: bool = False,
        limit: int = 100,
        after: str = "",
    ) -> Sequence[DeadLetter]:
        last = await self.get(after) if after else None
        if after and last is None:
            return []
        # Every letter is looked at, but only the newest are held: a topic can't be read back
        # to front, and dead letters are few.
        states = await self._settled()
        newest: list[tuple[_Rank, DeadLetter]] = []
        for each in paths() if path is None else (path,):
            async with aclosing(self._letters(each, states)) as letters:
                async for letter in letters:
                    is_wanted = include_settled or letter.state == "dead"
                    if is_wanted and (last is None or _rank(letter) < _rank(last)):
                        keep = heapq.heappush if len(newest) < limit else heapq.heappushpop
                        keep(newest, (_rank(letter), letter))
        return [letter for _, letter in sorted(newest, key=itemgetter(0), reverse=True)]

    async def get(self, letter_id: str) -> DeadLetter | None:
        if (place := _place(letter_id)) is None:
            return None
        path, partition, offset = place
        record = await self._reader.at(dead_topic(path), partition, offset)
        return _letter(record, await self._settled()) if record is not None else None

    async def replay(self, letter_id: str, edited: Edited | None = None) -> bool:
        return await self._settle(letter_id, "replayed", edited)

    async def drop(self, letter_id: str) -> bool:
        return await self._settle(letter_id, "dropped")

    async def count(self) -> dict[str, int]:
        # By offsets, so that it costs the same however many there are.
        settled = [_place(letter_id) for letter_id in await self._settled()]
        counts: dict[str, int] = {}
        for path in paths():
            starts = await self._reader.starts(dead_topic(path))
            ends = await self._reader.ends(dead_topic(path))
            kept = {place for place in settled if place and place[0] == path}
            is_there = [
                offset >= starts.get(partition, offset + 1) for _, partition, offset in kept
            ]
            count = sum(ends.values()) - sum(starts.values()) - sum(is_there)
            if count:
                counts[path] = count
        return counts

    async def count_by_stage(self) -> dict[str, int]:
        settled = await self._settled()
        for path in paths():
            await self._learn_stages(path)
        found = Counter(
            stage for letter_id, stage in self._stages.items() if letter_id not in settled
        )
        return dict(found)

    async def _learn_stages(self, path: str) -> None:
        """Read which stages the letters of *path* are of that came since the last time."""
        topic = dead_topic(path)
        starts = await self._reader.starts(topic)
        for partition, start in starts.items():  # what retention took is no letter any more
            place = (path, partition)
            for offset in range(self._stages_from.get(place, start), start):
                self._stages.pop(f"{path}-{partition}-{offset}", None)
            self._stages_from[place] = start
        read_from = {p: max(self._stages_to.get((path, p), 0), s) for p, s in starts.items()}
        async with aclosing(self._reader.read(topic, offsets=read_from)) as records:
            async for record in records:
                letter_id = f"{path}-{record.partition}-{record.offset}"
                self._stages[letter_id] = record.headers.get("stage", "")
                self._stages_to[path, record.partition] = record.offset + 1

    async def _letters(self, path: str, states: dict[str, State]) -> AsyncGenerator[DeadLetter]:
        async with aclosing(self._reader.read(dead_topic(path))) as records:
            async for record in records:
                yield _letter(record, states)

    async def _settle(self, letter_id: str, state: State, edited: Edited | None = None) -> bool:
        async with self._lock:
            letter = await self.get(letter_id)
            if letter is None or letter.state != "dead":
                return False
            if state == "replayed":
                # First, and durable: were we to end between the two, it is only still dead.
                await self._log.write([again_of(letter, edited)])
            await self._log.write([_settlement(letter, state)])
            return True

    async def _settled(self) -> dict[str, State]:
        """Read what was settled since the last time, and return all of it."""
        starts = {p: self._read_to.get(p, 0) for p in await self._reader.ends(SETTLED)}
        async with aclosing(self._reader.read(SETTLED, offsets=starts)) as records:
            async for record in records:
                if (state := _state(record.value)) is not None:
                    self._states[record.key] = state
                self._read_to[record.partition] = record.offset + 1
        return self._states


def _place(letter_id: str) -> tuple[str, int, int] | None:
    """Return path, partition and offset of a letter, None if it is no id of ours."""
    path, _, place = letter_id.partition("-")
    partition, _, offset = place.partition("-")
    if path not in paths() or len(place) > LONGEST_PLACE:
        return None
    if not (partition.isdecimal() and offset.isdecimal()):
        return None
    return path, int(partition), int(offset)


def _rank(letter: DeadLetter) -> _Rank:
    """Return what orders letters, no two alike."""
    path, partition, offset = letter.letter_id.rsplit("-", 2)
    return letter.buried_at, int(offset), path, int(partition)


def _state(value: bytes) -> State | None:
    try:
        return msgspec.json.decode(value, type=_Settled).state
    except msgspec.DecodeError:
        return None  # whatever wrote that, it settles nothing


def _letter(record: Record, states: dict[str, State]) -> DeadLetter:
    path = record.topic.removesuffix(DEAD_SUFFIX)
    letter_id = f"{path}-{record.partition}-{record.offset}"
    told = record.headers
    attempts = told.get("attempts", "")
    return DeadLetter(
        letter_id=letter_id,
        path=path,
        stage=told.get("stage", ""),
        kind=cast("Any", told.get("kind", "poison")),
        reason=told.get("reason", ""),
        traceback=told.get("traceback", ""),
        attempts=int(attempts) if attempts.isdecimal() else 0,
        key=record.key,
        value=record.value,
        event_id=record.event_id,
        origin=told.get("origin", ""),
        buried_at=record.appended_at,
        topic=told.get("topic", ""),
        state=states.get(letter_id, "dead"),
    )


def _settlement(letter: DeadLetter, state: State) -> Entry:
    return Entry(
        topic=SETTLED,
        key=letter.letter_id,
        value=msgspec.json.encode(_Settled(state)),
        event_id=letter.event_id,
    )
