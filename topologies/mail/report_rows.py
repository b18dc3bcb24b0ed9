"""Rows of reports on our domains as stores keep them: as text, in order, with cursors.

The newest day comes first; within a day, reports by their key, and their rows as numbered.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from topologies.mail.aggregate import Kind
from topologies.ports.domain_reports import DmarcPage, DmarcRow, TlsPage, TlsRow

Row = DmarcRow | TlsRow

_encoder = msgspec.json.Encoder()
_decoders: dict[Kind, msgspec.json.Decoder[Any]] = {
    "dmarc": msgspec.json.Decoder(DmarcRow),
    "tls": msgspec.json.Decoder(TlsRow),
}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a row stands in the listing of its domain; they sort as listed.

    Attributes:
        age: The day's ordinal, negated.
        report: The key of its report.
        number: Of the row in it, from 0.
    """

    age: int
    report: str
    number: int

    @property
    def day(self) -> date:
        """The day."""
        return date.fromordinal(-self.age)


@dataclass(frozen=True, slots=True)
class Kept:
    """A row and its place."""

    place: Place
    row: bytes


def kept(report: str, rows: Sequence[Row]) -> Sequence[tuple[Row, Kept]]:
    """Return *rows* of a report as they are kept."""
    return [
        (row, Kept(Place(age_of(row.day), report, number), _encoder.encode(row)))
        for number, row in enumerate(rows)
    ]


def age_of(day: date) -> int:
    """Return what sorts days newest first."""
    return -day.toordinal()


def start(first: date, last: date, cursor: str | None) -> Place:
    """Return the place that a page from *cursor* on comes behind.

    Raises:
        ValueError: The cursor is none of a listing of these days.
    """
    if cursor is None:
        return Place(age_of(last), "", -1)  # before the first of the newest day
    place = _place_in(cursor)
    if not age_of(last) <= place.age <= age_of(first):
        raise ValueError("not a cursor of this listing")
    return place


def dmarc_page(found: Sequence[Kept], limit: int, go_on: Place | None = None) -> DmarcPage:
    """Return the page that *found* begins with.

    Args:
        found: One more than the limit tells of a next page.
        limit: Of rows.
        go_on: Where to look on if there are no more; None: nowhere.
    """
    rows = tuple(_decoders["dmarc"].decode(each.row) for each in found[:limit])
    return DmarcPage(rows=rows, next_cursor=_next(found, limit, go_on))


def tls_page(found: Sequence[Kept], limit: int, go_on: Place | None = None) -> TlsPage:
    """Return the same of reports on TLS."""
    rows = tuple(_decoders["tls"].decode(each.row) for each in found[:limit])
    return TlsPage(rows=rows, next_cursor=_next(found, limit, go_on))


def _next(found: Sequence[Kept], limit: int, go_on: Place | None) -> str | None:
    if len(found) > limit:
        return _cursor_of(found[limit - 1].place)
    return None if go_on is None else _cursor_of(go_on)


def _cursor_of(place: Place) -> str:
    text = f"{place.day:%Y%m%d}.{place.number}.{place.report}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place_in(cursor: str) -> Place:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        day, number, report = text.split(".")
        place = Place(age_of(date.fromisoformat(day)), report, int(number))
    except (binascii.Error, ValueError) as error:
        raise ValueError("not a cursor of this listing") from error
    if _cursor_of(place) != cursor:
        raise ValueError("not a cursor of this listing")
    return place
