"""The filters of the search field: ``in: label: is: has: after: before: larger:``.

Each reads what stands behind its colon; ``topologies.mail.query`` puts them together.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from topologies.events.mailbox import SYSTEM_FOLDERS

Condition = Literal[
    "folder_id",
    "labels",
    "without_labels",
    "is_read",
    "is_starred",
    "has_attachment",
    "after",
    "before",
    "larger_bytes",
]
GATHERED = ("labels", "without_labels")  # of these each that is typed counts


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Attributes:
        read: Returns the field of ``SearchQuery`` and its value for what was typed, whether
            it is negated, and the time now. Raises ``ValueError`` or ``OverflowError``.
        advice: What to type, for people.
        instead_of_minus: What to type where it can't be negated; empty if it can.
    """

    read: Callable[[str, bool, datetime], tuple[Condition, Any]]
    advice: str
    instead_of_minus: str = ""


def _folder(value: str, _is_negated: bool, _now: datetime) -> tuple[Condition, Any]:
    return "folder_id", value.lower() if value.lower() in SYSTEM_FOLDERS else value


def _label(value: str, is_negated: bool, _now: datetime) -> tuple[Condition, Any]:
    return ("without_labels" if is_negated else "labels"), (value,)


def _flag(value: str, is_negated: bool, _now: datetime) -> tuple[Condition, Any]:
    if value.lower() not in _FLAGS:
        raise ValueError(value)
    name, wanted = _FLAGS[value.lower()]
    return name, wanted != is_negated


def _attachment(value: str, is_negated: bool, _now: datetime) -> tuple[Condition, Any]:
    if value.lower() not in ("attachment", "attachments"):
        raise ValueError(value)
    return "has_attachment", not is_negated


def _after(value: str, _is_negated: bool, now: datetime) -> tuple[Condition, Any]:
    return "after", moment(value, now)


def _before(value: str, _is_negated: bool, now: datetime) -> tuple[Condition, Any]:
    return "before", moment(value, now)


def _larger(value: str, _is_negated: bool, _now: datetime) -> tuple[Condition, Any]:
    match = re.fullmatch(r"([0-9]{1,9})([kmg]?)b?", value.lower())
    if match is None:
        raise ValueError(value)
    return "larger_bytes", int(match[1]) * 1024 ** " kmg".index(match[2] or " ")


def moment(value: str, now: datetime) -> datetime:
    """Return the first moment of a year, month or day, or *now* less an age.

    Raises:
        ValueError: It is neither.
        OverflowError: It lies outside of what a calendar holds.
    """
    if age := re.fullmatch(r"([0-9]{1,5})([hdwmy])", value.lower()):
        return now - timedelta(hours=int(age[1]) * _HOURS[age[2]])
    date = re.fullmatch(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", value)
    if date is None:
        raise ValueError(value)
    year, month, day = (int(part or 1) for part in date.groups())
    return datetime(year, month, day, tzinfo=now.tzinfo)


_FLAGS: dict[str, tuple[Condition, bool]] = {
    "read": ("is_read", True),
    "unread": ("is_read", False),
    "starred": ("is_starred", True),
    "unstarred": ("is_starred", False),
}
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}
_DATES = "write a date as 2026, 2026-03 or 2026-03-14, or an age as 12h, 7d, 2w, 3m or 1y"

FILTERS: dict[str, Filter] = {
    "in": Filter(
        _folder, "name a folder, as in in:inbox", "name the folder to look in, as in in:inbox"
    ),
    "label": Filter(_label, 'name a label, as in label:work or label:"to read"'),
    "is": Filter(_flag, "write is:read, is:unread, is:starred or is:unstarred"),
    "has": Filter(_attachment, "write has:attachment"),
    "after": Filter(_after, _DATES, "write before: instead"),
    "before": Filter(_before, _DATES, "write after: instead"),
    "larger": Filter(
        _larger, "write a size in bytes, as in larger:10K or larger:5M", "leave the minus out"
    ),
}
