"""The topology as an AsyncAPI 3.0.0 document: every topic, its events, and who sends and receives.

A channel is a topic, a message an event with its JSON Schema, its key and its tag; an operation is
what one stage does with one topic. What is chained has a channel as well, since any step may be cut
or tapped. Written in JSON, which is YAML too.
"""

from importlib.metadata import version
from typing import Any

import msgspec

from topologies.events.base import Event, event_tag
from topologies.stage import Stage
from topologies.topic import Topic
from topologies.topics import TOPICS, dead_topic, topic_of
from topologies.topology import Topology

VERSION = "3.0.0"
# What a stage can't pass is on these, as it was handed in: an event of any kind.
_REASONS = ("stage", "topic", "kind", "reason", "traceback", "attempts", "origin")
_TEXT = {"type": "string"}


def as_asyncapi(topology: Topology) -> str:
    """Describe the topology for tools."""
    return msgspec.json.format(msgspec.json.encode(described(topology)), indent=2).decode()


def described(topology: Topology) -> dict[str, Any]:
    """Return the AsyncAPI document as values of JSON."""
    kinds = [kind for topic in TOPICS for kind in topic.events]
    schemas, components = msgspec.json.schema_components(
        kinds, ref_template="#/components/schemas/{name}"
    )
    paths = dict.fromkeys(stage.path for stage in topology.stages)
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Rillmail",
            "version": version("rillmail"),
            "description": "Mail as a stream: each topic of the log, the events on it, and the"
            " stages that read and write them. Unknown fields are to be ignored.",
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, topology) for topic in TOPICS}
        | {dead_topic(path): _dead_channel(path) for path in paths},
        "operations": {
            name: operation for stage in topology.stages for name, operation in _operations(stage)
        },
        "components": {
            "messages": {
                _name(kind): _message(kind, schema)
                for kind, schema in zip(kinds, schemas, strict=True)
            },
            "schemas": components,
        },
    }


def _channel(topic: Topic, topology: Topology) -> dict[str, Any]:
    told = [f"The key is the {topic.key}."]
    if topic.is_step:
        is_written = topology.is_written(topic.events[0])
        told.append(
            "A step between two stages: "
            + ("published." if is_written else "handed on in process unless it is cut or tapped.")
        )
    if topic.delay is not None:
        told.append(f"Its records go on after {topic.delay}.")
    configured = (
        {"topicConfiguration": {"retention.ms": int(topic.retention.total_seconds() * 1000)}}
        if topic.retention is not None
        else {}
    )
    return {
        "address": topic.name,
        "description": " ".join(told),
        "messages": {
            _name(kind): {"$ref": f"#/components/messages/{_name(kind)}"} for kind in topic.events
        },
        "bindings": {"kafka": {"topic": topic.name, **configured, "bindingVersion": "0.5.0"}},
    }


def _dead_channel(path: str) -> dict[str, Any]:
    return {
        "address": dead_topic(path),
        "description": f"What no stage of the path {path} could pass, as it was handed in: an"
        " event of any kind, or what could not be read. Headers tell the reason.",
        "messages": {
            "deadLetter": {
                "title": "A dead letter",
                "headers": {
                    "type": "object",
                    "properties": dict.fromkeys(_REASONS, _TEXT),
                },
                "payload": {"type": "object"},
            }
        },
        "bindings": {"kafka": {"topic": dead_topic(path), "bindingVersion": "0.5.0"}},
    }


def _operations(stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    found = [(f"{stage.name}.reads", _operation("receive", stage, stage.reads))]
    by_topic: dict[str, list[type[Event]]] = {}
    for kind in stage.writes:
        by_topic.setdefault(topic_of(kind).name, []).append(kind)
    return [
        *found,
        *(
            (f"{stage.name}.writes.{name}", _operation("send", stage, tuple(kinds)))
            for name, kinds in by_topic.items()
        ),
    ]


def _operation(action: str, stage: Stage, kinds: tuple[type[Event], ...]) -> dict[str, Any]:
    channel = f"#/channels/{topic_of(kinds[0]).name}"
    about = (stage.run.__doc__ or "").strip().partition("\n")[0]
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": about or stage.name,
        "tags": [{"name": stage.path}],
        "messages": [{"$ref": f"{channel}/messages/{_name(kind)}"} for kind in kinds],
    }


def _message(kind: type[Event], schema: dict[str, Any]) -> dict[str, Any]:
    topic = topic_of(kind)
    return {
        "name": event_tag(kind),
        "title": kind.__name__,
        "summary": (kind.__doc__ or "").strip().partition("\n")[0],
        "contentType": "application/json",
        "headers": {"type": "object", "properties": {"event_id": _TEXT}},
        "payload": schema,
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _name(kind: type[Event]) -> str:
    # Names of components are letters, digits, dots, hyphens and underscores.
    return event_tag(kind).replace("/", "-")
