"""Parts of a date, as Sieve's tests `date` and `currentdate` name them (RFC 5260 §4.2)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

_ZONE = re.compile(r"([+-])([0-9]{2})([0-9]{2})")
_EPOCH_OF_MJD = datetime(1858, 11, 17, tzinfo=UTC)
_LATEST_YEAR = 9998  # so that there is a day after it, in whatever zone


def read(text: str) -> datetime | None:
    """Return the date that a field such as Date or Received ends with, in its own zone."""
    written = text.rpartition(";")[2].strip()[:100]
    try:
        found = parsedate_to_datetime(written)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if found.year > _LATEST_YEAR:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def shifted(at: datetime, zone: str) -> datetime:
    """Return *at* in *zone* (``+0200``); one that can't be read is UTC."""
    match = _ZONE.fullmatch(zone.strip())
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        return at.astimezone(UTC)
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return at.astimezone(timezone(-offset if match[1] == "-" else offset))


def part(at: datetime, name: str) -> str | None:
    """Return the part *name* of *at*; None if there is no such part."""
    match name.lower():
        case "year":
            return f"{at.year:04}"
        case "month":
            return f"{at.month:02}"
        case "day":
            return f"{at.day:02}"
        case "date":
            return f"{at:%Y-%m-%d}"
        case "julian":
            return str((at.replace(tzinfo=UTC) - _EPOCH_OF_MJD).days)
        case "hour":
            return f"{at.hour:02}"
        case "minute":
            return f"{at.minute:02}"
        case "second":
            return f"{at.second:02}"
        case "time":
            return f"{at:%H:%M:%S}"
        case "iso8601":
            return at.isoformat(timespec="seconds")
        case "std11":
            return format_datetime(at)
        case "zone":
            return f"{at:%z}"
        case "weekday":
            return str(at.isoweekday() % 7)
        case _:
            return None
