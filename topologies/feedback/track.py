"""Track: what became of a mail is seen by its sender and by operators.

Reads `delivery.outcomes`; tells ``Deliveries``. Writes no event. Whoever tried has told it
already; this tells it again, in case they could not, and tells what was found out otherwise.
"""

from collections.abc import Sequence

from topologies.events import DeliveryAttempted, Event
from topologies.ports.deliveries import Deliveries
from topologies.stage import stage


@stage(reads=DeliveryAttempted, writes=[])
async def track(attempted: DeliveryAttempted, *, deliveries: Deliveries) -> Sequence[Event]:
    """Keep what the attempt came to."""
    await deliveries.tell(attempted)
    return []
