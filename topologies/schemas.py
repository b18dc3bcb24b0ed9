"""`python -m topologies.schemas`: write the JSON Schema of every event.

What is written is committed, and a test compares it with the classes: a change of what is on
the log shows in the diff.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from topologies.events.base import Event, event_tag
from topologies.topics import OWN_TOPICS

FOLDER = Path(__file__).parent / "events" / "schemas"


def schemas() -> Iterator[tuple[str, bytes]]:
    """Yield the name of each schema's file and what belongs into it."""
    for topic in OWN_TOPICS:
        for kind in topic.events:
            yield file_name(kind), _schema(kind, topic.name)


def file_name(kind: type[Event]) -> str:
    """Return the name of the file for *kind*."""
    return event_tag(kind).replace("/", "-") + ".json"


def _schema(kind: type[Event], topic: str) -> bytes:
    schema = msgspec.json.schema(kind)
    about = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"on the topic {topic}; unknown fields are to be ignored",
    }
    return msgspec.json.format(msgspec.json.encode(about | schema), indent=2) + b"\n"


def main() -> None:
    """Write all schemas, and remove those of events that are gone."""
    FOLDER.mkdir(exist_ok=True)
    current = dict(schemas())
    for path in FOLDER.glob("*.json"):
        if path.name not in current:
            path.unlink()
    for name, content in current.items():
        (FOLDER / name).write_bytes(content)
    sys.stdout.write(f"{len(current)} schemas in {FOLDER}\n")


if __name__ == "__main__":
    main()
