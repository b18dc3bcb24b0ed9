"""The schemas that are committed are those of the events, and old events stay readable."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.examples import EXAMPLES, Example
from topologies.events.base import Event, event_tag
from topologies.events.upcasting import EventReader
from topologies.schemas import FOLDER, file_name, schemas
from topologies.topics import TOPICS

KINDS = [kind for topic in TOPICS for kind in topic.events]


def test_the_committed_schemas_are_those_of_the_events() -> None:
    committed = {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    assert committed == dict(schemas()), "run `make schemas` and look at the diff"


@pytest.mark.parametrize("kind", KINDS, ids=event_tag)
def test_every_event_has_an_example(kind: type[Event]) -> None:
    assert [e for e in EXAMPLES if e.kind is kind], f"add {file_name(kind)} to tests/examples/"


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_is_read_as_the_event_it_is_and_written_alike(example: Example) -> None:
    assert type(example.event) is example.kind
    again = msgspec.json.decode(msgspec.json.encode(example.event), type=example.kind)
    assert again == example.event


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_field_of_a_later_version_is_ignored(example: Example) -> None:
    later = json.loads(example.raw) | {"of_a_later_version": [1, {"a": None}]}
    assert EventReader((example.kind,)).read(json.dumps(later).encode()) == example.event


def test_a_file_among_the_examples_is_one() -> None:
    files = {path.name for path in Path(__file__).with_name("examples").glob("*.json")}
    assert files == {example.file_name for example in EXAMPLES}
