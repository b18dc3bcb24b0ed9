"""Tally DMARC: how mail in a domain's name fared is counted, for its owner (RFC 7489 §7.2).

Reads `dmarc.seen`; keeps it in ``Summaries``. Writes the `SummaryDue` that ends the day, if that
began it.
"""

from collections.abc import Sequence

import msgspec

from topologies.events import Event
from topologies.events.summary import DmarcSeen, SummaryDue
from topologies.mail import summarizing
from topologies.ports.policy import SummaryPolicy
from topologies.ports.summaries import Summaries, Window
from topologies.stage import stage


@stage(reads=DmarcSeen, writes=[SummaryDue])
async def tally_dmarc(
    seen: DmarcSeen, *, summaries: Summaries, policy: SummaryPolicy
) -> Sequence[Event]:
    """Return what ends the day of the domain, if this began it."""
    if not policy.tells_dmarc:
        return []
    window = Window(kind="dmarc", domain=seen.domain, day=summarizing.day_of(seen.seen_at))
    facts = {seen.mail_id: msgspec.json.encode(seen.fact)}
    return [summarizing.due(window)] if await summaries.gather(window, facts) else []
