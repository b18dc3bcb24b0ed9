"""Tally senders: who sends most, hour by hour; an example of a stage that keeps windows.

Reads `senders.judged`; writes nothing, and counts in ``TopSenders`` by the hour in which a mail was
received, so that one that comes late, or once more, counts where it belongs, and once. Whether many
mails are too many is not decided here.
"""

from collections.abc import Sequence

from topologies.events import Event, SenderJudged
from topologies.ports.top_senders import TopSenders
from topologies.stage import stage


@stage(reads=SenderJudged, writes=[])
async def tally_senders(judged: SenderJudged, *, top_senders: TopSenders) -> Sequence[Event]:
    """Count one mail of a sender in its hour."""
    await top_senders.count(judged)
    return []
