"""Remember: count what senders' domains send, so that their next mail is judged by it, too.

Reads `senders.judged`; writes nothing, and counts in ``Reputations``: by the hour, for a day.
Only domains that DMARC has proved come here, so nobody gets another's reputation.
"""

from collections.abc import Sequence

from topologies.events import Event, SenderJudged
from topologies.ports.reputations import Reputations
from topologies.stage import stage


@stage(reads=SenderJudged, writes=[])
async def remember(judged: SenderJudged, *, reputations: Reputations) -> Sequence[Event]:
    """Count one mail of a sender."""
    await reputations.count(judged)
    return []
