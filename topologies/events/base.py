"""The part that all events share.

An event is a frozen struct with a tag ``name/version``. A version only grows by
optional fields, and unknown fields are ignored, so old readers read new events;
anything else is a new version with its own class.
"""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """One fact or command on the log."""

    @property
    def key(self) -> str:
        """The partition key: events with the same key keep their order."""
        raise NotImplementedError


def event_tag(kind: type[Event]) -> str:
    """Return the ``name/version`` under which *kind* is written."""
    return str(kind.__struct_config__.tag)
