"""`python -m topologies.published`: take note of the events as a release writes them.

Done once with each release. `topologies/events/published/` then holds their schemas, and
`tests/examples/KEPT` the examples; from then on they bind whoever changes an event: tests compare
today's with them. What breaks with what was published is refused. docs/events.md tells the rules.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from topologies.compatibility import Schema, problems
from topologies.events.base import event_tag
from topologies.events.upcasting import UPCASTS
from topologies.schemas import schemas

FOLDER = Path(__file__).parent / "events" / "published"
EXAMPLES = Path(__file__).parents[1] / "tests" / "examples"
KEPT = EXAMPLES / "KEPT"
ADVICE = (
    "give the new field a default, or make a new version: a class tagged NAME/2, and an upcaster"
    " from NAME/1 in topologies/events/upcasting.py (docs/events.md)"
)


def published() -> Mapping[str, bytes]:
    """Return the schemas that are published, by the name of their file."""
    return {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.json"))}


def broken(today: Mapping[str, bytes], upcast: frozenset[str]) -> list[str]:
    """Return what *today*'s schemas break of those published, each in words and with advice.

    Args:
        today: By the name of their file.
        upcast: The names of those that are old, and read by an upcaster.
    """
    found: list[str] = []
    for name, old in published().items():
        tag = name.removesuffix(".json")
        if name in today:
            old_schema = msgspec.json.decode(old, type=Schema)
            new_schema = msgspec.json.decode(today[name], type=Schema)
            found += [f"{tag}: {each}: {ADVICE}" for each in problems(old_schema, new_schema)]
        elif name not in upcast:
            found.append(
                f"{tag}: it is published, and nothing reads it any more: keep its class, or let an"
                " upcaster in topologies/events/upcasting.py lead from it (docs/events.md)"
            )
    return found


def old_names() -> frozenset[str]:
    """Return the names of the files of those that an upcaster leads from."""
    return frozenset(f"{event_tag(each.old).replace('/', '-')}.json" for each in UPCASTS)


def main() -> int:
    """Publish today's schemas and examples, unless they break what was published."""
    today = dict(schemas())
    found = broken(today, old_names())
    for each in found:
        sys.stderr.write(f"{each}\n")
    if found:
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name, content in today.items():
        (FOLDER / name).write_bytes(content)
    lines = [f"{digest(path)}  {path.name}\n" for path in sorted(EXAMPLES.glob("*.json"))]
    KEPT.write_text("".join(lines))
    sys.stdout.write(f"{len(today)} schemas and {len(lines)} examples are published\n")
    return 0


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
