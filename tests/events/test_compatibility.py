"""Whether a changed schema reads what was written before, and what is told if it does not."""

from typing import Any, Literal

import msgspec
import pytest

from topologies.compatibility import problems
from topologies.events.base import Event
from topologies.published import KEPT, broken, digest, old_names
from topologies.schemas import schemas


def test_events_that_were_published_are_read_today() -> None:
    assert broken(dict(schemas()), old_names()) == []


def test_an_example_that_was_kept_once_is_kept_for_ever() -> None:
    kept = dict(reversed(line.split()) for line in KEPT.read_text().splitlines())
    today = {path.name: digest(path) for path in KEPT.parent.glob("*.json")}
    changed = {name for name, each in kept.items() if today.get(name) != each}
    assert changed == set(), "old examples are neither changed nor removed: add another beside them"


def test_a_published_event_that_nothing_reads_any_more_is_told() -> None:
    today = dict(schemas())
    del today["mail.parsed-1.json"]
    [told] = broken(today, frozenset())
    assert told.startswith("mail.parsed-1: it is published, and nothing reads it any more")
    assert broken(today, frozenset({"mail.parsed-1.json"})) == []  # an upcaster does


class Inner(msgspec.Struct, frozen=True):
    a: int


class Old(Event, frozen=True, kw_only=True, tag="old/1"):
    name: str
    kind: Literal["red", "green"]
    count: int = 1
    inner: Inner | None = None
    lines: tuple[str, ...] = ()


def changed(**fields: tuple[Any, ...]) -> dict[str, Any]:
    """Return the schema of ``Old`` with fields changed; of ``(None,)``: without it."""
    known: dict[str, tuple[Any, ...]] = {
        "name": (str,),
        "kind": (Literal["red", "green"],),
        "count": (int, 1),
        "inner": (Inner | None, None),
        "lines": (tuple[str, ...], ()),
    }
    named = [(name, *of) for name, of in (known | fields).items() if of != (None,)]
    made = msgspec.defstruct("Old", named, kw_only=True, tag="old/1", tag_field="event")
    return msgspec.json.schema(made)


class InnerWithMore(msgspec.Struct, frozen=True):
    a: int
    b: int


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"new": (str, "")},
        {"new": (int | None, None)},
        {"count": (float, 1)},
        {"kind": (Literal["red", "green", "blue"],)},
        {"name": (str | None,)},
    ],
    ids=str,
)
def test_what_only_grows_breaks_nothing(fields: dict[str, Any]) -> None:
    assert problems(msgspec.json.schema(Old), changed(**fields)) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": (None,)}, "`name` of the event is gone: what was said by it would be lost"),
        (
            {"new": (str,)},
            "`new` of the event is new and is required: older events lack it",
        ),
        (
            {"count": (int,)},
            "`count`: its default was 1, so events without it mean that; now it is None",
        ),
        (
            {"count": (int, 2)},
            "`count`: its default was 1, so events without it mean that; now it is 2",
        ),
        ({"name": (int,)}, "`name`: it was of type string, and is integer"),
        ({"kind": (Literal["red"],)}, "`kind`: it could be green, and can't any more"),
        ({"inner": (Inner, Inner(1))}, "`inner`: it could be null, and can't any more"),
        ({"inner": (InnerWithMore | None, None)}, "`inner`: it could be Inner, and can't any more"),
        (
            {"lines": (tuple[int, ...], ())},
            "each of `lines`: it was of type string, and is integer",
        ),
        (
            {"count": (str, "1")},
            "`count`: it was of type integer, and is string",
        ),
    ],
    ids=str,
)
def test_what_older_events_do_not_fit_is_told(fields: dict[str, Any], told: str) -> None:
    assert told in problems(msgspec.json.schema(Old), changed(**fields))
