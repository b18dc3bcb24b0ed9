"""What the HTTP API takes and gives about dead letters."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.shapes import In, ListQuery, Out


class DeadLetterLine(Out, frozen=True, kw_only=True):
    """A record that no stage could pass."""

    letter_id: str
    path: str
    stage: str
    kind: str
    reason: str
    attempts: int
    key: str
    event_id: str
    origin: str
    buried_at: datetime
    state: str


class DeadLetterOut(DeadLetterLine, frozen=True, kw_only=True):
    """The same, with what it holds."""

    traceback: str
    value: Any  # the event, or as base64 in `value_base64` if it is no JSON
    value_base64: str | None


class DeadLettersOut(Out, frozen=True, kw_only=True):
    """Dead letters, newest first."""

    dead_letters: tuple[DeadLetterLine, ...]
    counts: dict[str, int]  # dead ones by path
    has_more: bool
    next_cursor: str | None


class DeadLettersQuery(ListQuery, frozen=True, kw_only=True):
    """Which of them."""

    path: Annotated[str, Meta(max_length=64)] | None = None
    stage: Annotated[str, Meta(max_length=64)] | None = None
    settled: Annotated[bool, Meta(description="also replayed and dropped ones")] = False


class Settled(Out, frozen=True, kw_only=True):
    """What became of a dead letter."""

    letter_id: str
    state: Literal["replayed", "dropped"]


class DeadLetterEdit(In, frozen=True, kw_only=True):
    """How the event of a dead letter is to be: given whole, or changed at some places."""

    value: Annotated[Any, Meta(description="the whole event")] | UnsetType = UNSET
    put: Annotated[
        dict[str, Any], Meta(max_length=100, description="by JSON Pointer (RFC 6901)")
    ] = msgspec.field(default_factory=dict[str, Any])
    remove: Annotated[tuple[Annotated[str, Meta(max_length=1_000)], ...], Meta(max_length=100)] = ()


class Edited(Out, frozen=True, kw_only=True):
    """The event was put right and handed to its stage."""

    letter_id: str
    state: Literal["replayed"]
    changed: tuple[str, ...]  # JSON Pointers of the places that are otherwise than in what died
