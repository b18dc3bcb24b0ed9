"""What the sender of a mail is to be told, gathered until it is told in one report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from topologies.events import DeliveryAttempted


@dataclass(frozen=True, slots=True)
class Round:
    """News of a mail that are told together.

    Attributes:
        name: Of what began it.
        since: When the attempt was made that began it.
    """

    name: str
    since: datetime


class Tidings(Protocol):
    """News of mails in rounds: a mail has one that is open, or none.

    Called for one mail by one caller after another, in the order of the log. After a crash it is
    called again in that order, from somewhere before: then each call comes to what it came to.
    What is kept is forgotten after months.
    """

    async def gather(self, name: str, news: DeliveryAttempted) -> Round:
        """Keep *news* in the open round of its mail, or begin one; return when it is durable.

        What was gathered by that name before stays as it was, in the round that it is in. The
        round is returned.

        Args:
            name: What is told, of the mails that there are but once.
            news: Of what an attempt came to, what the sender is to be told.
        """
        ...

    async def close(self, mail_id: str, round_name: str) -> Sequence[DeliveryAttempted]:
        """End a round, for good, and return what it holds, by name; empty: there is none such.

        Nothing is added to it from here on: however often it is closed, it holds the same.
        """
        ...
