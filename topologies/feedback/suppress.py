"""Suppress: an address that does not exist is not written to again for some time.

Reads `delivery.outcomes`; tells ``Suppressions`` of recipients whose mailbox or domain is none,
by what the peer said or the DNS. Writes no event. The list is the sender's own: that others may
have typed the address better is theirs. Who complained is `read_complaint`'s work.
"""

from collections.abc import Sequence
from datetime import timedelta

from topologies.events import DeliveryAttempted, Event
from topologies.mail import dsn, status, suppression
from topologies.ports.policy import SuppressionPolicy
from topologies.ports.suppressions import Suppression, Suppressions
from topologies.stage import stage


@stage(reads=DeliveryAttempted, writes=[])
async def suppress(
    attempted: DeliveryAttempted, *, suppressions: Suppressions, policy: SuppressionPolicy
) -> Sequence[Event]:
    """Put the addresses that lead to nobody on the sender's list."""
    if not policy.bounced_days or not attempted.user_id or attempted.kind != "sent":
        return []
    for result in attempted.results:
        if result.status != "failed" or not status.is_dead_address(result.enhanced):
            continue
        try:
            target = suppression.target_of(result.recipient)
        except ValueError:
            continue
        await suppressions.add(
            Suppression(
                owner=attempted.user_id,
                target=target,
                reason="bounce",
                detail=dsn.one_line(result.said),
                since=attempted.attempted_at,
                until=attempted.attempted_at + timedelta(days=policy.bounced_days),
            )
        )
    return []
