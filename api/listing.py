"""Stretches of lists that are read whole, each in an order that does not change by itself.

A cursor says where in that order the last of the page before stood: so nothing is told twice or
left out when others come or go meanwhile, that one among them.
"""

import base64
import binascii
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec

from api.problems import invalid_parameter
from api.shapes import StretchQuery

T = TypeVar("T")

Place = tuple[float, str]  # what the list is ordered by, and a name that no other item has

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stretch(Generic[T]):
    """A part of a list.

    Attributes:
        told: What a ``ListOut`` says of it.
    """

    items: tuple[T, ...]
    told: dict[str, Any]


def stretch(
    whole: Iterable[T],
    asked: StretchQuery,
    place: Callable[[T], Place],
    *,
    is_downward: bool = False,
) -> Stretch[T]:
    """Return the part of *whole* that is asked for.

    Args:
        whole: All there are.
        asked: Limit, and cursor or offset.
        place: Returns the place of an item, by which they are ordered.
        is_downward: The highest place comes first.

    Raises:
        Problem: The cursor is none of such a list.
    """
    ordered = sorted(whole, key=place, reverse=is_downward)
    begins = asked.offset
    if asked.cursor is not None:
        last = _read(asked.cursor)
        is_behind = operator.lt if is_downward else operator.gt
        behind = (at for at, item in enumerate(ordered) if is_behind(place(item), last))
        begins = next(behind, len(ordered))
    items = tuple(ordered[begins : begins + asked.limit])
    has_more = bool(items) and begins + len(items) < len(ordered)
    next_cursor = _written(place(items[-1])) if has_more else None
    told = {"total_count": len(ordered), "has_more": has_more, "next_cursor": next_cursor}
    return Stretch(items, told)


def rank_of(at: datetime) -> float:
    """Return what orders moments, in microseconds."""
    return float((at - _EPOCH) // timedelta(microseconds=1))


def _written(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def _read(cursor: str) -> Place:
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(data, type=Place)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise invalid_parameter("cursor", "it is no next_cursor of this listing") from None
