"""Who sends most by the hour, in this process: forgotten when it ends."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime

from topologies.events import SenderJudged
from topologies.mail.sender_windows import Hours, counted, hour_of, size
from topologies.ports.top_senders import MOST_SHOWN, SenderCount

MOST_SENDERS = 50_000  # those heard of longest ago are forgotten first


class MemoryTopSenders:
    """Windows of one process."""

    def __init__(self) -> None:
        self._senders: OrderedDict[str, Hours] = OrderedDict()

    async def count(self, judged: SenderJudged) -> None:
        hours = self._senders.pop(judged.sender, {})
        self._senders[judged.sender] = counted(
            hours, judged.judged_at, judged.mail_id, is_bad=judged.is_bad
        )
        if len(self._senders) > MOST_SENDERS:
            self._senders.popitem(last=False)

    async def top(self, hour: datetime, limit: int = 20) -> Sequence[SenderCount]:
        found = [
            SenderCount(sender=sender, mails=size(windows[0]), bad=size(windows[1]))
            for sender, hours in self._senders.items()
            if (windows := hours.get(hour_of(hour))) is not None
        ]
        return sorted(found, key=lambda each: (-each.mails, each.sender))[: min(limit, MOST_SHOWN)]
