"""What is known of senders lately. Approximate: a replay may count a mail twice."""

from dataclasses import dataclass
from typing import Protocol

from topologies.events.inbound import SenderJudged


@dataclass(frozen=True, slots=True, kw_only=True)
class Reputation:
    """Counts of the last day, approximate.

    Attributes:
        mails: How many were judged.
        bad: How many of them were spam or malware.
    """

    mails: int
    bad: int


class Reputations(Protocol):
    """Counts of the last day by the sender's domain."""

    async def count(self, judged: SenderJudged) -> None:
        """Take note of a mail. Only the stage ``remember`` does, one by one for each sender.

        Raises:
            Retryable: What it is kept in is out of reach.
        """
        ...

    async def of(self, sender: str) -> Reputation | None:
        """Return what is known of *sender*, a domain; None if nothing is, or none can be asked.

        Anybody may ask. What was counted a moment ago may be missing.
        """
        ...
