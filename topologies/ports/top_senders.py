"""Who sends most, hour by hour. A window is an hour of the mails' own time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from topologies.events.inbound import SenderJudged

MOST_SHOWN = 1_000  # senders of an hour that can be asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderCount:
    """How many mails came of one sender in one hour.

    Attributes:
        sender: A domain; or ``user:`` and the id of a user of ours.
        mails: Exact below 256, else to about 6 %.
        bad: How many of them were spam or malware; likewise.
    """

    sender: str
    mails: int
    bad: int


class TopSenders(Protocol):
    """Counts of the last day by sender and hour."""

    async def count(self, judged: SenderJudged) -> None:
        """Take note of a mail, in the hour in which it was received; again: nothing changes.

        Only the stage ``tally_senders`` does, one by one for each sender. A mail of an hour that
        is not kept any more is left out.

        Raises:
            Retryable: What it is kept in is out of reach.
        """
        ...

    async def top(self, hour: datetime, limit: int = 20) -> Sequence[SenderCount]:
        """Return who sent most in the *hour* that the moment lies in, most first, then by name.

        Anybody may ask. An hour that is not kept has nobody.

        Raises:
            Retryable: What it is kept in is out of reach.
        """
        ...
