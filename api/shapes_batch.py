"""Shapes of changing many mails at once."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from api.shapes import In, Out, ProblemBody
from api.shapes_emails import EmailPatch

MOST_ITEMS = 1_000


class BatchItem(EmailPatch, frozen=True, kw_only=True):
    """What to change of one mail; what is absent stays."""

    email_id: Annotated[str, Meta(min_length=1, max_length=64)]
    snooze_until: (
        Annotated[datetime, Meta(tz=True, description="put off: in the future, within a year")]
        | UnsetType
    ) = UNSET
    delete: Annotated[bool, Meta(description="for good; into trash it is moved")] = False


class BatchIn(In, frozen=True, kw_only=True):
    """Changes of as many mails, each named once."""

    items: Annotated[tuple[BatchItem, ...], Meta(min_length=1, max_length=MOST_ITEMS)]


class BatchResult(Out, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item."""

    email_id: str
    # 200: it is as asked; 202: it will be, and the view does not show it yet; else see `problem`
    status: int
    problem: ProblemBody | None = None


class BatchOut(Out, frozen=True, kw_only=True):
    """What became of each item, in their order."""

    results: tuple[BatchResult, ...]
