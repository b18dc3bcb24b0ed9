"""The part that all events share.

An event is a frozen struct with a tag ``name/version``. A version only grows by
optional fields, and unknown fields are ignored, so old readers read new events;
anything else is a new version with its own class.
"""

from typing import Any, TypeVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """One fact or command on the log."""

    @property
    def key(self) -> str:
        """The partition key: events with the same key keep their order."""
        raise NotImplementedError

    @property
    def own_id(self) -> str:
        """The id of the event where it comes from outside; empty: it gets a new one each time."""
        return ""


def event_tag(kind: type[Event]) -> str:
    """Return the ``name/version`` under which *kind* is written."""
    return str(kind.__struct_config__.tag)


Kind = TypeVar("Kind", bound=Event)


def as_kind(event: Event, kind: type[Kind], **changes: Any) -> Kind:
    """Return *event* as one of *kind*, whose fields it has all but for those in *changes*."""
    wanted = [name for name in kind.__struct_fields__ if name not in changes]
    return kind(**{name: getattr(event, name) for name in wanted}, **changes)
