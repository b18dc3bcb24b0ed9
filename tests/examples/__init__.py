"""Events as they were written once: one file for each, kept for ever.

A file is called as the event's tag, with what is peculiar to it behind: an old one must stay
readable whatever becomes of the code. Every stage is run on those that it reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from topologies.events.base import Event, event_tag
from topologies.topics import TOPICS


@dataclass(frozen=True)
class Example:
    """One event in a file."""

    file_name: str
    raw: bytes
    kind: type[Event]

    @property
    def event(self) -> Event:
        return msgspec.json.decode(self.raw, type=self.kind)

    def __str__(self) -> str:
        return self.file_name.removesuffix(".json")


def _found() -> Iterator[Example]:
    kinds = {event_tag(kind): kind for topic in TOPICS for kind in topic.events}
    for path in sorted(Path(__file__).parent.glob("*.json")):
        raw = path.read_bytes()
        tag = msgspec.json.decode(raw, type=dict[str, object])["event"]
        yield Example(path.name, raw, kinds[str(tag)])


EXAMPLES = tuple(_found())
