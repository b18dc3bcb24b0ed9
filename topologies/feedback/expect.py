"""Expect: mail that is to be delivered elsewhere is seen before anybody tried.

Reads `delivery.due`; tells ``Deliveries`` of what is tried for the first time. Writes no event.
Whether it is tried at all does not depend on it: this is for people who look.
"""

from collections.abc import Sequence

from topologies.events import DeliveryDue, Event
from topologies.ports.deliveries import Deliveries
from topologies.stage import stage


@stage(reads=DeliveryDue, writes=[])
async def expect(due: DeliveryDue, *, deliveries: Deliveries) -> Sequence[Event]:
    """Keep that the recipients are to be tried."""
    if due.attempt == 1:
        await deliveries.expect(due)
    return []
