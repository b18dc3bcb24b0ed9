"""Dates and message-ids of header fields, read as far as they can be."""

import email.utils
import re
from datetime import UTC, datetime, timedelta, timezone

from topologies.mail import header_words

MOST_REFERENCES = 100
LONGEST_ID_CHARACTERS = 998
EARLIEST_YEAR, LATEST_YEAR = 1970, 2100  # beyond them it is no date but a mistake

_ID = re.compile(r"<([^<>\s]{1,998})>")
_LOOSE_ID = re.compile(r"[^<>\s,;\"]{1,998}@[^<>\s,;\"]{1,998}")


def date(value: bytes) -> datetime | None:
    """Return the moment in *value* (RFC 5322 §3.3) in UTC, None if it can't be read."""
    found = email.utils.parsedate_tz(header_words.raw_text_of(value[:200]))
    if found is None or not EARLIEST_YEAR <= found[0] <= LATEST_YEAR:
        return None
    offset = found[9] or 0
    try:
        zone = timezone(timedelta(seconds=offset)) if abs(offset) < 86_400 else UTC
        return datetime(*found[:6], tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def message_id(value: bytes) -> str:
    """Return the id in *value* without ``<>``; empty if it is none."""
    return next(iter(message_ids(value)), "")


def message_ids(value: bytes) -> tuple[str, ...]:
    """Return the ids in *value* without ``<>``, in order, each once.

    Of more than ``MOST_REFERENCES`` the first is kept and the last: the root and the nearest.
    """
    text = header_words.raw_text_of(value)
    found = (_ID if "<" in text else _LOOSE_ID).findall(text)
    ids = tuple(dict.fromkeys(each for each in found if len(each) <= LONGEST_ID_CHARACTERS))
    if len(ids) <= MOST_REFERENCES:
        return ids
    return (ids[0], *ids[-(MOST_REFERENCES - 1) :])
