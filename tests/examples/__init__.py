"""Events as they were written once: one file for each, kept for ever.

A file is called as the event's tag, with what is peculiar to it behind: an old one must stay
readable whatever becomes of the code. Every stage is run on those that it reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from topologies.events.base import Event, event_tag
from topologies.events.upcasting import UPCASTS, EventReader
from topologies.topics import TOPICS


@dataclass(frozen=True)
class Example:
    """One event in a file."""

    file_name: str
    raw: bytes
    kind: type[Event]

    @property
    def event(self) -> Event:
        return EventReader((self.kind,)).read(self.raw)

    def __str__(self) -> str:
        return self.file_name.removesuffix(".json")


def _found() -> Iterator[Example]:
    kinds = {event_tag(kind): kind for topic in TOPICS for kind in topic.events}
    for upcast in reversed(UPCASTS):  # what is old is known by what it is today
        kinds[event_tag(upcast.old)] = kinds[event_tag(upcast.new)]
    for path in sorted(Path(__file__).parent.glob("*.json")):
        raw = path.read_bytes()
        tag = msgspec.json.decode(raw, type=dict[str, object])["event"]
        yield Example(path.name, raw, kinds[str(tag)])


EXAMPLES = tuple(_found())


def example(name: str) -> Example:
    """Return the one that is called *name*, its file's name without the end."""
    return next(each for each in EXAMPLES if str(each) == name)
