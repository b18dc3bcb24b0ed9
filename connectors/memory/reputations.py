"""What is known of senders, in this process: forgotten when it ends."""

from collections import OrderedDict

from topologies.events import SenderJudged
from topologies.mail.reputation import Hours, counted, total
from topologies.ports.clock import Clock
from topologies.ports.reputations import Reputation

MOST_SENDERS = 50_000  # those heard of longest ago are forgotten first


class MemoryReputations:
    """Counts of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._senders: OrderedDict[str, Hours] = OrderedDict()

    async def count(self, judged: SenderJudged) -> None:
        hours = self._senders.pop(judged.sender, {})
        self._senders[judged.sender] = counted(hours, judged.judged_at, is_bad=judged.is_bad)
        if len(self._senders) > MOST_SENDERS:
            self._senders.popitem(last=False)

    async def of(self, sender: str) -> Reputation | None:
        hours = self._senders.get(sender)
        return total(hours, self._clock.now()) if hours is not None else None
