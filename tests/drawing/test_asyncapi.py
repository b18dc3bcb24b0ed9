"""The AsyncAPI document holds against the standard's own schema, and tells all that there is.

The schema is that of the AsyncAPI Initiative, as its package `@asyncapi/specs` 6.11.1 (Apache-2.0)
has it, without line ends.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.examples import EXAMPLES, Example
from topologies.drawing.asyncapi import as_asyncapi
from topologies.events.base import event_tag
from topologies.topics import TOPICS
from topologies.topology import build

SCHEMA = json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text(encoding="utf-8"))
STANDARD = jsonschema_rs.validator_for(SCHEMA)
DOCUMENT: dict[str, Any] = json.loads(as_asyncapi(build()))


def test_it_is_a_document_of_asyncapi_3() -> None:
    assert [error.message for error in STANDARD.iter_errors(DOCUMENT)] == []


def test_what_is_none_would_be_noticed() -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    broken["operations"]["parse.reads"]["action"] = "look at"
    assert not STANDARD.is_valid(broken)


def test_every_topic_is_a_channel_with_its_events_and_every_path_has_its_dead_letters() -> None:
    channels = DOCUMENT["channels"]
    for topic in TOPICS:
        names = {event_tag(kind).replace("/", "-") for kind in topic.events}
        assert channels[topic.name]["messages"].keys() == names
    dead = {f"{stage.path}.dead" for stage in build().stages}
    assert channels.keys() == {topic.name for topic in TOPICS} | dead


def test_every_stage_receives_what_it_reads_and_sends_what_it_writes() -> None:
    operations = DOCUMENT["operations"]
    assert operations["scan.reads"]["action"] == "receive"
    assert operations["scan.reads"]["channel"] == {"$ref": "#/channels/mail.authenticated"}
    assert operations["scan.writes.mail.scanned"]["messages"] == [
        {"$ref": "#/channels/mail.scanned/messages/mail.scanned-1"}
    ]
    for stage in build().stages:
        assert f"{stage.name}.reads" in operations


def test_a_message_tells_its_key() -> None:
    message = DOCUMENT["components"]["messages"]["mailbox.deliver-1"]
    assert message["bindings"]["kafka"]["key"] == {"type": "string", "description": "user_id"}
    assert message["name"] == "mailbox.deliver/1"


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_example_is_valid_by_the_schema_that_is_told(example: Example) -> None:
    name = event_tag(example.kind).replace("/", "-")
    payload = DOCUMENT["components"]["messages"][name]["payload"]
    told = payload | {"components": {"schemas": DOCUMENT["components"]["schemas"]}}
    jsonschema_rs.validate(told, json.loads(example.raw))
