"""How an event of an older version is read by today's code: as what it would be today.

A version only grows by optional fields (``topologies.events.base``). Whatever else changes makes
``name/2``, with a class of its own; the class of ``name/1`` moves to where its upcaster is, and
stays for as long as a log, a backup or a dead letter may hold one. Stages know the newest alone.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, Union, cast

import msgspec

from topologies.events.base import Event, event_tag


@dataclass(frozen=True, slots=True)
class Upcast:
    """How one version becomes the next.

    Attributes:
        old: The class of the older version, written no more.
        new: Of the next one; with an upcaster of its own if that is old too.
        by: Returns the same fact as *new*. Pure, so that a replay comes to the same.
    """

    old: type[Event]
    new: type[Event]
    by: Callable[[Any], Event]


UPCASTS: Sequence[Upcast] = ()  # none yet: every event is in its first version

E = TypeVar("E", bound=Event)


class EventReader(Generic[E]):
    """Reads events of some kinds, and all that were these once."""

    def __init__(self, kinds: Sequence[type[E]], upcasts: Sequence[Upcast] = UPCASTS) -> None:
        """Prepare to read *kinds*, and what *upcasts* lead to them from."""
        self._by_old: Mapping[type[Event], Upcast] = _leading_to(kinds, upcasts)
        known = (*kinds, *self._by_old)
        self._decoder = cast(
            "msgspec.json.Decoder[Event]",
            msgspec.json.Decoder(Union[known]),  # noqa: UP007  built at run time
        )

    @property
    def kinds_once(self) -> Sequence[type[Event]]:
        """The older kinds that are read as well."""
        return tuple(self._by_old)

    def read(self, raw: bytes) -> E:
        """Return the event in *raw*, as one of the kinds asked for.

        Raises:
            msgspec.DecodeError: It is none of them and never was.
        """
        event = self._decoder.decode(raw)
        while (upcast := self._by_old.get(type(event))) is not None:
            event = upcast.by(event)
        return cast("E", event)


def reader_of(*kinds: type[E]) -> EventReader[E]:
    """Return what reads *kinds*, made once."""
    return cast("EventReader[E]", _made(kinds))


@functools.cache
def _made(kinds: tuple[type[Event], ...]) -> EventReader[Event]:
    return EventReader(kinds)


def _leading_to(
    kinds: Sequence[type[Event]], upcasts: Sequence[Upcast]
) -> Mapping[type[Event], Upcast]:
    found: dict[type[Event], Upcast] = {}
    wanted = set(kinds)
    while more := [each for each in upcasts if each.new in wanted and each.old not in found]:
        for each in more:
            if each.old in kinds:
                raise ValueError(f"{event_tag(each.old)} is old, and read as itself as well")
            found[each.old] = each
            wanted.add(each.old)
    return found
